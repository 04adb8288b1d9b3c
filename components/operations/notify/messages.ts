import { describeDuration } from "../base/durations.ts";
import { errorCodes } from "../base/error-codes.ts";
import type { RunContext } from "../base/run-context.ts";
import type { Evidence } from "../evidence/evidence-schema.ts";
import { bundleDirectory } from "../evidence/write-evidence.ts";

/** What Slack's incoming webhooks take; others that are compatible with it show the text. */
export interface NotifyMessage {
  text: string;
  blocks?: { type: "section"; text: { type: "mrkdwn"; text: string } }[];
}

/** The most names or kids of one kind that a message lists. */
const listed = 10;

/** A rotation has started. */
export function startMessage(run: RunContext): NotifyMessage {
  return build(`STARTED: ${subject(run)}`, about(run));
}

/** A rotation is verified on every instance. */
export function verifiedMessage(run: RunContext, evidence: Evidence): NotifyMessage {
  return build(`VERIFIED: ${subject(run)}`, [...about(run), ...found(evidence), whereIs(run)]);
}

/**
 * A rotation has failed. Of an error it tells the code and what that means in general: the message at hand, which may
 * name addresses and paths, is in the evidence.
 *
 * @param evidence of what was found until then; none where it could not be put together
 */
export function failedMessage(run: RunContext, evidence?: Evidence): NotifyMessage {
  const where = evidence?.failedPhase ? ` in phase ${evidence.failedPhase}` : "";
  return build(`FAILED${where}: ${subject(run)}`, [
    ...about(run),
    ...(evidence ? [...why(evidence), ...found(evidence), ...unproven(evidence)] : []),
    whereIs(run),
  ]);
}

function build(title: string, lines: readonly string[]): NotifyMessage {
  const section = (text: string) => ({ type: "section", text: { type: "mrkdwn", text } }) as const;
  const [head, body] = [plain(title), lines.map(plain).join("\n")];
  return { text: `${head}\n${body}`, blocks: [section(`*${head}*`), section(body)] };
}

/** As Slack wants it: else a name such as `<!channel>` would call everybody. */
function plain(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function subject({ rotation, realm, stack }: RunContext): string {
  return `rotation ${rotation} of realm ${realm}, stack ${stack}`;
}

function about({ mode, stage, incident }: RunContext): string[] {
  const how = mode === "planned" && stage === "final" ? "planned, retiring what no longer signs" : mode;
  return [`mode: ${how}`, ...(incident ? [`incident: ${incident}`] : [])];
}

function found({ verification, retired, signers, passive, retireAfter, exposureWindow }: Evidence): string[] {
  const proven = verification?.instances.filter((one) => one.verified).length;
  return [
    verification
      ? `instances: ${proven} of ${verification.instances.length} proven`
      : "instances: nothing was verified",
    `retired: ${kids(retired)}`,
    `signing: ${kids(signers)}`,
    ...(passive.length > 0 ? [`still trusted: ${kids(passive)}, until ${retireAfter ?? "retired"}`] : []),
    ...(exposureWindow ? [`exposure window: ${describeDuration(exposureWindow.ms)}`] : []),
  ];
}

function kids(keys: readonly { kid: string; algorithm: string }[]): string {
  return list(keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`)) || "none";
}

function why({ error, verification }: Evidence): string[] {
  const code = /^[A-Z][A-Z0-9_]+(?=:)/.exec(error ?? "")?.[0] ?? (verification ? "VERIFICATION_FAILED" : "");
  const entry = Object.entries(errorCodes).find(([known]) => known === code)?.[1];
  return entry ? [`error: ${code}. ${entry.means}`, `next: ${entry.next}`] : [];
}

function unproven({ verification }: Evidence): string[] {
  const names = (verification?.instances ?? []).filter((one) => !one.verified).map((one) => one.instance);
  return names.length > 0 ? [`not proven (${names.length}): ${list(names)}`] : [];
}

function list(names: readonly string[]): string {
  const more = names.length > listed ? ` and ${names.length - listed} more` : "";
  return `${names.slice(0, listed).join(", ")}${more}`;
}

/** Below `evidenceDir`, which may be a path that tells of the machine. */
function whereIs(run: RunContext): string {
  return `evidence: ${bundleDirectory({ ...run, evidenceDir: "" })}, below evidenceDir`;
}

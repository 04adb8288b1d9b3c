import { describeDuration } from "../base/durations.ts";
import { errorCodes } from "../base/error-codes.ts";
import type { RunContext } from "../base/run-context.ts";
import type { Evidence } from "../evidence/evidence-schema.ts";
import { bundleDirectory } from "../evidence/write-evidence.ts";

/** A message in the form of Slack's incoming webhooks; compatible receivers show the text. */
export interface NotifyMessage {
  text: string;
  blocks?: { type: "section"; text: { type: "mrkdwn"; text: string } }[];
}

/** How many names or kids a message lists before it only counts them. */
const maxListed = 10;

/** A rotation has started. */
export function startMessage(run: RunContext): NotifyMessage {
  return build(`STARTED: ${subject(run)}`, about(run));
}

/** A rotation is verified on every instance. */
export function verifiedMessage(run: RunContext, evidence: Evidence): NotifyMessage {
  return build(`VERIFIED: ${subject(run)}`, [...about(run), ...results(evidence), evidencePath(run)]);
}

/**
 * A rotation has failed. Of an error it gives only the code and its general meaning: the message itself may name
 * addresses and paths, and is in the evidence.
 *
 * @param evidence what was found until then; absent where it could not be put together
 */
export function failedMessage(run: RunContext, evidence?: Evidence): NotifyMessage {
  const where = evidence?.failedPhase ? ` in phase ${evidence.failedPhase}` : "";
  return build(`FAILED${where}: ${subject(run)}`, [
    ...about(run),
    ...(evidence ? [...reasons(evidence), ...results(evidence), ...unproven(evidence)] : []),
    evidencePath(run),
  ]);
}

function build(title: string, lines: readonly string[]): NotifyMessage {
  const section = (text: string) => ({ type: "section", text: { type: "mrkdwn", text } }) as const;
  const [head, body] = [plain(title), lines.map(plain).join("\n")];
  return { text: `${head}\n${body}`, blocks: [section(`*${head}*`), section(body)] };
}

/** Escaped as Slack requires: a name such as `<!channel>` would otherwise notify everybody. */
function plain(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function subject({ rotation, realm, stack }: RunContext): string {
  return `rotation ${rotation} of realm ${realm}, stack ${stack}`;
}

function about({ mode, stage, incident }: RunContext): string[] {
  const how = mode === "planned" && stage === "final" ? "planned, retiring the old keys" : mode;
  return [`mode: ${how}`, ...(incident ? [`incident: ${incident}`] : [])];
}

function results({
  verification,
  retired,
  signers,
  passive,
  retireAfter,
  exposureWindow,
}: Evidence): string[] {
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

function reasons({ error, verification }: Evidence): string[] {
  const code = /^[A-Z][A-Z0-9_]+(?=:)/.exec(error ?? "")?.[0] ?? (verification ? "VERIFICATION_FAILED" : "");
  const entry = Object.entries(errorCodes).find(([known]) => known === code)?.[1];
  return entry ? [`error: ${code}. ${entry.means}`, `next: ${entry.next}`] : [];
}

function unproven({ verification }: Evidence): string[] {
  const names = (verification?.instances ?? []).filter((one) => !one.verified).map((one) => one.instance);
  return names.length > 0 ? [`not proven (${names.length}): ${list(names)}`] : [];
}

function list(names: readonly string[]): string {
  const more = names.length > maxListed ? ` and ${names.length - maxListed} more` : "";
  return `${names.slice(0, maxListed).join(", ")}${more}`;
}

/** Relative to `evidenceDir`, since that may be a path of the machine. */
function evidencePath(run: RunContext): string {
  return `evidence: ${bundleDirectory({ ...run, evidenceDir: "" })} in evidenceDir`;
}

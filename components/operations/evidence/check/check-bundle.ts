import { type Evidence, evidenceSchema } from "../evidence-schema.ts";
import { checkDenyLists } from "./deny-lists.ts";
import { checkExposureWindow } from "./exposure-window.ts";
import { readBundle } from "./files.ts";
import { error, type Finding, judge, warning } from "./finding.ts";
import { checkInstances } from "./instances.ts";
import { checkKeys } from "./keys.ts";
import { checkLedger, hasLedger } from "./ledger.ts";
import { checkOutcome, missingInstances } from "./outcome.ts";
import { checkReports } from "./reports.ts";
import { checkSignature, verificationKey } from "./signature.ts";
import { checkCanaries, checkTimes } from "./times.ts";
import { checkWatch } from "./watch.ts";

export type { Finding } from "./finding.ts";

export interface BundleCheck {
  /** Whether there is no error; there may be warnings. */
  ok: boolean;
  /** Whether the signature was checked with a given key and is valid. If not, anybody may have written the bundle. */
  authenticated: boolean;
  findings: Finding[];
}

export interface BundleCheckOptions {
  /** A public JWK as JSON, or SPKI PEM, from elsewhere than the bundle. Default: the signature is not checked. */
  publicKey?: string;
}

/**
 * Checks an evidence bundle offline: files against their checksums, the checksums against their signature, the reports
 * against the evidence, and the verdicts against the raw answers in it. A bundle of a failed rotation can be valid too:
 * what is checked is whether it was changed, and whether its verdicts follow from what was observed.
 *
 * @throws {BundleUnreadableError} where it can't be checked: no such directory, no bundle in it, an unreadable file or key
 */
export async function checkBundle(dir: string, { publicKey }: BundleCheckOptions = {}): Promise<BundleCheck> {
  const key = publicKey === undefined ? undefined : verificationKey(publicKey);
  const { texts, findings: files } = await readBundle(dir);
  const signature = await checkSignature(texts, key);
  const findings = [...files, ...signature, ...checkContents(texts)];
  return {
    ok: findings.every(({ level }) => level !== "error"),
    // Stryker disable next-line MethodExpression: that the signature is valid is never said beside a problem of it.
    authenticated: signature.every(({ level }) => level === "ok"),
    findings,
  };
}

function checkContents(texts: ReadonlyMap<string, string>): Finding[] {
  const text = texts.get("evidence.json");
  // That it is missing is reported already.
  if (text === undefined) return [];
  const read = parse(text);
  if (read === undefined) return [error("evidence.json is not JSON.")];
  const { data: evidence, error: misfit } = evidenceSchema.safeParse(read);
  if (!evidence) {
    const list = misfit.issues
      .slice(0, 5)
      .map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
    return [error(`evidence.json does not fit the schema: ${list.join("; ")}.`)];
  }
  // Of a key that is there twice, JSON readers may take either.
  const canonical = `${JSON.stringify(read, null, 2)}\n` === text;
  return [
    ...judge(
      `evidence.json fits the schema, version ${evidence.schemaVersion}.`,
      canonical ? [] : [notAsWritten],
    ),
    identify(evidence),
    ...checkReports(evidence, texts),
    ...checkClaims(evidence, parse(texts.get("jwks-after.json") ?? "")),
  ];
}

/** Which rotation it belongs to: a valid bundle of another rotation is no evidence of this one. */
function identify({ incident, rotation, realm, stack, mode, outcome, writtenAt }: Evidence): Finding {
  const what = `${mode} rotation ${rotation} of realm ${realm}, stack ${stack}, incident ${incident || "none"}`;
  const said = `This is the evidence of: ${what}; ${outcome}; written at ${writtenAt}.`;
  return { level: "ok", what: said };
}

const notAsWritten =
  "evidence.json is not formatted as this program writes it: it was edited, or contains a key twice";

const watched = "What the watch after the proof says follows from what it found.";

function checkClaims(evidence: Evidence, jwksAfter: unknown): Finding[] {
  const { outcome, exposureWindow, verification, watch } = evidence;
  const count = verification?.instances.length ?? 0;
  const window = exposureWindow ? `${exposureWindow.ms} ms` : "none given";
  return [
    ...judge(`The outcome (${outcome}) follows from the verification.`, checkOutcome(evidence)),
    ...judge(`The verdicts on ${count} instances follow from their answers.`, checkInstances(evidence)),
    ...(verification && hasLedger(verification)
      ? judge("The ledger of dead keys follows from them.", checkLedger(evidence, verification))
      : []),
    ...judge(`The exposure window (${window}) follows from the times.`, checkExposureWindow(evidence)),
    // Bundles of older versions have none, and one may be switched off.
    ...(watch ? judge(watched, checkWatch(evidence, watch)) : []),
    ...judge("No retired key is published or trusted.", checkKeys(evidence, jwksAfter)),
    ...judge("All times are in order.", checkTimes(evidence)),
    ...(verification ? missingInstances(evidence) : []).map((name) =>
      warning(
        `${name} was called before the verification, but is not in it: was it removed from the config?`,
      ),
    ),
    ...judge("Every token is listed once.", checkCanaries(evidence)),
    ...judge("The proofs of the deny-lists follow from the answers.", checkDenyLists(evidence)),
  ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

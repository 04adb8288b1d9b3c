import type { Evidence } from "../../evidence-schema.ts";
import { failureList, table } from "./blocks.ts";
import type { Block, Table, Text } from "./report.ts";
import { name, time } from "./text.ts";

type RealmKey = Evidence["keysBefore"][number];

/** Every signing key of the realm, before and after. */
export function keyTable(evidence: Evidence): Table[] {
  const { keysBefore, keysAfter } = evidence;
  const kids = [...new Set([...keysBefore, ...keysAfter].map(({ kid }) => kid))];
  return table(
    "Keys",
    ["Kid", "Algorithm", "Key provider", "Before", "After", "Disabled at"],
    kids.map((kid) => keyRow(kid, evidence)),
  );
}

function keyRow(kid: string, { keysBefore, keysAfter, retired, published, deleted }: Evidence): Text[] {
  const isKid = (key: { kid: string }) => key.kid === kid;
  const [before, after, end] = [keysBefore.find(isKid), keysAfter.find(isKid), retired.find(isKid)];
  const known = after ?? before;
  const note = published.some(isKid) ? " (new)" : deleted.some(isKid) ? " (deleted)" : "";
  return [
    [{ kind: "name", text: kid }, note],
    known?.algorithm ?? "",
    known?.componentName ?? "",
    state(before),
    keysAfter.length === 0 ? "not read" : state(after),
    end ? [end.disabledAtIsExact ? "" : "not before ", { kind: "time", text: end.disabledAt }] : "",
  ];
}

function state(key: RealmKey | undefined): string {
  return key ? `${key.status}${key.signing ? ", signs" : ""}, priority ${key.priority}` : "absent";
}

export function jwksTable({ jwksReadBack }: Evidence): Table[] {
  return table(
    "Published JWKS",
    ["URL", "Reads in a row", "Current at", "Signature kids"],
    jwksReadBack.map((one) => [one.url, String(one.reads), time(one.currentAt), one.kids.join(", ")]),
  );
}

/** Canary tokens appear by their `jti` only. */
export function canaryTable({ canaries }: Evidence): Table[] {
  return table(
    "Canary tokens",
    ["Kid", "Algorithm", "Seen before the cut-over (jti)", "Unseen (jti)", "Expires"],
    canaries.map((one) => [one.kid, one.algorithm, one.seen.jti, one.unseen.jti, time(one.unseen.expiresAt)]),
  );
}

export function internalKeys({ internalKeys }: Evidence): Block[] {
  if (!internalKeys) return [];
  const rows = internalKeys.keys.map((key) => [
    key.kind,
    name(key.kid),
    key.componentName,
    time(key.activatedAt),
    key.disabled.map((one) => `${one.componentName} at ${one.disabledAt}`).join(", ") || "none",
  ]);
  return [
    ...failureList(internalKeys.failures),
    ...table("Internal keys", ["Kind", "Kid", "Key provider", "Active since", "Disabled"], rows),
  ];
}

import type { Evidence } from "../../evidence-schema.ts";
import { failureList, type Html, html, table, when } from "./html.ts";

type RealmKey = Evidence["keysBefore"][number];

/** Every signing key of the realm, as it was and as it is. */
export function keyTable(evidence: Evidence): Html {
  const { keysBefore, keysAfter, retired, published, deleted } = evidence;
  const kids = [...new Set([...keysBefore, ...keysAfter].map(({ kid }) => kid))];
  const rows = kids.map((kid) => {
    const isKid = (key: { kid: string }) => key.kid === kid;
    const [before, after, end] = [keysBefore.find(isKid), keysAfter.find(isKid), retired.find(isKid)];
    const known = after ?? before;
    const note = published.some(isKid) ? " (new)" : deleted.some(isKid) ? " (deleted)" : "";
    return [
      html`<span class="name">${kid}</span>${note}`,
      known?.algorithm ?? "",
      known?.componentName ?? "",
      state(before),
      keysAfter.length === 0 ? "not read" : state(after),
      html`${end && !end.disabledAtIsExact ? "not before " : ""}${when(end?.disabledAt)}`,
    ];
  });
  return table("Keys", ["Kid", "Algorithm", "Key provider", "Before", "After", "Disabled at"], rows);
}

function state(key: RealmKey | undefined): string {
  return key ? `${key.status}${key.signing ? ", signs" : ""}, priority ${key.priority}` : "absent";
}

export function jwksTable({ jwksReadBack }: Evidence): Html {
  return table(
    "JWKS as published",
    ["URL", "Reads in a row", "Current at", "Signature kids"],
    jwksReadBack.map((one) => [one.url, String(one.reads), when(one.currentAt), one.kids.join(", ")]),
  );
}

/** Canaries appear by their `jti` only. */
export function canaryTable({ canaries }: Evidence): Html {
  return table(
    "Canary tokens",
    ["Kid", "Algorithm", "Seen before the cut-over (jti)", "Unseen (jti)", "Expires"],
    canaries.map((one) => [one.kid, one.algorithm, one.seen.jti, one.unseen.jti, when(one.unseen.expiresAt)]),
  );
}

export function internalKeyTables({ internalKeys }: Evidence): Html[] {
  if (!internalKeys) return [];
  const rows = internalKeys.keys.map((key) => [
    key.kind,
    html`<span class="name">${key.kid}</span>`,
    key.componentName,
    when(key.activatedAt),
    key.disabled.map((one) => `${one.componentName} at ${one.disabledAt}`).join(", ") || "none",
  ]);
  return [
    failureList(internalKeys.failures),
    table("Internal keys", ["Kind", "Kid", "Key provider", "Active since", "Disabled"], rows),
  ];
}

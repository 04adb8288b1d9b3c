import { parseStructured } from "#operations/config/inspect-stack";
import { settingsShape } from "#operations/config/settings-shape";
import { validOrDefault } from "#operations/config/valid-or-default";
import { type Finding, sortFindings } from "#operations/drift/finding";
import { couldNotTell } from "#operations/drift/instance-drift";
import type { KnownRealm } from "#operations/drift/known-realm";
import { type RealmDrift, realmDrift } from "#operations/drift/realm-drift";
import { configureKubernetes } from "#operations/fleet/kubernetes/kubernetes-defaults";
import { readConnection } from "#operations/keycloak/connection";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { namespaceOf, type StackContents } from "../stack-reader.ts";
import { knownRealms, knownSecrets } from "./known-state.ts";
import { secretDrift } from "./secret-drift.ts";

/** What a drift check has found, in the form that `--json` writes. */
export interface DriftReport {
  schemaVersion: 1;
  stack: string;
  /** ISO 8601 UTC. */
  checkedAt: string;
  outcome: "clean" | "drift" | "could-not-tell";
  /** What was checked, by realm. */
  realms: Omit<RealmDrift, "findings">[];
  /** The most severe first. */
  findings: Finding[];
}

/** Compares the stack's state with Keycloak, the instances and the clusters. Changes nothing. */
export async function checkDrift(contents: StackContents, checkedAt: string): Promise<DriftReport> {
  const { name: stack } = contents;
  const config = configured(contents);
  const kubernetes = namespaceOf(contents, "kubernetes");
  configureKubernetes((key) => kubernetes[key]);
  const known = knownRealms(contents);
  const realms = await checkRealms(known, contents, config, checkedAt);
  const findings = sortFindings([
    ...("problems" in realms
      ? realms.problems.map((what) => couldNotTell("", what))
      : realms.found.flatMap((one) => one.findings)),
    ...(known.length === 0 ? [noUpdateYet(stack)] : neverRotated(config, known, stack)),
    ...known.flatMap((one) => configAhead(config, one, stack)),
    ...(await secretDrift(knownSecrets(contents), stack)),
  ]);
  const isDrift = findings.some(({ severity }) => severity !== "unknown");
  return {
    schemaVersion: 1,
    stack,
    checkedAt,
    outcome: isDrift ? "drift" : findings.length > 0 ? "could-not-tell" : "clean",
    realms: "problems" in realms ? [] : realms.found.map(({ findings: _findings, ...checked }) => checked),
    findings,
  };
}

async function checkRealms(
  known: readonly KnownRealm[],
  contents: StackContents,
  { mode, maxKeyAgeDays }: Configured,
  now: string,
): Promise<{ problems: string[] } | { found: RealmDrift[] }> {
  const keycloak = namespaceOf(contents, "keycloak");
  const read = readConnection((key) => keycloak[key]);
  if ("problems" in read) return read;
  const question = { stack: contents.name, mode, maxKeyAgeDays, now };
  const check = (realm: KnownRealm) =>
    realmDrift(new KeycloakAdmin(read.connection, realm.realm), realm, question);
  return { found: await Promise.all(known.map(check)) };
}

function noUpdateYet(stack: string): Finding {
  const next = `pulumi up --stack ${stack}, or check the stack's name`;
  return couldNotTell("", `stack ${stack} has had no update yet`, next);
}

/** Nothing can be compared in a realm where no `up` has got as far as a cut-over. */
function neverRotated({ realms }: Configured, known: readonly KnownRealm[], stack: string): Finding[] {
  return realms
    .filter((name) => !known.some(({ realm }) => realm === name))
    .map((name) =>
      couldNotTell(name, `stack ${stack} has never rotated realm ${name}`, `pulumi up --stack ${stack}`),
    );
}

/** What the config asks for, as far as it can be read. */
function configured(contents: StackContents) {
  const { shape } = settingsShape;
  const given = parseStructured(namespaceOf(contents, contents.project));
  return {
    rotation: shape.rotation.safeParse(given.rotation).data,
    mode: shape.mode.safeParse(given.mode).data,
    maxKeyAgeDays: validOrDefault(shape.maxKeyAgeDays, given.maxKeyAgeDays),
    realms: (shape.realm.safeParse(given.realm).data ?? []).map(({ name }) => name),
  };
}

type Configured = ReturnType<typeof configured>;

/** The config was changed and no `up` has carried that out; or the config of the last `up` is not in this checkout. */
function configAhead({ rotation, mode }: Configured, known: KnownRealm, stack: string): Finding[] {
  const find = (what: string, means: string, fix: string): Finding[] => [
    { code: "CONFIG_AHEAD", severity: "warning", realm: known.realm, what, means, fix },
  ];
  const up = `pulumi up --stack ${stack}`;
  const notDone = "an agreed change has not been carried out";
  if (rotation !== undefined && rotation < known.rotation)
    return find(
      `the config says rotation ${rotation}, but the last update was rotation ${known.rotation}`,
      "the config of that update is not merged here, so the next update would be refused",
      `merge it, or pulumi config set rotation ${known.rotation} --stack ${stack}`,
    );
  if (rotation !== undefined && rotation > known.rotation)
    return find(
      `the config says rotation ${rotation}, but the last update was rotation ${known.rotation}`,
      notDone,
      up,
    );
  const asks = (one: string) => mode !== undefined && (mode === one) !== (known.mode === one);
  // The on-call page asks for the change back from emergency to planned; it changes no key.
  if (!asks("rollback") && !(asks("emergency") && mode === "emergency")) return [];
  return find(`the config says mode ${mode}, but the last update was in mode ${known.mode}`, notDone, up);
}

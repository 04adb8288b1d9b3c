import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Evidence, evidenceSchema } from "#operations/evidence/evidence-schema";
import type { Findings, WholeFindings } from "#operations/evidence/findings";
import { renderHtml } from "#operations/evidence/report/html-report";
import { renderReport } from "#operations/evidence/report/markdown";
import { signManifest } from "#operations/evidence/sign-evidence";
import { writeEvidence } from "#operations/evidence/write-evidence";
import type { Check } from "#operations/proof/check";
import type { CellProof } from "#operations/proof/ledger/cells";
import type { LedgerEntry } from "#operations/proof/ledger/ledger";
import type { DenyListProof } from "#operations/proof/prove-deny-list";
import { describeWatch, relapseError, type WatchResult } from "#operations/proof/relapse";
import type { VerificationResult } from "#operations/proof/verify";
import type { InstanceVerification } from "#operations/proof/verify-instance";
import {
  at,
  cleanWatch,
  type FindingsChange,
  findings,
  instanceVerification,
  realmKey,
  relapsedWatch,
  runContext,
  soundBefore,
  verification,
} from "./samples.ts";

/** A key pair as PEM. */
export interface Pair {
  privateKey: string;
  publicKey: string;
}

export function toPems({ privateKey, publicKey }: Record<"privateKey" | "publicKey", KeyObject>): Pair {
  return {
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    publicKey: publicKey.export({ format: "pem", type: "spki" }).toString(),
  };
}

export function ed25519(): Pair {
  return toPems(generateKeyPairSync("ed25519"));
}

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "evidence-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a bundle as a run does. @returns its directory */
export async function bundleOf(t: TestContext, found: Findings): Promise<string> {
  const context = runContext(await temporaryDirectory(t));
  const isPlanned = (found.cutover?.passive.length ?? 0) > 0;
  const run = isPlanned ? { ...context, mode: "planned" as const, stage: "overlap" as const } : context;
  const { directory } = await writeEvidence(run, found);
  return directory;
}

/** Signs a bundle as it lies there. */
export async function signBundle(directory: string, { privateKey }: Pair): Promise<void> {
  const sums = await readFile(join(directory, "SHA256SUMS"), "utf8");
  await writeFile(join(directory, "evidence.jws"), `${await signManifest(sums, privateKey)}\n`);
}

/** Changes what a bundle says and makes the report and the sums fit, as a forger would who has no key. */
export async function forge(directory: string, change: (evidence: Evidence) => void): Promise<void> {
  const path = join(directory, "evidence.json");
  const evidence = evidenceSchema.parse(JSON.parse(await readFile(path, "utf8")));
  change(evidence);
  await writeFile(path, `${JSON.stringify(evidence, null, 2)}\n`);
  await writeFile(join(directory, "report.md"), renderReport(evidence));
  await writeFile(join(directory, "report.html"), renderHtml(evidence));
  await rehash(directory);
}

/** Makes SHA256SUMS fit the files. */
export async function rehash(directory: string): Promise<void> {
  const names = ["evidence.json", "report.md", "report.html", "jwks-before.json", "jwks-after.json"];
  const lines = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name));
      return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
    }),
  );
  await writeFile(join(directory, "SHA256SUMS"), lines.join(""));
}

const accepted = { kind: "accepted", status: 200 } as const;
const rejected = { kind: "rejected", status: 401 } as const;

const fresh: Check = {
  check: "fresh",
  subject: "new",
  jti: "jti-fresh",
  expected: "accepted",
  verdict: accepted,
  ok: true,
  at: at(31),
};
const forged: Check = {
  check: "forged",
  subject: "unsigned RS256",
  expected: "rejected",
  verdict: rejected,
  ok: true,
  at: at(31),
};

/** An instance that was asked everything. */
export function asked(
  instance: string,
  change: Partial<InstanceVerification> = {},
  more: readonly Check[] = [fresh, forged],
): InstanceVerification {
  const sample = instanceVerification({ instance, ...change });
  return { ...sample, checks: [...sample.checks, ...more] };
}

/** Findings of one emergency, with the verification that is the last attempt, too. */
export function emergency(change: Partial<VerificationResult> = {}, more: FindingsChange = {}) {
  const result = verification({ instances: [asked("api-1"), asked("api-2")], ...change });
  const { startedAt, finishedAt, verified, failures } = result;
  const sample = findings();
  const baseline = ["api-1", "api-2"].map((instance) => ({
    instance,
    verdicts: [soundBefore("old")],
  }));
  return findings({
    canary: { ...sample.prepared.canary, baseline },
    verification: result,
    attempts: [{ startedAt, finishedAt, verified, failures }],
    ...more,
  });
}

/** One instance still accepts the retired key. */
export function redEmergency() {
  const reason = "still accepts kid old (its seen canary)";
  const { checks, provenAt: _provenAt, ...bad } = asked("api-2", { proof: "unproven", verified: false });
  const wrong = checks.map((one) => (one.canary === "seen" ? { ...one, verdict: accepted, ok: false } : one));
  const phases = findings().phases.map((one) =>
    one.phase === "verify" ? { ...one, outcome: "failed" as const } : one,
  );
  return emergency(
    {
      verified: false,
      instances: [asked("api-1"), { ...bad, checks: wrong, reasons: [reason] }],
      failures: [`api-2 ${reason}`],
    },
    { phases },
  );
}

/** A pod that came after the cut-over, beside one that was there before. */
export function restartedEmergency() {
  const startup = { bootstrap: "seen", startedAt: "2026-01-01T10:00:12Z", line: "jwks loaded" } as const;
  return emergency({
    instances: [asked("api-1"), asked("api-9", { proof: "restarted", startup, uid: "uid-9" })],
    departed: ["api-2"],
  });
}

/** The old key is passive and still trusted. */
export function planned() {
  const sample = findings();
  const passive = { kid: "old", algorithm: "RS256", componentName: "name-old" };
  const { checks: _checks, provenAt: _provenAt, ...nothing } = asked("api-1", { proof: "nothing-retired" });
  const stillTrusted: Check = { ...fresh, check: "passive", subject: "old", jti: "jti-seen" };
  return emergency(
    {
      instances: ["api-1", "api-2"].map((instance) => ({
        ...nothing,
        instance,
        checks: [stillTrusted, fresh, forged],
      })),
      issuer: [],
    },
    {
      cutover: {
        ...sample.cutover,
        retired: [],
        passive: [passive],
        retireAfter: at(3_600),
        keysAfter: [
          realmKey("old", { status: "PASSIVE" }),
          realmKey("new", { signing: true, priority: 101 }),
        ],
        jwksAfter: { keys: ["new", "old"].map((kid) => ({ kid, kty: "RSA", use: "sig" })) },
      },
    },
  );
}

/** Two keys sign after the cut-over, of which one has signed the tokens that instances were asked about. */
export function twoSigners() {
  const { cutover } = findings();
  const second = realmKey("new-es", { algorithm: "ES256", signing: true });
  return emergency(
    {},
    {
      cutover: {
        ...cutover,
        signers: [...cutover.signers, { kid: "new-es", algorithm: "ES256" }],
        keysAfter: [...cutover.keysAfter, second],
        jwksAfter: { keys: [...cutover.jwksAfter.keys, { kid: "new-es", kty: "EC", use: "sig" }] },
      },
    },
  );
}

/** Each instance's deny-list was proven. */
export function withDenyLists() {
  const proof: DenyListProof = {
    instance: "api-1",
    accepted,
    denied: { outcome: "done" },
    refused: { kind: "rejected", status: 403 },
    cleaned: { outcome: "done" },
    ok: true,
    reasons: [],
  };
  return emergency({ denyList: [proof, { ...proof, instance: "api-2" }] });
}

/** A green emergency that was watched after its proof. */
export function watchedEmergency(change: Partial<WatchResult> = {}) {
  return withWatch(cleanWatch(change), "done");
}

/** A proven emergency in which a retired key came back. */
export function relapsedEmergency() {
  return withWatch(relapsedWatch(), "failed");
}

function withWatch(watch: WatchResult, outcome: "done" | "failed") {
  const { startedAt, finishedAt } = watch;
  const summary = describeWatch(watch);
  const error = outcome === "failed" ? { error: relapseError(watch).message } : {};
  const record = { phase: "watch" as const, outcome, startedAt, finishedAt, summary, ...error };
  return emergency({}, { phases: [...findings().phases, record], watch });
}

/** The same findings with what is shown about each dead key, as versions write it that have a ledger. */
export function withLedger(found: WholeFindings): WholeFindings {
  const { verification, attempts } = found.proof;
  const instances = verification.instances.map((one) => ({
    ...one,
    proofs: found.cutover.retired.map(({ kid }) => proofOf(kid, one)),
  }));
  const ledger = found.cutover.retired.map(
    (key): LedgerEntry => ({
      ...{ ...key, how: "rotation", deadSince: key.disabledAt },
      status: verification.verified ? "proven" : "open",
      left: instances.filter(({ proof }) => proof === "unproven").length,
    }),
  );
  return { ...found, proof: { attempts, verification: { ...verification, instances, ledger } } };
}

function proofOf(kid: string, { proof, provenAt = "" }: InstanceVerification): CellProof {
  return proof === "replayed" || proof === "restarted"
    ? { kid, proof, provenAt }
    : { kid, proof: "unproven" };
}

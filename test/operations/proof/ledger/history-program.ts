import type { Canary, CanaryReference } from "#operations/canaries/canary";
import { closedBy, openDeath, openKeys } from "#operations/keys/death-marks";
import { deathsIn, lookBack, sortDeaths } from "#operations/keys/deaths";
import { isTrusted, type RealmKey, rotationOf } from "#operations/keys/realm-keys";
import type { PassiveKey, RetiredKey } from "#operations/keys/retired-key";
import type { Baseline } from "#operations/proof/canary-findings";
import type { Check } from "#operations/proof/check";
import { lostSince, mergeBaselines } from "#operations/proof/kept-proof";
import { needsStartup, proveCell } from "#operations/proof/ledger/cells";
import { judgeInstance, nextState, type ShownInstance } from "#operations/proof/ledger/ledger";
import { marksAfter } from "#operations/proof/ledger/marks";
import { type AskableRow, type LedgerRow, ledgerRows } from "#operations/proof/ledger/rows";
import type { LedgerState } from "#operations/proof/ledger/state";
import { isVerificationDue } from "#phases/verify";
import { at, soundBefore } from "../../samples.ts";
import type { Process, World } from "./history-world.ts";

/** Where a run is killed: nothing after it is done, and what it has found is lost with it. */
export type Crash = "none" | "canary" | "disabling" | "cut-over" | "enforce" | "marking" | "verify";

interface CanaryState {
  step: string;
  keysBefore: RealmKey[];
  keysBeforeAt: string;
  canaries: CanaryReference[];
  baseline: Baseline[];
  lost: PassiveKey[];
}

interface CutoverState {
  keysBeforeAt: string;
  keysAfter: RealmKey[];
  completedAt: string;
  retired: RetiredKey[];
  gone: RetiredKey[];
}

interface VerificationState {
  verified: boolean;
  verifiedAfter: string;
  fleetDigest: string;
  trustedKids: string[];
  ledger: LedgerState;
}

const lifeSeconds = 36_000;
const marginSeconds = 1_800;

/**
 * The phases of an emergency as far as they are about dead keys, on a simulated realm: what is pure is the program's own code,
 * and what asks and changes is the world.
 */
export class Program {
  readonly #world: World;
  rotation = 0;
  #canary: CanaryState | undefined;
  #cutover: CutoverState | undefined;
  #enforced = "";
  #verification: VerificationState | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  loseState(): void {
    // What only the state knew, nobody knows any more: also who was asked about a key that is closed.
    const open = openKeys(this.#world.keys).map(({ kid }) => kid);
    for (const kid of this.#knownKids())
      if (!this.#world.trustedKids().includes(kid) && !open.includes(kid)) this.#world.hidden.add(kid);
    this.#canary = undefined;
    this.#cutover = undefined;
    this.#enforced = "";
    this.#verification = undefined;
  }

  /** Whether its state has a trace of a key. */
  knows(kid: string): boolean {
    return this.#knownKids().has(kid);
  }

  #knownKids(): Set<string> {
    const known = [
      ...(this.#canary?.keysBefore.filter(isTrusted) ?? []),
      ...(this.#canary?.lost ?? []),
      ...(this.#cutover?.keysAfter.filter(isTrusted) ?? []),
      ...(this.#cutover?.retired ?? []),
      ...(this.#cutover?.gone ?? []),
      ...(this.#verification?.ledger.rows ?? []),
    ];
    return new Set(known.map(({ kid }) => kid));
  }

  /**
   * Whether a key is closed by a mark alone, and no token of it lives: a run was killed after it had marked it and before its
   * state was saved, and the next one was another rotation's. Of whom it has asked nobody knows then.
   */
  isClosedByMarkAlone(kid: string): boolean {
    const key = this.#world.keys.find((one) => one.kid === kid);
    const isKnown = this.#verification?.ledger.cells[kid] !== undefined;
    const lives = this.#canary?.canaries.some(
      (canary) => canary.kid === kid && canary.seen.expiresAt > at(this.#world.now),
    );
    return key !== undefined && closedBy(key) !== undefined && !isKnown && lives !== true;
  }

  /** @returns whether the run is green; undefined where it was killed */
  up(crash: Crash): boolean | undefined {
    const world = this.#world;
    const openKids = openKeys(world.keys).map(({ kid }) => kid);
    const trustedKids = world.trustedKids();
    this.#mintCanaries();
    if (crash === "canary") return undefined;
    if (this.#isCutoverDue() && !this.#cutOver(crash)) return undefined;
    if (crash === "cut-over" || !this.#cutover) return undefined;
    if (this.#enforced !== this.#cutover.completedAt) this.#enforce(this.#cutover);
    if (crash === "enforce") return undefined;
    const news = { ...this.#cutoverFacts(), openKids, trustedKids, fleetDigest: this.#fleetDigest() };
    const last = this.#verification;
    const olds = last ? { ...last, revokedAt: null, internalKeysAt: null } : {};
    if (!isVerificationDue(olds, news)) return last?.verified;
    return this.#verify(this.#cutover, crash);
  }

  #cutoverFacts() {
    return { after: this.#cutover?.completedAt ?? "", revokedAt: null, internalKeysAt: null };
  }

  #fleetDigest(): string {
    const urls = this.#world.processes.filter(({ isPod }) => !isPod).map(({ name }) => name);
    return urls.join();
  }

  #ownKey(): RealmKey | undefined {
    return this.#world.keys.find(
      (key) => isTrusted(key) && rotationOf(key.componentName) === this.rotation && key.died === undefined,
    );
  }

  #mintCanaries(): void {
    const world = this.#world;
    const step = String(this.rotation);
    if (this.#canary?.step === step) return;
    world.tick();
    const kept = this.#canary;
    const keysBefore = [...world.keys];
    const livesOn = ({ seen }: CanaryReference) => seen.expiresAt > at(world.now + marginSeconds);
    const trusted = keysBefore.filter(isTrusted);
    const before = (kept?.canaries ?? []).filter(
      (canary) => !trusted.some(({ kid }) => kid === canary.kid) && livesOn(canary),
    );
    const retiring = trusted.filter(({ componentName }) => (rotationOf(componentName) ?? 0) < this.rotation);
    const known = { findings: { ...kept, keysBefore: kept?.keysBefore ?? [], lost: kept?.lost ?? [] } };
    const baseline = world.processes.map((process) => baselineOf(process, retiring, world));
    const isKept = ({ kid }: { kid: string }) => before.some((canary) => canary.kid === kid);
    const keptBaseline = (kept?.baseline ?? []).map((one) => ({
      ...one,
      verdicts: one.verdicts.filter(isKept),
    }));
    this.#canary = {
      ...{ step, keysBefore, keysBeforeAt: at(world.now) },
      canaries: [...retiring.map(({ kid }) => referenceFor(kid, world.now)), ...before],
      baseline: mergeBaselines([...baseline, ...keptBaseline]),
      lost: kept ? lostSince(keysBefore, known as unknown as Parameters<typeof lostSince>[1]) : [],
    };
  }

  #isCutoverDue(): boolean {
    const own = this.#ownKey();
    const others = this.#world.keys.some((key) => isTrusted(key) && key !== own);
    return !own || others || this.#cutover?.keysBeforeAt !== this.#canary?.keysBeforeAt;
  }

  #cutOver(crash: Crash): boolean {
    const world = this.#world;
    const canary = this.#canary;
    if (!canary) return false;
    const own = this.#ownKey() ?? world.addKey(this.rotation);
    const disabledAt = new Map<string, string>();
    for (const { kid } of world.keys.filter((key) => isTrusted(key) && key.kid !== own.kid)) {
      world.tick();
      world.change(kid, { status: "DISABLED" }, openDeath(this.rotation));
      world.revivedUnseen.delete(kid);
      disabledAt.set(kid, at(world.now));
    }
    if (crash === "disabling") return false;
    world.tick();
    const last = this.#cutover;
    const isRetry = last?.keysBeforeAt === canary.keysBeforeAt;
    const look = lookBack(last, canary.lost, isRetry);
    const deaths = deathsIn({
      before: canary,
      ...{ keysAfter: world.keys, keysAfterAt: at(world.now), disabledAt },
      last: look,
    });
    this.#cutover = {
      ...{ keysBeforeAt: canary.keysBeforeAt, keysAfter: [...world.keys], completedAt: at(world.now) },
      ...sortDeaths(deaths, look),
    };
    return true;
  }

  /** A refresh for everybody; restarts are events of their own. */
  #enforce({ completedAt }: CutoverState): void {
    this.#world.tick();
    for (const process of this.#world.processes) this.#world.fetch(process);
    this.#enforced = completedAt;
  }

  #verify(cutover: CutoverState, crash: Crash): boolean | undefined {
    const world = this.#world;
    world.tick();
    const state = this.#verification?.ledger;
    const acknowledged = [...world.acknowledged];
    const kept = (this.#canary?.canaries ?? []).map(({ kid }) => kid);
    const rows = ledgerRows({ cutover, keys: world.keys, keysAt: at(world.now), acknowledged, state, kept });
    const askable = rows.map((row) => this.#withCanary(row));
    const instances = world.processes.map((process) => this.#ask(process, askable, state?.cells ?? {}));
    const verified =
      instances.length > 0 && instances.every(({ proofs, checks }) => judgeInstance(proofs, checks).verified);
    const outcome = {
      ...{ verified, rotation: this.rotation, at: at(world.now), instances, unlisted: [] },
    };
    for (const key of world.keys) {
      const row = rows.find(({ kid }) => kid === key.kid);
      const marks = marksAfter(key, row, outcome);
      if (marks) world.change(key.kid, {}, marks);
      if (crash === "marking") return undefined;
    }
    if (crash === "verify") return undefined;
    for (const { kid, isTrustedAgain } of rows) if (isTrustedAgain) world.revivedUnseen.delete(kid);
    this.#verification = {
      ...{ verified, verifiedAfter: cutover.completedAt, fleetDigest: this.#fleetDigest() },
      trustedKids: world.trustedKids(),
      ledger: nextState(rows, state?.cells, outcome),
    };
    return verified;
  }

  #withCanary(row: LedgerRow): AskableRow {
    const reference = this.#canary?.canaries.find(({ kid }) => kid === row.kid);
    if (!reference || reference.seen.expiresAt <= at(this.#world.now)) return row;
    const whole = (token: { jti: string; expiresAt: string }) => ({
      ...{ ...token, token: "t", kid: row.kid, algorithm: "RS256" },
    });
    const canary: Canary = { ...reference, seen: whole(reference.seen), unseen: whole(reference.unseen) };
    return { ...row, canary };
  }

  #ask(process: Process, rows: readonly AskableRow[], cells: LedgerState["cells"]): ShownInstance {
    const baseline = this.#canary?.baseline.find(({ instance }) => instance === process.name)?.verdicts ?? [];
    const checks = rows.flatMap((row) => checksOf(process, row, at(this.#world.now)));
    const instance = {
      name: process.name,
      ...(process.isPod ? { startedAt: at(process.startedAt) } : {}),
    };
    const isNeeded = rows.some((row) => needsStartup(row, { baseline }));
    const startup =
      isNeeded && process.isPod
        ? { bootstrap: "seen" as const, startedAt: at(process.startedAt) }
        : undefined;
    const shown = { instance, place: "here", checks, baseline, startup, processes: [], cells };
    return {
      ...{ instance: process.name, place: "here", checks },
      proofs: rows.map((row) => proveCell(row, shown)),
    };
  }
}

function referenceFor(kid: string, now: number): CanaryReference {
  const token = (which: string) => ({ jti: `${which}-${kid}-${now}`, expiresAt: at(now + lifeSeconds) });
  return { kid, algorithm: "RS256", seen: token("seen"), unseen: token("unseen") };
}

/** One that refuses a trusted key's token is refreshed, and asked again. */
function baselineOf(process: Process, retiring: readonly RealmKey[], world: World): Baseline {
  if (retiring.some(({ kid }) => !process.trusts.has(kid))) world.fetch(process);
  const verdicts = retiring.map(({ kid }) =>
    process.trusts.has(kid) ? soundBefore(kid) : { kid, verdict: { kind: "rejected" as const, status: 401 } },
  );
  return { instance: process.name, verdicts };
}

function checksOf(process: Process, row: AskableRow, now: string): Check[] {
  const { kid, canary, standing, isTrustedAgain } = row;
  if (!canary || standing === "acknowledged" || isTrustedAgain) return [];
  const verdict = process.trusts.has(kid)
    ? ({ kind: "accepted", status: 200 } as const)
    : ({ kind: "rejected", status: 401 } as const);
  const about = {
    subject: kid,
    expected: "rejected",
    verdict,
    ok: verdict.kind === "rejected",
    at: now,
  } as const;
  if (standing === "closed") return [{ ...about, check: "earlier", jti: canary.unseen.jti }];
  return (["unseen", "seen"] as const).map((which) => ({
    ...{ ...about, check: "retired" as const, canary: which, jti: canary[which].jti },
  }));
}

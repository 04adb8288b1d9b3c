import { type Identity, identity, type OpenInstance } from "../fleet/instances.ts";
import { placeOf } from "../fleet/place.ts";
import type { Startup } from "../fleet/read-startup.ts";
import { type RefreshResult, refreshInstance } from "../fleet/refresh.ts";
import { askAboutForgeries, askAboutKeys } from "./ask-instance.ts";
import type { Baseline } from "./canary-findings.ts";
import { type Check, isUnanswered } from "./check.ts";
import { describeFailures } from "./describe-checks.ts";
import { forTheKeysSake } from "./for-the-keys-sake.ts";
import { type CellProof, needsStartup, proveCell } from "./ledger/cells.ts";
import { type Judgement, judgeInstance } from "./ledger/ledger.ts";
import type { AskableRow } from "./ledger/rows.ts";
import type { LedgerState } from "./ledger/state.ts";
import type { Questions } from "./questions.ts";
import { isDivided } from "./spread.ts";

export interface InstanceVerification extends Identity, Judgement {
  instance: string;
  url: string;
  /** Given where the instance started after a key's death, and only that can prove that it has dropped the key. */
  startup?: Startup;
  /** Names of its processes that have answered. Default: none has a name. */
  processes?: string[];
  checks: Check[];
  /** What is shown about each dead key. Absent in the results of older versions. */
  proofs?: CellProof[];
  /** Why it is not verified, each a phrase that starts with a verb. */
  reasons: string[];
}

/** What is known of an instance from before. */
export interface KnownOfInstance {
  /** Its verdicts before the cut-over. */
  baseline?: Baseline | undefined;
  /** What earlier verifications have shown, by kid. Default: nothing. */
  cells?: LedgerState["cells"] | undefined;
  /**
   * How it started, if that was after the death of one of these keys; else undefined.
   *
   * @param rows the keys of which only that can prove that the instance has dropped them
   */
  startup(rows: readonly AskableRow[]): Promise<Startup | undefined>;
}

/**
 * Verifies one instance. Where it does not reject what it must reject, or not accept what it must accept, it is
 * refreshed once more and asked again, so that a repaired instance heals without a new rotation.
 */
export async function verifyInstance(
  instance: OpenInstance,
  questions: Questions,
  { baseline, cells = {}, startup: startupFor }: KnownOfInstance,
): Promise<InstanceVerification> {
  const { rows } = questions;
  const verdicts = baseline?.verdicts ?? [];
  const unshowable = rows.filter((row) => needsStartup(row, { baseline: verdicts }));
  const startup = unshowable.length > 0 ? await startupFor(unshowable) : undefined;
  const { checks, refreshFailure } = await askAll(instance, questions);
  const processes = [...(instance.processes ?? [])].toSorted();
  const place = placeOf(instance, questions.fleet.probe);
  const shown = { instance, place, checks, baseline: verdicts, startup, processes, cells };
  const proofs = rows.map((row) => proveCell(row, shown));
  return {
    instance: instance.name,
    ...identity(instance),
    url: instance.url,
    ...(startup ? { startup } : {}),
    ...(processes.length > 0 ? { processes } : {}),
    ...judgeInstance(proofs, checks),
    checks,
    proofs,
    reasons: [
      ...describeFailures(checks),
      ...refreshFailure,
      ...proofs.flatMap((one) => ("why" in one ? (one.why ?? []) : [])),
      ...missingBootstrap(startup, proofs),
    ],
  };
}

/** Where its start would have to prove something, and its log does not show it. */
function missingBootstrap(startup: Startup | undefined, proofs: readonly CellProof[]): string[] {
  if (startup?.bootstrap !== "missing" || proofs.every(({ proof }) => proof !== "unproven")) return [];
  const tail = (startup.tail ?? []).slice(-3).map((line) => `\n      ${line}`);
  return [
    `shows no JWKS bootstrap in its start-up log (BOOTSTRAP_NOT_SEEN); its last lines:${tail.join("") || " (nothing)"}`,
  ];
}

/** Asks about the keys, again after a refresh where that may help, and then about the forgeries. */
async function askAll(
  instance: OpenInstance,
  questions: Questions,
): Promise<{ checks: Check[]; refreshFailure: string[] }> {
  const { fleet, expectation, rows } = questions;
  let keyChecks = await askAboutKeys(instance, questions);
  let refreshed: RefreshResult | undefined;
  for (let attempt = 1; attempt <= refreshesFor(keyChecks, fleet.refresh); attempt += 1) {
    refreshed = await refreshInstance(instance, fleet.refresh, fleet.apiRefreshTokens, expectation);
    keyChecks = await askAboutKeys(instance, questions);
  }
  const isSilent = keyChecks.some(isUnanswered);
  const takesFresh = keyChecks.every(({ check, ok }) => check !== "fresh" || ok);
  const forged = isSilent ? [] : await askAboutForgeries(instance, questions, { takesFresh });
  const checks = [...forTheKeysSake(keyChecks, rows), ...forged];
  const silence = checks.find(isUnanswered)?.verdict;
  const hasFailed = checks.some(({ ok, verdict }) => !ok && verdict !== silence);
  const refreshFailure = hasFailed && refreshed?.reason ? [`can't be refreshed (${refreshed.reason})`] : [];
  return { checks, refreshFailure };
}

/** One refresh helps an instance that is repaired; where its processes are not of one mind it takes several to reach all. */
function refreshesFor(checks: readonly Check[], { attempts }: { attempts: number }): number {
  if (checks.every(({ ok }) => ok) || checks.some(isUnanswered)) return 0;
  return checks.some(isDivided) ? attempts : 1;
}

import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { exchange, NoAnswerError } from "./http.ts";
import { type Identity, identity, instanceUrl, type OpenInstance } from "./instances.ts";
import { backoffMs } from "./probes.ts";

export interface RefreshSettings {
  /** Default: `/internal/auth/jwks/refresh`. */
  path: string;
  /** How often an instance is asked at the most. Default: 4. */
  attempts: number;
  /** Milliseconds for one attempt. Default: 5000. */
  timeoutMs: number;
  /** Instances worked on at a time. Default: 16. */
  concurrency: number;
}

export interface RefreshExpectation {
  /** Kids that a refreshed cache has. */
  present: string[];
  /** Kids that a refreshed cache no longer has. */
  absent: string[];
}

/** What came of refreshing one instance. `claimed` is what it says; only the replayed canary proves it. */
export interface RefreshResult extends Identity {
  instance: string;
  outcome: "claimed" | "failed";
  attempts: number;
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** HTTP status of the last answer. */
  status?: number;
  /** Those of the expected and the retired kids that the instance says it has now. */
  kids?: string[];
  /** Why it failed, without any secret. */
  reason?: string;
}

type Attempt = Pick<RefreshResult, "outcome" | "status" | "kids" | "reason"> & { final: boolean };

const claim = z.looseObject({ kids: z.array(z.string().min(1)) });

/**
 * Sends a refresh to one instance, and again with backoff where it has not claimed the expected set yet. Never throws:
 * a failure is a result.
 *
 * @param refreshTokens those that the instance may have: while a new one is rolled out, some have the one before
 */
export async function refreshInstance(
  instance: OpenInstance,
  settings: RefreshSettings,
  refreshTokens: readonly string[],
  expectation: RefreshExpectation,
): Promise<RefreshResult> {
  const startedAt = new Date().toISOString();
  for (let attempts = 1; ; attempts += 1) {
    const { final, ...result } = await refreshWithAny(instance, settings, refreshTokens, expectation);
    if (final || attempts >= settings.attempts) {
      return {
        instance: instance.name,
        ...identity(instance),
        attempts,
        startedAt,
        finishedAt: new Date().toISOString(),
        ...result,
      };
    }
    await delay(backoffMs(attempts));
  }
}

async function refreshWithAny(
  instance: OpenInstance,
  settings: RefreshSettings,
  refreshTokens: readonly string[],
  expectation: RefreshExpectation,
): Promise<Attempt> {
  let attempt: Attempt = { outcome: "failed", reason: "there is no refresh token", final: true };
  for (const token of refreshTokens) {
    attempt = await refreshOnce(instance, settings, token, expectation);
    if (attempt.status !== 401 && attempt.status !== 403) break;
  }
  return attempt;
}

async function refreshOnce(
  instance: OpenInstance,
  settings: RefreshSettings,
  refreshToken: string,
  expectation: RefreshExpectation,
): Promise<Attempt> {
  try {
    const { status, body } = await exchange(instanceUrl(instance, settings.path), {
      method: "POST",
      headers: { authorization: `Bearer ${refreshToken}` },
      timeoutMs: settings.timeoutMs,
      dispatcher: instance.dispatcher,
    });
    return readAnswer(status, body, expectation);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    return { outcome: "failed", reason: error.message, final: false };
  }
}

function readAnswer(status: number, body: string, expectation: RefreshExpectation): Attempt {
  if (status >= 200 && status < 300) return readClaim(status, body, expectation);
  const reason = refusals[status] ?? (status < 400 ? "a redirect, not followed" : "an unexpected status");
  return {
    outcome: "failed",
    status,
    reason: `HTTP ${status}: ${reason}`,
    final: status < 500 && status !== 429,
  };
}

const refusals: Record<number, string> = {
  401: "the instance does not take this refresh token",
  403: "the instance does not take this refresh token",
  404: "the instance does not expose the refresh operation",
  429: "the instance asks to wait",
};

function readClaim(status: number, body: string, { present, absent }: RefreshExpectation): Attempt {
  const claimed = claimedKids(body);
  if (claimed === "none") return { outcome: "claimed", status, final: true };
  if (claimed === "malformed") {
    return { outcome: "failed", status, reason: "its answer's kids are not a list of key ids", final: false };
  }
  const wrong = [
    ...present.filter((kid) => !claimed.includes(kid)).map((kid) => `lacks ${kid}`),
    ...absent.filter((kid) => claimed.includes(kid)).map((kid) => `still has ${kid}`),
  ];
  // Only kids that are known here are kept: an instance could put anything else there, the refresh token included.
  const kids = [...present, ...absent].filter((kid) => claimed.includes(kid));
  if (wrong.length === 0) return { outcome: "claimed", status, kids, final: true };
  return { outcome: "failed", status, kids, reason: `its refreshed cache ${wrong.join(", ")}`, final: false };
}

/** The contract lets an answer carry no kids; where it carries some, they must be what they claim to be. */
function claimedKids(body: string): string[] | "none" | "malformed" {
  const answer = parseJson(body);
  if (typeof answer !== "object" || answer === null || !("kids" in answer)) return "none";
  return claim.safeParse(answer).data?.kids ?? "malformed";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

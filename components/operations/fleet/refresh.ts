import { z } from "zod";
import { type Identity, identity, type OpenInstance } from "./instances.ts";
import { type CallSettings, callEveryProcess, type InternalCall, type Reading } from "./internal-call.ts";
import type { Reached } from "./processes.ts";

export interface RefreshSettings extends CallSettings {
  /** Default: `/internal/auth/jwks/refresh`. */
  path: string;
}

export interface RefreshExpectation {
  /** Kids that a refreshed cache has. */
  present: string[];
  /** Kids that a refreshed cache no longer has. */
  absent: string[];
}

/** The result of refreshing one instance. `claimed` is only what it says; the replayed canary proves it. */
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
  /** Which of the expected and the retired kids the instance says it has now. */
  kids?: string[];
  /** Why it failed, without any secret. */
  reason?: string;
  /** Which of its processes were called. Absent where there is one, or only one was called. */
  reached?: Reached;
}

const claim = z.looseObject({ kids: z.array(z.string().min(1)) });

/**
 * Sends a refresh to each process of an instance, and repeats it with backoff until they claim to have the expected keys.
 * Never throws: a failure is a result.
 *
 * @param apiRefreshTokens the tokens that the instance may have: while a new one is rolled out, some instances have the
 *   one before
 */
export async function refreshInstance(
  instance: OpenInstance,
  settings: RefreshSettings,
  apiRefreshTokens: readonly string[],
  expectation: RefreshExpectation,
): Promise<RefreshResult> {
  const startedAt = new Date().toISOString();
  const call: InternalCall<string[] | undefined> = {
    method: "POST",
    path: settings.path,
    operation: "refresh",
    read: (body) => readClaim(body, expectation),
  };
  const called = await callEveryProcess(instance, call, settings, apiRefreshTokens);
  const { outcome, found: kids, ...rest } = called;
  return {
    instance: instance.name,
    ...identity(instance),
    startedAt,
    finishedAt: new Date().toISOString(),
    outcome: outcome === "done" ? "claimed" : "failed",
    ...rest,
    ...(kids ? { kids } : {}),
  };
}

function readClaim(body: string, { present, absent }: RefreshExpectation): Reading<string[] | undefined> {
  const claimed = claimedKids(body);
  if (claimed === "none") return { found: undefined };
  if (claimed === "malformed") {
    return { found: undefined, objection: "the kids in its answer are not a list of key ids" };
  }
  const wrong = [
    ...present.filter((kid) => !claimed.includes(kid)).map((kid) => `lacks ${kid}`),
    ...absent.filter((kid) => claimed.includes(kid)).map((kid) => `still has ${kid}`),
  ];
  // Only kids that are known here are kept: an instance could put anything there, even the API refresh token.
  const kids = [...present, ...absent].filter((kid) => claimed.includes(kid));
  return {
    found: kids,
    objection: wrong.length > 0 ? `its refreshed cache ${wrong.join(", ")}` : undefined,
  };
}

/** The contract allows an answer without kids; if there are any, they must be a list of key ids. */
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

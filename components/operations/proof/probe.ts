import { setTimeout as delay } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { backoffMs } from "../base/backoff.ts";
import { exchange, NoAnswerError } from "../base/http.ts";
import { instanceUrl, type OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { processHeader, readProcessName } from "../fleet/process-name.ts";
import type { Attributes, OpenSpan } from "../telemetry/span.ts";
import { inSpan } from "../telemetry/telemetry.ts";

/**
 * An instance's answer about a token. "Rejected" and "could not ask" are different: a timeout, a 5xx, a redirect or a
 * refused connection is `inconclusive` and proves nothing. `unanswered` marks that no HTTP answer came at all.
 */
export type Verdict =
  | { kind: "accepted"; status: number }
  | { kind: "rejected"; status: number }
  | { kind: "inconclusive"; reason: string; unanswered?: true | undefined };

/** Shows one token to one instance, and again while the answer is inconclusive. */
export async function probe(
  instance: OpenInstance,
  settings: ProbeSettings,
  token: string,
): Promise<Verdict> {
  return inSpan(
    "probe",
    // Stryker disable next-line ArrowFunction: what a span says decides nothing.
    () => spanOf(instance, settings, token),
    async (span) => {
      for (let attempt = 1; ; attempt += 1) {
        const verdict = await probeOnce(instance, settings, token);
        if (verdict.kind !== "inconclusive" || attempt >= settings.attempts) {
          instance.retrying?.(false);
          return tell(span, verdict, attempt);
        }
        instance.retrying?.(true);
        await delay(backoffMs(attempt));
      }
    },
  );
}

/** Of the token, only its key's id. */
function spanOf(instance: OpenInstance, { path }: ProbeSettings, token: string): Attributes {
  return {
    "http.request.method": "GET",
    "url.full": instanceUrl(instance, path),
    "jwks.instance": instance.name,
    "jwks.kid": kidOf(token),
  };
}

/** A forged token may have an unreadable header. */
function kidOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

// Stryker disable all: what a span says decides nothing.
function tell(span: OpenSpan, verdict: Verdict, attempts: number): Verdict {
  span.set({
    "jwks.verdict": verdict.kind,
    "http.response.status_code": "status" in verdict ? verdict.status : undefined,
    "http.request.resend_count": attempts > 1 ? attempts - 1 : undefined,
  });
  // Most probes are sent in order to be rejected: that is no failure.
  if (verdict.kind === "inconclusive") span.fail(verdict.unanswered ? "no_answer" : "unexpected_status");
  return verdict;
}

// Stryker restore all
async function probeOnce(instance: OpenInstance, settings: ProbeSettings, token: string): Promise<Verdict> {
  try {
    const { status, headers } = await exchange(instanceUrl(instance, settings.path), {
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
      timeoutMs: settings.timeoutMs,
      dispatcher: instance.dispatcher,
      maxBytes: 1024 * 1024,
    });
    instance.heard?.(readProcessName(headers[processHeader]));
    return verdictOf(status, settings);
  } catch (error) {
    if (error instanceof NoAnswerError)
      return { kind: "inconclusive", reason: error.message, unanswered: true };
    throw error;
  }
}

/** Reads a status as a verdict; every status that is not configured is inconclusive. */
export function verdictOf(
  status: number,
  { acceptedStatuses, rejectedStatuses }: Pick<ProbeSettings, "acceptedStatuses" | "rejectedStatuses">,
): Verdict {
  if (acceptedStatuses.includes(status)) return { kind: "accepted", status };
  if (rejectedStatuses.includes(status)) return { kind: "rejected", status };
  const redirect = status >= 300 && status < 400 ? " (a redirect, not followed)" : "";
  return { kind: "inconclusive", reason: `HTTP ${status}${redirect}` };
}

/** A verdict as one phrase. */
export function describeVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "accepted":
      return `accepted (${verdict.status})`;
    case "rejected":
      return `rejected (${verdict.status})`;
    case "inconclusive":
      return `inconclusive: ${verdict.reason}`;
    // Stryker disable next-line ConditionalExpression: it can't be reached.
    default:
      return verdict satisfies never;
  }
}

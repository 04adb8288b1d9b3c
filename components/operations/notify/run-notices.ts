import type { RunContext } from "../base/run-context.ts";
import type { Evidence } from "../evidence/evidence-schema.ts";
import { failedMessage, type NotifyMessage, startMessage, verifiedMessage } from "./messages.ts";
import { defaultTiming, describeFailure, notify } from "./notify.ts";
import { type Notice, type NotifySettings, notifyShape } from "./notify-shape.ts";

/** The webhook of this process: the provider's `configure` sets it, so that the URL is in no resource and no state. */
const configured: { settings?: NotifySettings } = {};

/** A process serves one run, so each message is sent once for each realm. */
interface Notices {
  start?: { sent: Promise<void>; stop: AbortController };
  end?: Promise<void>;
}

const ofRealm = new Map<string, Notices>();

/** @param text the stack config's `notify` as JSON; empty or undefined where there is no webhook */
export function configureNotify(text: string | undefined): void {
  const read = text ? notifyShape.safeParse(parseJson(text)).data : undefined;
  // Problems in it were reported with the other settings, before anything was touched.
  if (read) configured.settings = read;
}

/** Sends, once, that a rotation has started. Nothing waits for it. */
export function notifyStart(run: RunContext): void {
  // Where the provider is not configured yet, the next phase of the realm sends it.
  if (!configured.settings || noticesOf(run).start) return;
  const stop = new AbortController();
  noticesOf(run).start = { sent: send("start", () => startMessage(run), stop.signal), stop };
}

/** Sends the result of a rotation, once; {@link notificationsSent} waits for it. */
export function notifyEnd(run: RunContext, outcome: "verified" | "failed", evidence?: Evidence): void {
  const notices = noticesOf(run);
  // Two keys can fail to be published at the same time.
  if (notices.end) return;
  const isWanted = configured.settings?.on.includes(outcome);
  // A start message that is still not sent must not arrive after the result.
  if (isWanted) notices.start?.stop.abort();
  notices.end = send(outcome, () =>
    outcome === "verified" && evidence ? verifiedMessage(run, evidence) : failedMessage(run, evidence),
  );
}

/** Waits until the messages of a realm are sent, for 20 s at most. */
export async function notificationsSent(run: Pick<RunContext, "realm">): Promise<void> {
  const { start, end } = ofRealm.get(run.realm) ?? {};
  await Promise.all([start?.sent, end]);
}

async function send(notice: Notice, message: () => NotifyMessage, signal?: AbortSignal): Promise<void> {
  const { settings } = configured;
  if (!settings?.on.includes(notice)) return;
  try {
    const outcome = await notify(settings, message(), defaultTiming, signal);
    if (outcome.kind === "failed" && !signal?.aborted) console.log(`[notify] ${describeFailure(outcome)}`);
  } catch {
    // A message that can't be built is no reason to fail, and its error could hold anything.
    console.log(`[notify] warning: the message ${notice} could not be built; the rotation continues`);
  }
}

function noticesOf({ realm }: RunContext): Notices {
  const known = ofRealm.get(realm) ?? {};
  ofRealm.set(realm, known);
  return known;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

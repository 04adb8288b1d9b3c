import type { RunContext } from "../base/run-context.ts";
import type { Evidence } from "../evidence/evidence-schema.ts";
import { failedMessage, type NotifyMessage, startMessage, verifiedMessage } from "./messages.ts";
import { defaultTiming, describeFailure, notify } from "./notify.ts";
import { type Notice, type NotifySettings, notifyShape } from "./notify-shape.ts";

/** Where messages go in this process: the provider's `configure` sets it, so that the URL is in no resource and no state. */
const configured: { settings?: NotifySettings } = {};

/** A process works for one run, so each message goes out once for each realm. */
interface Notices {
  start?: { sent: Promise<void>; stop: AbortController };
  end?: Promise<void>;
}

const ofRealm = new Map<string, Notices>();

/** @param text the stack config's `notify` as JSON; empty or none where there is no webhook */
export function configureNotify(text: string | undefined): void {
  const read = text ? notifyShape.safeParse(parseJson(text)).data : undefined;
  // What is wrong with it has been told by the settings, before anything was touched.
  if (read) configured.settings = read;
}

/** Tells, once, that a rotation has started. Nothing waits for it. */
export function tellStart(run: RunContext): void {
  // Where the provider is not configured yet, the next phase of the realm tells it.
  if (!configured.settings || noticesOf(run).start) return;
  const stop = new AbortController();
  noticesOf(run).start = { sent: tell("start", () => startMessage(run), stop.signal), stop };
}

/** Tells what a rotation has come to, once; {@link told} waits for it. */
export function tellEnd(run: RunContext, outcome: "verified" | "failed", evidence?: Evidence): void {
  const notices = noticesOf(run);
  // Two keys can fail to be published side by side.
  if (notices.end) return;
  const isWanted = configured.settings?.on.includes(outcome);
  // A start that is still not sent is old news now, and must not come after the end.
  if (isWanted) notices.start?.stop.abort();
  notices.end = tell(outcome, () =>
    outcome === "verified" && evidence ? verifiedMessage(run, evidence) : failedMessage(run, evidence),
  );
}

/** Waits for the messages of a realm, 20 s at the longest. */
export async function told(run: Pick<RunContext, "realm">): Promise<void> {
  const { start, end } = ofRealm.get(run.realm) ?? {};
  await Promise.all([start?.sent, end]);
}

async function tell(notice: Notice, message: () => NotifyMessage, signal?: AbortSignal): Promise<void> {
  const { settings } = configured;
  if (!settings?.on.includes(notice)) return;
  try {
    const outcome = await notify(settings, message(), defaultTiming, signal);
    if (outcome.kind === "failed" && !signal?.aborted) console.log(`[notify] ${describeFailure(outcome)}`);
  } catch {
    // A message that can't be put together is no reason to fail, and its error could hold anything.
    console.log(`[notify] warning: the message ${notice} could not be put together; the rotation goes on`);
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

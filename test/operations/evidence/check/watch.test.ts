import type { Evidence } from "#operations/evidence/evidence-schema";
import { emergency, redEmergency, relapsedEmergency, watchedEmergency } from "../../evidence-bundles.ts";
import { defined, type Forgery, forgeriesOf, soundOf, type Variant } from "../../forged-evidence.ts";
import { at, cleanWatch } from "../../samples.ts";

const cutShort = () => watchedEmergency({ cutShort: true, finishedAt: at(45), rounds: 2 });

function watchOf({ watch }: Evidence): NonNullable<Evidence["watch"]> {
  return defined(watch);
}

function phaseOf({ phases }: Evidence) {
  return defined(phases.find(({ phase }) => phase === "watch"));
}

/** What was found at one time is said to have been found at another, in the report too. */
function moveRelapse(evidence: Evidence, from: string, to: string): void {
  const { relapses, jwks } = watchOf(evidence);
  for (const one of [...relapses, ...jwks]) if (one.at === from) one.at = to;
  evidence.notProven = evidence.notProven.map((line) => line.replace(from, to));
}

const forgeries: Forgery[] = [
  {
    title: "a relapse that is taken out of the watch",
    of: relapsedEmergency,
    change: (evidence) => Object.assign(watchOf(evidence), { relapses: [], jwks: [] }),
    problem: /^phase watch has failed, but the watch lists no relapse/m,
    isAmongOthers: true,
  },
  {
    title: "a failed watch without a relapse",
    of: watchedEmergency,
    change: (evidence) => {
      phaseOf(evidence).outcome = "failed";
    },
    problem: /^phase watch has failed, but the watch lists no relapse/,
  },
  {
    title: "a relapse in a watch that has not failed",
    of: relapsedEmergency,
    change: (evidence) => {
      phaseOf(evidence).outcome = "done";
      delete evidence.failedPhase;
      delete evidence.error;
    },
    problem: /^the watch lists a relapse, but phase watch has not failed/,
  },
  {
    title: "a relapse in a watch that has not failed, where another phase has",
    of: relapsedEmergency,
    change: (evidence) => {
      phaseOf(evidence).outcome = "done";
      defined(evidence.phases[3]).outcome = "failed";
      evidence.failedPhase = "enforce";
    },
    problem: /^the watch lists a relapse, but phase watch has not failed/,
  },
  {
    title: "a relapse in a watch that was cut short",
    of: relapsedEmergency,
    change: (evidence) => {
      watchOf(evidence).cutShort = true;
    },
    problem: /^the watch lists a relapse, and that it was cut short/,
  },
  {
    title: "a relapse that is not said",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.includes("api-2"));
    },
    problem: /^notProven does not list this relapse as a failure: api-2 \(process w3\)/,
  },
  {
    title: "a relapse that is said calmly",
    of: relapsedEmergency,
    change: (evidence) => {
      defined(evidence.scope).push(defined(evidence.notProven.find((line) => line.includes("api-2"))));
    },
    problem: /^notProven does not list this relapse as a failure: api-2 \(process w3\)/,
  },
  {
    title: "a relapse of an instance at a time when nobody was asked",
    of: relapsedEmergency,
    change: (evidence) => moveRelapse(evidence, at(47), at(32)),
    problem: /^a relapse is listed at \S+:32\.000Z, when nobody was asked/,
  },
  {
    title: "a relapse of a JWKS URL at a time when nobody was asked",
    of: relapsedEmergency,
    change: (evidence) => moveRelapse(evidence, at(48), at(49)),
    problem: /^a relapse is listed at \S+:49\.000Z, when nobody was asked/,
  },
  {
    title: "a cut that is hidden",
    of: cutShort,
    change: (evidence) => {
      watchOf(evidence).cutShort = false;
    },
    problem: /^the watch of 30 s lasted only 12000 ms, and is not marked as cut short/,
  },
  {
    title: "a watch that is shorter by more than a timer may be early",
    of: watchedEmergency,
    change: (evidence) => {
      watchOf(evidence).finishedAt = "2026-01-01T10:01:02.899Z";
    },
    problem: /^the watch of 30 s lasted only 29899 ms, and is not marked as cut short/,
  },
  {
    title: "a cut that is not said",
    of: cutShort,
    change: (evidence) => {
      const isOther = (line: string) => !line.includes("cut short");
      evidence.notProven = evidence.notProven.filter(isOther);
      evidence.scope = evidence.scope?.filter(isOther);
    },
    problem: /^notProven does not say that the watch was cut short/,
  },
  {
    title: "a watch that asked nobody",
    of: watchedEmergency,
    change: (evidence) => {
      watchOf(evidence).rounds = 0;
    },
    problem: /^the watch has asked nobody, and is not marked as cut short/,
  },
  {
    title: "a watch in a planned rotation",
    of: watchedEmergency,
    change: (evidence) => {
      evidence.mode = "planned";
    },
    problem: /^mode is planned, but a watch is listed/,
  },
  {
    title: "a watch from before the proof",
    of: watchedEmergency,
    change: (evidence) => {
      watchOf(evidence).startedAt = at(20);
    },
    problem: /^a watch is listed, but no green verification before it/,
  },
  {
    title: "a watch after a red verification",
    of: redEmergency,
    change: (evidence) => {
      evidence.watch = cleanWatch();
    },
    problem: /^a watch is listed, but no green verification before it/,
  },
  {
    title: "a watch that ended before it began",
    of: cutShort,
    change: (evidence) => {
      watchOf(evidence).finishedAt = at(32);
    },
    problem: /^the watch ended before it began/,
  },
];

const sound: Variant[] = [
  { title: "a watch without a relapse", of: watchedEmergency, change: () => undefined },
  { title: "a watch that was cut short", of: cutShort, change: () => undefined },
  { title: "a relapse", of: relapsedEmergency, change: () => undefined },
  { title: "an emergency without a watch", of: emergency, change: () => undefined },
  {
    title: "a watch that began when the proof ended, and ended a little early",
    of: watchedEmergency,
    change: (evidence) => {
      Object.assign(watchOf(evidence), { startedAt: at(32), finishedAt: "2026-01-01T10:01:01.900Z" });
    },
  },
  {
    title: "a watch that was cut short before it asked anybody, in the moment in which it began",
    of: cutShort,
    change: (evidence) => {
      Object.assign(watchOf(evidence), { rounds: 0, finishedAt: at(33) });
    },
  },
  {
    title: "a watch after an earlier phase that had failed",
    of: watchedEmergency,
    change: (evidence) => {
      defined(evidence.phases[3]).outcome = "failed";
    },
  },
];

forgeriesOf("watch", forgeries);
soundOf("watch", sound);

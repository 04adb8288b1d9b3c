import { emergency, redEmergency, restartedEmergency } from "../../evidence-bundles.ts";
import {
  acknowledge,
  defined,
  type Forgery,
  forgeriesOf,
  soundOf,
  type Variant,
  verificationOf,
} from "../../forged-evidence.ts";

const unverified = () => ({ phases: [] });
const tooManySessions = () =>
  emergency({}, { sessions: { ended: [], truncated: true, denied: [], failures: [] } });
const notFrozen = () =>
  emergency({}, { freeze: { clients: [], instances: [], failures: ["api-1: HTTP 500"] } });

/** Moves a line to where it is shown calmly. */
const calmly = (text: string) => (evidence: { notProven: string[]; scope?: string[] | undefined }) => {
  defined(evidence.scope).push(defined(evidence.notProven.find((line) => line.includes(text))));
};
const without = (text: string) => (evidence: { notProven: string[]; scope?: string[] | undefined }) => {
  evidence.notProven = evidence.notProven.filter((line) => !line.includes(text));
  evidence.scope = evidence.scope?.filter((line) => !line.includes(text));
};

const forgeries: Forgery[] = [
  {
    title: "a run that does not say that nothing was verified",
    of: unverified,
    change: without("Nothing was verified"),
    problem: /^notProven does not say that nothing was verified/,
  },
  {
    title: "a failure that is not said",
    of: redEmergency,
    change: without("api-2 still accepts"),
    problem: /^notProven does not list this failure: api-2 still accepts kid old/,
  },
  {
    title: "a key closed by name that is not said",
    change: (evidence) => {
      acknowledge(evidence, "older");
      evidence.notProven.shift();
    },
    problem: /^notProven does not list as a failure: It was not shown that kid older is refused/,
  },
  {
    title: "a key closed by name that is said calmly",
    change: (evidence) => {
      acknowledge(evidence, "older");
      calmly("kid older")(evidence);
    },
    problem: /^notProven does not list as a failure: It was not shown that kid older is refused/,
  },
  {
    title: "the weaker proof that is not called weaker",
    of: restartedEmergency,
    change: without("proof level restarted"),
    problem: /^notProven does not say that some instances have the weaker proof/,
  },
  {
    title: "a failure that is said calmly",
    of: redEmergency,
    change: calmly("api-2 still accepts"),
    problem: /^scope lists a failure: api-2 still accepts kid old/,
  },
  {
    title: "a failed freeze that is said calmly",
    of: notFrozen,
    change: calmly("Not frozen"),
    problem: /^scope lists a failure: Not frozen: api-1: HTTP 500/,
  },
  {
    title: "that nothing was verified, said calmly",
    of: unverified,
    change: calmly("Nothing was verified"),
    problem: /^scope lists a failure: Nothing was verified/,
  },
  {
    title: "sessions that were too many, said calmly",
    of: tooManySessions,
    change: calmly("There were too many sessions"),
    problem: /^scope lists a failure: There were too many sessions/,
  },
  {
    title: "the same, and hidden in the list of sessions",
    of: tooManySessions,
    change: (evidence) => {
      calmly("There were too many sessions")(evidence);
      defined(evidence.sessions).truncated = false;
    },
    problem: /^scope lists a failure: There were too many sessions/,
  },
  {
    title: "a sentence that is only in the calm list",
    change: (evidence) => defined(evidence.scope).push("This is nothing to worry about."),
    problem: /^scope lists what notProven does not: This is nothing to worry about/,
  },
];

const sound: Variant[] = [
  {
    title: "all of it said as failures, without a calm list",
    of: restartedEmergency,
    change: (evidence) => {
      delete evidence.scope;
      acknowledge(evidence, "older");
    },
  },
  { title: "sessions that were too many, said as a failure", of: tooManySessions, change: () => undefined },
  { title: "a failed freeze, said as a failure", of: notFrozen, change: () => undefined },
  {
    title: "the weaker proof in a run that has none",
    change: (evidence) => {
      verificationOf(evidence).acknowledged = [];
    },
  },
];

forgeriesOf("what was not proven", forgeries);
soundOf("what was not proven", sound);

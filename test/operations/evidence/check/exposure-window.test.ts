import {
  emergency,
  planned,
  redEmergency,
  relapsedEmergency,
  restartedEmergency,
} from "../../evidence-bundles.ts";
import {
  defined,
  type Forgery,
  forgeriesOf,
  instanceOf,
  retiredKeyOf,
  soundOf,
  type Variant,
  verificationOf,
  withoutRetired,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

type Evidence = Parameters<Forgery["change"]>[0];

const whole = { from: at(12), to: at(30), ms: 18_000, exact: true };

/** A second key was retired before the first one; nobody is asked about either. */
function retireEarlierKey(evidence: Evidence): void {
  const key = retiredKeyOf(evidence);
  evidence.retired.push({ ...key, kid: "earlier", disabledAt: at(11), disabledAtIsExact: false });
}

const opened = /^the exposure window is given as 18000 ms, \S+ to \S+, but the times make it open, or none/m;

const forgeries: Forgery[] = [
  {
    title: "a shorter one",
    change: (evidence) => {
      defined(evidence.exposureWindow).ms = 1;
    },
    problem: /^the exposure window is given as 1 ms, .*, but the times make it 18000 ms/,
  },
  {
    title: "none although it is closed",
    change: (evidence) => {
      delete evidence.exposureWindow;
    },
    problem: /^the exposure window is given as open, or none, but the times make it 18000 ms/,
  },
  {
    title: "one that is called exact and is not",
    change: (evidence) => {
      retiredKeyOf(evidence).disabledAtIsExact = false;
    },
    problem: /^the exposure window is given as 18000 ms, .*, but the times make it at most 18000 ms/,
  },
  {
    title: "one although an instance is unproven",
    of: redEmergency,
    change: (evidence) => {
      evidence.exposureWindow = whole;
    },
    problem: opened,
  },
  {
    title: "one although a target could not be listed",
    change: (evidence) => {
      verificationOf(evidence).unseen = ["target shop has no instance"];
    },
    problem: opened,
    isAmongOthers: true,
  },
  {
    title: "one although a key came back",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.exposureWindow = whole;
    },
    problem: opened,
  },
  {
    title: "one although nothing was verified",
    of: () => {
      const { proof: _proof, ...rest } = emergency();
      return rest;
    },
    change: (evidence) => {
      evidence.exposureWindow = whole;
    },
    problem: opened,
  },
  {
    title: "one although no key was retired",
    of: planned,
    change: (evidence) => {
      evidence.exposureWindow = whole;
    },
    problem: opened,
  },
  {
    title: "proofs of nothing, and so none",
    change: withoutRetired,
    problem: /^api-[12] has proof level replayed, but no key was retired/,
  },
  {
    title: "one although no instance has a time of proof",
    change: (evidence) => {
      for (const instance of verificationOf(evidence).instances) delete instance.provenAt;
    },
    problem: opened,
    isAmongOthers: true,
  },
  {
    title: "one that begins with a key that somebody else has disabled",
    change: (evidence) => {
      retireEarlierKey(evidence);
      Object.assign(defined(evidence.retired[1]), { how: "by-hand" });
      evidence.exposureWindow = { from: at(11), to: at(30), ms: 19_000, exact: false };
    },
    problem: /^the exposure window is given as at most 19000 ms, .*, but the times make it 18000 ms/m,
    isAmongOthers: true,
  },
  {
    title: "one that begins with the later of two keys",
    change: retireEarlierKey,
    problem: /^the exposure window is given as 18000 ms, .*, but the times make it at most 19000 ms/m,
    isAmongOthers: true,
  },
];

const sound: Variant[] = [
  {
    title: "a key that npm run kill has disabled",
    change: (evidence) => {
      retiredKeyOf(evidence).how = "kill";
    },
  },
  { title: "an instance that is proven by its restart", of: restartedEmergency, change: () => undefined },
  {
    title: "the last proof of several, in whatever order they are listed",
    change: (evidence) => {
      const [first, second] = [instanceOf(evidence), instanceOf(evidence, 1)];
      evidence.attempts.unshift({
        startedAt: at(20),
        finishedAt: at(24),
        verified: false,
        failures: ["one"],
      });
      second.provenAt = at(22);
      first.provenAt = at(30);
    },
  },
];

forgeriesOf("exposure window", forgeries);
soundOf("exposure window", sound);

import { planned, redEmergency } from "../../evidence-bundles.ts";
import {
  accepted,
  checkOf,
  defined,
  type Forgery,
  fail,
  forgeriesOf,
  instanceOf,
  rejected,
  retiredCheck,
  soundOf,
  spareKey,
  type Variant,
  verificationOf,
  withoutChecks,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

const forgeries: Forgery[] = [
  {
    title: "one instance twice",
    change: (evidence) => void verificationOf(evidence).instances.push(structuredClone(instanceOf(evidence))),
    problem: /^api-1 is listed twice/,
  },
  {
    title: "one pod twice, under two names",
    change: (evidence) => {
      for (const one of [instanceOf(evidence), instanceOf(evidence, 1), ...evidence.baseline])
        Object.assign(one, { target: "shop", uid: "uid-1" });
    },
    problem: /^api-2 is listed twice/,
  },
  ...(["retired", "forged", "earlier", "fresh", "control", "passive"] as const).map((kind): Forgery => {
    const [right, wrong] = ["retired", "forged", "earlier"].includes(kind)
      ? (["rejected", "accepted"] as const)
      : (["accepted", "rejected"] as const);
    return {
      title: `the wrong answer expected to a ${kind} token`,
      change: (evidence) => {
        const { checks } = instanceOf(evidence);
        const verdict = right === "accepted" ? accepted : rejected;
        const one = checks.find(({ check }) => check === kind);
        if (one) one.expected = wrong;
        else checks.push({ check: kind, subject: "k", expected: wrong, verdict, ok: true, at: at(31) });
      },
      problem: new RegExp(
        `^api-1 lists ${wrong} as the expected answer to the ${kind} token .*must be ${right}`,
      ),
    };
  }),
  {
    title: "a good answer that some connections did not have",
    change: (evidence) => {
      retiredCheck(evidence).spread = { accepted: 3, rejected: 5, inconclusive: 0 };
    },
    problem: /^api-1 answered well to the retired token \(old\), but 3 connections had another answer/,
  },
  {
    title: "a good answer that some connections had none of",
    change: (evidence) => {
      checkOf(evidence, "fresh").spread = { accepted: 7, rejected: 0, inconclusive: 1 };
    },
    problem: /^api-1 answered well to the fresh token \(new\), but 1 connections had another answer/,
  },
  {
    title: "a good answer that no connection had",
    change: (evidence) => {
      retiredCheck(evidence).spread = { accepted: 0, rejected: 0, inconclusive: 0 };
    },
    problem: /^api-1 answered well to the retired token \(old\), but 0 connections had another answer/,
  },
  {
    title: "a good answer that one process did not give",
    change: (evidence) => {
      const processes = { w1: "rejected", w2: "accepted" } as const;
      retiredCheck(evidence).spread = { accepted: 0, rejected: 8, inconclusive: 0, processes };
    },
    problem: /^api-1 answered well to the retired token \(old\), but process w2 answered accepted/,
  },
  {
    title: "a good answer of fewer processes than announced",
    change: (evidence) => {
      const processes = { w1: "rejected", w2: "rejected" } as const;
      retiredCheck(evidence).spread = { accepted: 0, rejected: 8, inconclusive: 0, processes, announced: 4 };
    },
    problem: /^api-1 answered well to the retired token \(old\), but only 2 of 4 processes were heard/,
  },
  {
    title: "a wrong answer that is marked good",
    change: (evidence) => {
      checkOf(evidence, "forged").verdict = accepted;
    },
    problem: /^api-1 answered accepted to the forged token \(unsigned RS256\), which is marked good/,
  },
  {
    title: "a right answer that is marked bad",
    of: redEmergency,
    change: (evidence) => {
      for (const one of instanceOf(evidence, 1).checks) if (one.check === "fresh") one.ok = false;
    },
    problem: /^api-2 answered accepted to the fresh token \(new\), which is marked bad/,
  },
  {
    title: "an instance that is not verified for no reason",
    of: redEmergency,
    change: (evidence) => {
      instanceOf(evidence).verified = false;
    },
    problem: /^api-1 is not verified, but no reason is given/,
  },
  {
    title: "a verified instance with a reason against it",
    change: (evidence) => void instanceOf(evidence).reasons.push("is not good"),
    problem: /^api-1 is verified, but reasons against it are given/,
  },
  {
    title: "a verified instance that is unproven",
    change: (evidence) => {
      instanceOf(evidence).proof = "unproven";
      delete evidence.exposureWindow;
    },
    problem: /^api-1 is verified, but its proof level is unproven/,
  },
  {
    title: "a verified instance with a wrong answer",
    change: (evidence) => void Object.assign(checkOf(evidence, "fresh"), { verdict: rejected, ok: false }),
    problem: /^api-1 is verified, but gave a wrong answer/,
  },
  {
    title: "no fresh token asked about",
    change: (evidence) => withoutChecks(evidence, "fresh"),
    problem: /^api-[12] is verified, but was not asked about the fresh token of kid new/,
  },
  {
    title: "a fresh token of another key asked about",
    change: (evidence) => {
      checkOf(evidence, "fresh").subject = "other";
    },
    problem: /^api-1 is verified, but was not asked about the fresh token of kid new/,
  },
  {
    title: "another fresh token asked about",
    change: (evidence) => {
      checkOf(evidence, "fresh").jti = "jti-other";
    },
    problem: /^api-1 is verified, but was not asked about the fresh token of kid new/,
  },
  {
    title: "a fresh token asked about as something else",
    change: (evidence) => {
      checkOf(evidence, "fresh").check = "passive";
    },
    problem: /^api-1 is verified, but was not asked about the fresh token of kid new/,
  },
  {
    title: "no token of a passive key asked about",
    of: planned,
    change: (evidence) => withoutChecks(evidence, "passive"),
    problem: /^api-[12] is verified, but was not asked about the token of passive kid old/,
  },
  {
    title: "another token of a passive key asked about",
    of: planned,
    change: (evidence) => {
      checkOf(evidence, "passive").jti = "jti-unseen";
    },
    problem: /^api-1 is verified, but was not asked about the token of passive kid old/,
  },
  {
    title: "no forged token asked about",
    change: (evidence) => withoutChecks(evidence, "forged"),
    problem: /^api-[12] is verified, but was not asked about a forged token/,
  },
  ...[27, 33].map(
    (seconds): Forgery => ({
      title: `an answer from ${seconds < 30 ? "before" : "after"} the verification`,
      change: (evidence) => {
        checkOf(evidence, "fresh").at = at(seconds);
      },
      problem: /^api-1 is verified, but was also asked before or after the verification/,
    }),
  ),
];

const sound: Variant[] = [
  { title: "a run that asked none", of: () => ({ phases: [] }), change: () => undefined },
  {
    title: "answers of all processes, which are as many as announced, or more",
    change: (evidence) => {
      const processes = { w1: "rejected", w2: "rejected" } as const;
      const spread = { accepted: 0, rejected: 8, inconclusive: 0, processes };
      retiredCheck(evidence).spread = { ...spread, announced: 2 };
      checkOf(evidence, "retired", "unseen").spread = spread;
      checkOf(evidence, "forged").spread = { ...spread, announced: 1 };
    },
  },
  {
    title: "a wrong answer that only some processes gave",
    of: redEmergency,
    change: (evidence) => {
      const wrong = defined(instanceOf(evidence, 1).checks.find(({ ok }) => !ok));
      wrong.spread = { accepted: 1, rejected: 7, inconclusive: 0 };
    },
  },
  {
    title: "answers from the first to the last moment of the verification",
    change: (evidence) => {
      checkOf(evidence, "fresh").at = at(28);
      checkOf(evidence, "forged").at = at(32);
    },
  },
  {
    title: "one pod that two targets reach, and two pods of one name",
    change: (evidence) => {
      const [one, other] = [instanceOf(evidence), instanceOf(evidence, 1)];
      const [before, beforeOther] = [defined(evidence.baseline[0]), defined(evidence.baseline[1])];
      const third = structuredClone(one);
      const beforeThird = structuredClone(before);
      for (const two of [one, before]) Object.assign(two, { target: "shop", uid: "uid-1" });
      for (const two of [other, beforeOther]) Object.assign(two, { target: "admin", uid: "uid-1" });
      for (const two of [third, beforeThird]) Object.assign(two, { target: "shop", uid: "uid-2" });
      verificationOf(evidence).instances.push(third);
      evidence.baseline.push(beforeThird);
      evidence.refresh = [];
    },
  },
  {
    title: "an instance that is not verified, and was not asked everything",
    of: redEmergency,
    change: (evidence) => {
      fail(instanceOf(evidence));
      withoutChecks(evidence, "forged");
    },
  },
  {
    title: "a key that was spared, whose canary token nobody is asked about",
    of: planned,
    change: spareKey,
  },
  {
    title: "an instance that was not there before, in a rotation that retired nothing",
    of: planned,
    change: (evidence) => {
      evidence.baseline = [];
    },
  },
];

forgeriesOf("instances", forgeries);
soundOf("instances", sound);

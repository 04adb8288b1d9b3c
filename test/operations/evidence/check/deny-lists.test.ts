import type { Evidence } from "#operations/evidence/evidence-schema";
import { redEmergency, withDenyLists } from "../../evidence-bundles.ts";
import {
  accepted,
  defined,
  type Forgery,
  forgeriesOf,
  rejected,
  soundOf,
  type Variant,
  verificationOf,
} from "../../forged-evidence.ts";

type DenyListProof = NonNullable<NonNullable<Evidence["verification"]>["denyList"]>[number];

const failed = { outcome: "failed", reason: "HTTP 500" } as const;

const proven: DenyListProof = {
  ...{ instance: "api-1", accepted, refused: rejected, ok: true, reasons: [] },
  ...{ denied: { outcome: "done" }, cleaned: { outcome: "done" } },
};

const rows: [title: string, change: Partial<DenyListProof>, problem: RegExp][] = [
  ["that had refused everybody", { accepted: rejected }, /proven, but the administrator was rejected before/],
  ["that was not told of the session", { denied: failed }, /proven, but the session was not added/],
  ["that refused nobody", { refused: accepted }, /proven, but the administrator was accepted while on it/],
  ["that still has the session", { cleaned: failed }, /proven, but the session was not removed again/],
  ["with a reason against it", { reasons: ["is slow"] }, /proven, but reasons against it are given/],
];

const forgeries: Forgery[] = [
  ...rows.map(
    ([title, change, problem]): Forgery => ({
      title: `a deny-list ${title}`,
      of: withDenyLists,
      change: (evidence) => void Object.assign(defined(verificationOf(evidence).denyList?.[0]), change),
      problem: new RegExp(`^the deny-list of api-1 is called ${problem.source}`),
    }),
  ),
  {
    title: "a deny-list that is not proven for no reason",
    of: redEmergency,
    change: (evidence) => {
      verificationOf(evidence).denyList = [{ ...proven, ok: false }];
    },
    problem: /^the deny-list of api-1 is not proven, but no reason is given/,
  },
];

const sound: Variant[] = [
  {
    title: "a deny-list that is not proven, and why",
    of: redEmergency,
    change: (evidence) => {
      verificationOf(evidence).denyList = [
        { ...proven, ok: false, refused: accepted, reasons: ["is empty"] },
      ];
    },
  },
  { title: "deny-lists that are proven", of: withDenyLists, change: () => undefined },
];

forgeriesOf("deny-lists", forgeries);
soundOf("deny-lists", sound);

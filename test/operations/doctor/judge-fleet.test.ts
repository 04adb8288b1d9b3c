import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import type { AskedFleet } from "#operations/doctor/ask-fleet";
import type { Answer, AskedInstance } from "#operations/doctor/ask-instance";
import type { Examined } from "#operations/doctor/finding";
import { judgeAnswers } from "#operations/doctor/judge-answers";
import { judgeRefreshes } from "#operations/doctor/judge-refreshes";
import { judgeTargets } from "#operations/doctor/judge-targets";
import type { Instance } from "#operations/fleet/instances";
import type { Target } from "#operations/fleet/targets";
import type { Verdict } from "#operations/proof/probe";
import { staticFleet, staticTargets } from "../samples.ts";

const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "no answer within 5000 ms", unanswered: true };

const answers = (good: Verdict, forged: Verdict, expired: Verdict): Answer[] => [
  { token: "good", algorithm: "RS256", verdict: good },
  { token: "forged", algorithm: "RS256", verdict: forged },
  { token: "expired", algorithm: "RS256", verdict: expired },
];
const asked = (instance: string, change: Partial<AskedInstance> = {}): AskedInstance => ({
  instance,
  answers: answers(accepted, rejected, rejected),
  refresh: { outcome: "done" },
  ...change,
});
function fleetOf(...instances: AskedInstance[]): AskedFleet {
  const results = instances.map((value) => ({
    instance: { name: value.instance, url: "http://api.example" },
    value,
  }));
  return { results, waiting: [], failures: [] };
}
const codes = ({ findings }: Examined) => findings.map(({ severity, code }) => `${severity} ${code}`);
const whats = ({ findings }: Examined) => findings.map(({ what }) => what);

suite("what the instances have answered", () => {
  test("accepted, rejected, rejected is how it should be", () => {
    const judged = judgeAnswers("shop", fleetOf(asked("api-1"), asked("api-2")), true);
    assert.deepEqual(judged.findings, []);
    assert.match(judged.seen, /^2 of 2 accept/);
  });

  const wrong: [code: string, verdicts: [Verdict, Verdict, Verdict]][] = [
    ["GOOD_TOKEN_REJECTED", [rejected, rejected, rejected]],
    ["FORGED_TOKEN_ACCEPTED", [accepted, accepted, rejected]],
    ["EXPIRED_TOKEN_ACCEPTED", [accepted, rejected, accepted]],
    ["INSTANCE_UNCLEAR", [accepted, { kind: "inconclusive", reason: "HTTP 406" }, rejected]],
    ["INSTANCE_SILENT", [silent, rejected, rejected]],
  ];
  for (const [code, verdicts] of wrong) {
    test(`${code}: found, and the instance is named`, () => {
      const judged = judgeAnswers(
        "shop",
        fleetOf(asked("api-1"), asked("api-2", { answers: answers(...verdicts) })),
        true,
      );
      assert.deepEqual(codes(judged), [`problem ${code}`]);
      assert.match(whats(judged)[0] ?? "", /^1 of 2 instances .*: api-2 \(.+\)$/);
      assert.match(judged.seen, /^1 of 2 accept/);
    });
  }

  test("of a thousand that are silent, twenty are named", () => {
    const all = Array.from({ length: 1_000 }, (_, index) =>
      asked(`api-${index}`, { answers: answers(silent, silent, silent).slice(0, 1) }),
    );
    const [what = ""] = whats(judgeAnswers("shop", fleetOf(...all), true));
    assert.match(
      what,
      /^1000 of 1000 instances do not answer: api-0, api-1, .* and 980 more \(no answer within 5000 ms\)$/,
    );
    assert.equal(what.split("api-").length - 1, 20);
  });

  test("where there was no token, or no instance, nothing is known", () => {
    assert.deepEqual(codes(judgeAnswers("shop", fleetOf(asked("api-1")), false)), ["unknown NOT_CHECKED"]);
    assert.deepEqual(codes(judgeAnswers("shop", fleetOf(), true)), ["unknown NOT_CHECKED"]);
  });
});

suite("the targets", () => {
  test("one without instances and pods that are not ready are found", () => {
    const kubernetes: Target = {
      kind: "kubernetes",
      name: "shop",
      namespace: "shop",
      selector: "app=api",
      port: 80,
      scheme: "http",
      workloads: [],
      transport: "port-forward",
      readyTimeoutMs: 1_000,
    };
    const waiting: Instance[] = [
      { name: "api-9", url: "", target: "shop", uid: "u", notReady: "CrashLoopBackOff" },
    ];
    const targets = [...staticTargets(), kubernetes];
    const judged = judgeTargets("shop", targets, { results: [], waiting, failures: [] }, []);
    assert.deepEqual(codes(judged), ["problem NO_INSTANCES", "problem INSTANCE_NOT_READY"]);
    assert.deepEqual(whats(judged), [
      "target static has no instance",
      "1 pods are not ready: api-9 (CrashLoopBackOff)",
    ]);
  });
});

suite("a target whose cluster gives no answer", () => {
  test("is found, but not once more where its login has failed already", () => {
    const error = new RotationError("KUBERNETES_UNREACHABLE", "target shop: no answer", {
      nextStep: "check it",
    });
    const asked: AskedFleet = { results: [], waiting: [], failures: [{ target: "static", error }] };
    assert.deepEqual(codes(judgeTargets("shop", staticTargets(), asked, [])), [
      "problem KUBERNETES_UNREACHABLE",
    ]);
    assert.deepEqual(codes(judgeTargets("shop", staticTargets(), asked, ["static"])), []);
  });
});

suite("the refreshes", () => {
  const refused = asked("api-2", { refresh: { outcome: "failed", reason: "HTTP 401" } });
  function judge(command: string[], strategy: "refresh" | "restart" | "refresh-then-restart", has = true) {
    const fleet = staticFleet();
    const { targets } = fleet;
    const restart = { ...fleet.restart, command, strategy };
    return judgeRefreshes("shop", fleetOf(asked("api-1"), refused), {
      targets,
      restart,
      hasApiRefreshToken: has,
    });
  }

  test("an instance that does not refresh is a problem, unless the run may restart it", () => {
    assert.deepEqual(codes(judge([], "refresh-then-restart")), ["problem REFRESH_FAILED"]);
    assert.deepEqual(codes(judge(["restart"], "refresh")), ["problem REFRESH_FAILED"]);
    const judged = judge(["restart"], "refresh-then-restart");
    assert.deepEqual(codes(judged), ["warning REFRESH_FAILED"]);
    assert.deepEqual(whats(judged), ["1 of 2 instances do not refresh: api-2 (HTTP 401)"]);
  });

  test("without an API refresh token nobody can be called, and where the strategy is restart nobody is", () => {
    assert.deepEqual(codes(judge([], "refresh", false)), ["problem API_REFRESH_TOKEN_UNKNOWN"]);
    const { findings, skipped } = judge([], "restart", false);
    assert.deepEqual([findings, skipped], [[], true]);
  });
});

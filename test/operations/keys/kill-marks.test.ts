import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatMarks, parseMarks } from "#operations/keys/key-marks";
import {
  describeKilled,
  killOf,
  killStep,
  killSteps,
  killsOf,
  openKill,
  provenKill,
} from "#operations/keys/kill-marks";
import { realmKey } from "../samples.ts";

const digest = "0123456789abcdef".repeat(4);
const dead = (marks: ReturnType<typeof openKill>, kid = "old") =>
  realmKey(kid, { status: "DISABLED", ...parseMarks(formatMarks(marks)) });

suite("what a kill leaves on the keys", () => {
  test("a key that died in a kill is open until it is proven, and then names the bundle", () => {
    assert.deepEqual(killOf(dead(openKill(8))), { rotation: 8, isProven: false, digest: "" });
    assert.deepEqual(killOf(dead(provenKill(8, digest))), {
      rotation: 8,
      isProven: true,
      digest: "0123456789abcdef",
    });
  });

  test("a proof whose bundle is not known names none", () => {
    const key = dead(provenKill(8));
    assert.equal(key.killed, "proven 8");
    assert.deepEqual(killOf(key), { rotation: 8, isProven: true, digest: "" });
    assert.deepEqual(
      killsOf([key], 8).map((one) => describeKilled(one)),
      [
        "kid old (RS256) was disabled before by npm run kill for rotation 8; the proof that the instances reject it is in the evidence bundle of that run, not in this one",
      ],
    );
  });

  test("a key that is trusted again, or that somebody has marked otherwise, is none of a kill's", () => {
    const marks = parseMarks(formatMarks(provenKill(8, digest)));
    assert.equal(killOf(realmKey("old", marks)), undefined);
    assert.equal(killOf(realmKey("old", { status: "DISABLED" })), undefined);
    assert.equal(killOf(realmKey("old", { status: "DISABLED", killed: "proven" })), undefined);
  });

  test("with all other marks it fits into Keycloak's 255 characters", () => {
    const others = {
      retireAfter: "2026-01-01T10:00:00.000Z",
      incident: "I".repeat(64),
      stack: "s".repeat(64),
    };
    const text = formatMarks({ ...others, ...provenKill(999_999_999, digest) });
    assert.ok(text.length <= 255, String(text.length));
    const done = [killStep("sessions", "all"), killStep("freeze", "both")].join(" ");
    assert.ok(formatMarks({ ...others, done }).length <= 255);
  });

  test("the proof is said to be elsewhere, or to be missing; only for the rotation that it was for", () => {
    const keys = [dead(openKill(8)), dead(provenKill(7, digest), "older"), realmKey("new")];
    assert.deepEqual(
      killsOf(keys, 8).map((key) => describeKilled(key)),
      [
        "kid old (RS256) was disabled before by npm run kill for rotation 8, which has NOT proven that the instances reject it",
      ],
    );
    assert.match(
      killsOf(keys, 7)
        .map((key) => describeKilled(key))
        .join(),
      /^kid older .*evidence bundle of that run \(the SHA-256 of its SHA256SUMS begins with 0123456789abcdef\), not in this one$/,
    );
  });

  test("what it has done besides the keys is found on its own key only, for the same rotation and incident", () => {
    const done = `${killStep("sessions", "all")} ${killStep("freeze", "both")}`;
    const own = realmKey("new", { componentName: "jwks-break-glass-r8-RS256", incident: "INC-1", done });
    const order = { rotation: 8, incident: "INC-1" };
    assert.deepEqual(killSteps([own, realmKey("other")], order), done.split(" "));
    assert.deepEqual(killSteps([own], { ...order, rotation: 9 }), []);
    assert.deepEqual(killSteps([own], { ...order, incident: "INC-2" }), []);
    assert.deepEqual(killSteps([{ ...own, status: "DISABLED" }], order), []);
  });

  test("a step is done for its settings only", () => {
    assert.equal(killStep("sessions", "all"), killStep("sessions", "all"));
    assert.notEqual(killStep("sessions", "all"), killStep("sessions", { sids: ["a"] }));
  });
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Findings } from "#operations/evidence/findings";
import { failedMessage, startMessage, verifiedMessage } from "#operations/notify/messages";
import { at, findings, instanceVerification, runContext, verification } from "../samples.ts";

const run = runContext("/home/ops/evidence");
const evidence = (found: Findings) => buildEvidence(run, found, at(60));
const red = instanceVerification({ proof: "unproven", verified: false, reasons: ["still accepts kid old"] });

/** A run that failed in its cut-over with an error. */
function failedInCutover(error: string) {
  const { phases, prepared } = findings();
  const record = { phase: "cut-over", outcome: "failed", summary: "failed", error } as const;
  const done = phases.slice(0, 2);
  return evidence({
    phases: [...done, { ...record, startedAt: at(10), finishedAt: at(11) }],
    prepared: { ...prepared, published: [] },
  });
}

suite("messages", () => {
  test("the start says what is rotated, where, how and for which incident", () => {
    assert.equal(
      startMessage(run).text,
      "STARTED: rotation 8 of realm shop, stack prod\nmode: emergency\nincident: INC-4711",
    );
  });

  test("a verified rotation gives counts, kids, the exposure window and the relative path of the evidence", () => {
    assert.deepEqual(verifiedMessage(run, evidence(findings())).text.split("\n"), [
      "VERIFIED: rotation 8 of realm shop, stack prod",
      "mode: emergency",
      "incident: INC-4711",
      "instances: 1 of 1 proven",
      "retired: old (RS256)",
      "signing: new (RS256)",
      "exposure window: 18 s",
      "evidence: INC-4711/8 in evidenceDir",
    ]);
  });

  test("a failed one names ten of the instances that are not proven, and counts the rest", () => {
    const instances = Array.from({ length: 37 }, (_, index) => ({ ...red, instance: `api-${index}` }));
    const failures = ["api-0 still accepts kid old"];
    const found = findings({ verification: verification({ verified: false, instances, failures }) });
    const { text } = failedMessage(run, evidence(found));
    assert.match(text, /not proven \(37\): api-0, .*, api-9 and 27 more$/m);
    assert.doesNotMatch(text, /api-10/);
    assert.match(text, /^error: VERIFICATION_FAILED\. .*\nnext: read the reason for each named instance/m);
    assert.match(text, /^instances: 0 of 37 proven$/m);
  });

  test("of an error only the code is sent, because its message may name paths and addresses", () => {
    const { text } = failedMessage(
      run,
      failedInCutover("KEYCLOAK_UNREACHABLE: 10.0.0.7 gave /etc/x. Next: y."),
    );
    assert.match(text, /^FAILED in phase cut-over: rotation 8/);
    assert.match(text, /^error: KEYCLOAK_UNREACHABLE\. Keycloak did not answer in time/m);
    assert.match(text, /^instances: nothing was verified$/m);
    assert.doesNotMatch(text, /10\.0\.0\.7|\/etc|\/home/);
  });

  test("an error without a code is reported as a failed phase", () => {
    const { text } = failedMessage(run, failedInCutover("Cannot read properties of undefined"));
    assert.match(text, /^FAILED in phase cut-over/);
    assert.doesNotMatch(text, /error:|properties/);
  });

  test("a failure without evidence is reported too", () => {
    assert.match(failedMessage(run).text, /^FAILED: rotation 8 of realm shop, stack prod\nmode: emergency/);
  });

  test("names that would notify everybody in a channel are sent as plain text", () => {
    const message = startMessage({ ...run, realm: "<!channel> & co" });
    assert.doesNotMatch(JSON.stringify(message), /<!/);
    assert.match(message.text, /&lt;!channel&gt; &amp; co/);
  });

  test("one of several realms has its own directory, and a planned retirement is named as such", () => {
    const planned = { ...run, mode: "planned", incident: "", realms: ["shop", "bank"] } as const;
    const { text } = failedMessage({ ...planned, realms: [...planned.realms] });
    assert.match(text, /mode: planned, retiring the old keys\nevidence: planned\/8\/shop in/);
  });
});

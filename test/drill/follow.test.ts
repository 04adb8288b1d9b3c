import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { reporterNames } from "#operations/base/report";
import { Follower } from "../../scripts/drill/follow.ts";

/** What a follower prints of these lines, without the seconds, and each phase that its listeners are called for. */
function follow(t: TestContext, lines: readonly string[], { verbose = false } = {}) {
  const { mock } = t.mock.method(console, "log", () => {});
  const follower = new Follower(verbose);
  const phases: string[] = [];
  follower.listeners.push((phase) => phases.push(phase));
  for (const line of lines) follower.onLine(line);
  const printed = mock.calls.map(({ arguments: [text] }) =>
    stripVTControlCharacters(String(text)).replace(/^ *[\d.]+ s {2}/, ""),
  );
  mock.restore();
  return { follower, phases, printed: printed.map((line) => line.replace(/ {2,}/g, " ")) };
}

const summary = ["Resources:", "    ~ 3 updated", "", "Duration: 4.0s"];

suite("the drill's view of the engine's output", () => {
  test("every phase of a run, and each step around it, is shown and told to the listeners", (t) => {
    const { printed, phases } = follow(
      t,
      reporterNames.map((name) => `    jwks:dynamic/jwks:Step shop: info: [${name}] went well`),
    );
    assert.deepEqual(phases, [...reporterNames]);
    assert.deepEqual(
      printed,
      reporterNames.map((name) => `${name} went well`),
    );
  });

  test("in a stack with several realms, the realm is shown before the phase", (t) => {
    const { printed, phases } = follow(t, ["[shop verify] 3 of 3 proven", "[back office canary] minted"]);
    assert.deepEqual(printed, ["shop verify 3 of 3 proven", "back office canary minted"]);
    assert.deepEqual(phases, ["verify", "canary"]);
  });

  test("what the diagnostics of the Pulumi CLI repeat is shown once; what only they have is shown", (t) => {
    const { printed, phases } = follow(t, [
      " ~  pulumi-nodejs:dynamic/jwks:CanaryToken shop updating (1s) [canary] 5 of 5 instances accept them",
      " ~  pulumi-nodejs:dynamic/jwks:Verification shop updating (1s) [verify] 1/5 instances",
      " ~  pulumi-nodejs:dynamic/jwks:Verification shop updating (3s) [verify] 1/5 instances",
      "Diagnostics:",
      "  pulumi-nodejs:dynamic/jwks:CanaryToken (shop):",
      "    [canary] 5 of 5 instances accept them",
      "",
      "  pulumi-nodejs:dynamic/jwks:Verification (shop):",
      "    [verify] 1/5 instances",
      "    [verify] 1/5 instances",
      "    [verify] said at the end only",
      "    error: RETIRED_KEY_ACCEPTED: api-2 still accepts kid old",
      "",
      ...summary,
    ]);
    assert.deepEqual(printed, [
      "canary 5 of 5 instances accept them",
      "verify 1/5 instances",
      "verify 1/5 instances",
      "verify said at the end only",
      " pulumi-nodejs:dynamic/jwks:Verification (shop):",
      " error: RETIRED_KEY_ACCEPTED: api-2 still accepts kid old",
    ]);
    assert.equal(phases.length, 4);
  });

  test("a warning of the stack itself is shown without a heading, and not under that of a resource before", (t) => {
    for (const head of ["  stack:", "  pulumi:pulumi:Stack (drill):"]) {
      const { printed } = follow(t, [
        "Diagnostics:",
        "  pulumi-nodejs:dynamic/jwks:Verification (shop):",
        "",
        head,
        "    warning: stolen refresh tokens survive",
        ...summary,
      ]);
      assert.deepEqual(printed, [" warning: stolen refresh tokens survive"]);
    }
  });

  test("a line that an earlier run has shown too is shown again", (t) => {
    const run = [
      "[publish] published kid",
      "Diagnostics:",
      "  stack:",
      "    [publish] published kid",
      ...summary,
    ];
    const { printed } = follow(t, [...run, ...run]);
    assert.deepEqual(printed, ["publish published kid", "publish published kid"]);
  });

  test("the plan is that of the latest preview, of all of its realms, each action once", (t) => {
    const head = (realm: string) => `    info: An up would do this in realm ${realm}:`;
    const { follower, printed } = follow(t, [
      head("shop"),
      "    info:   - adopt the realm",
      ...summary,
      head("shop"),
      "      - publish a key",
      head("office"),
      "      - publish another key",
      "Diagnostics:",
      "  pulumi:pulumi:Stack (drill):",
      "    info: An up would do this in realm shop:",
      "      - publish a key",
      "    info: An up would do this in realm office:",
      "      - publish another key",
      ...summary,
    ]);
    assert.deepEqual(follower.plan, ["publish a key", "publish another key"]);
    assert.deepEqual(printed, [
      "preview adopt the realm",
      "preview publish a key",
      "preview publish another key",
    ]);
  });

  test("verbose shows the engine's other lines too", (t) => {
    const line = " ~  pulumi-nodejs:dynamic/jwks:CanaryToken shop updating (1s)";
    assert.deepEqual(follow(t, [line]).printed, []);
    assert.equal(follow(t, [line], { verbose: true }).printed.length, 1);
  });
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import type { Evidence } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import { bundleOf, emergency, forge, relapsedEmergency, watchedEmergency } from "../../evidence-bundles.ts";
import { at } from "../../samples.ts";

const cutShort = () => watchedEmergency({ cutShort: true, finishedAt: at(45), rounds: 2 });

function watchOf({ watch }: Evidence): NonNullable<Evidence["watch"]> {
  assert.ok(watch);
  return watch;
}

async function errorsIn(directory: string): Promise<string> {
  const { findings } = await checkBundle(directory);
  return findings.flatMap(({ level, what }) => (level === "error" ? [what] : [])).join("\n");
}

const good: [string, () => Findings][] = [
  ["a watch without a relapse", watchedEmergency],
  ["a watch that was cut short", cutShort],
  ["a relapse", relapsedEmergency],
  ["an emergency without a watch", emergency],
];

const forgeries: {
  title: string;
  of: () => Findings;
  change: (evidence: Evidence) => void;
  problem: RegExp;
}[] = [
  {
    title: "a relapse that is called verified",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.outcome = "verified";
      delete evidence.failedPhase;
      delete evidence.error;
    },
    problem: /outcome is verified, but the watch after the proof lists a relapse/,
  },
  {
    title: "a relapse that is taken out of the watch",
    of: relapsedEmergency,
    change: (evidence) => Object.assign(watchOf(evidence), { relapses: [], jwks: [] }),
    problem: /phase watch has failed, but the watch lists no relapse/,
  },
  {
    title: "a relapse that is not said",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.includes("api-2"));
    },
    problem: /notProven does not list this relapse as a failure: api-2 \(process w3\)/,
  },
  {
    title: "a relapse with a closed exposure window",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.exposureWindow = { from: at(12), to: at(30), ms: 18_000, exact: true };
    },
    problem: /the exposure window is given as 18000 ms, .* but the times make it open/,
  },
  {
    title: "a cut that is hidden",
    of: cutShort,
    change: (evidence) => {
      watchOf(evidence).cutShort = false;
    },
    problem: /the watch of 30 s lasted only 12000 ms, and is not marked as cut short/,
  },
  {
    title: "a watch in a planned rotation",
    of: watchedEmergency,
    change: (evidence) => {
      evidence.mode = "planned";
    },
    problem: /mode is planned, but a watch is listed/,
  },
  {
    title: "a watch from before the proof",
    of: watchedEmergency,
    change: (evidence) => {
      watchOf(evidence).startedAt = at(20);
    },
    problem: /no green verification before it/,
  },
];

suite("the check of a bundle", () => {
  for (const [title, found] of good)
    test(`finds nothing wrong with ${title}`, async (t) => {
      assert.equal(await errorsIn(await bundleOf(t, found())), "");
    });

  for (const { title, of, change, problem } of forgeries)
    test(`finds ${title}`, async (t) => {
      const directory = await bundleOf(t, of());
      await forge(directory, change);
      assert.match(await errorsIn(directory), problem);
    });
});

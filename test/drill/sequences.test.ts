import { randomInt } from "node:crypto";
import { suite, test } from "node:test";
import { planSequences, type Step } from "./sequence-plan.ts";
import { SequenceRun } from "./sequence-run.ts";
import { scenarioFor } from "./world.ts";

/** Set it to the one that a failure names, and the same sequences are run again. */
const seed = Number(process.env.SEQUENCE_SEED ?? randomInt(2 ** 31));

const realms = [["RS256"], ["RS256"], ["RS256", "ES256"], ["RS256"]];
const sequencesEach = 5;

// Half of the time an up waits, for a token to expire and for key sets to be seen anew: so two realms at once.
suite("random sequences of planned, emergency, rollback, retire, kill -9 and retry", {
  concurrency: 2,
}, () => {
  for (const [index, algorithms] of realms.entries()) {
    const title = `realm ${index + 1} of ${realms.length} (${algorithms.join(", ")}): after each step it is what the rules say`;
    test(title, async (t) => {
      const sequences = planSequences(seed + index, sequencesEach, algorithms);
      const scenario = await scenarioFor(t, { instances: 1, config: { algorithms } });
      const run = await SequenceRun.open(scenario, algorithms);
      const taken: Step[][] = [];
      try {
        for (const sequence of sequences) {
          const steps: Step[] = [];
          taken.push(steps);
          for (const step of sequence) {
            steps.push(step);
            await run.take(step);
          }
        }
        await run.end();
      } catch (error) {
        throw failureAfter(taken, error);
      }
    });
  }
});

/** A failure with all that it takes to see it again: the steps of this realm until then, and the seed. */
function failureAfter(taken: readonly Step[][], cause: unknown): Error {
  const lines = taken.map(
    (steps, row) => `  sequence ${row + 1}: ${steps.map(({ text }) => text).join(" → ")}`,
  );
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`failed with SEQUENCE_SEED=${seed}, after these steps:\n${lines.join("\n")}\n${reason}`, {
    cause,
  });
}

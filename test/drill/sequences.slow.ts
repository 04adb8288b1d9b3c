import { suite, test } from "node:test";
import { fixedSeed, planRealms, type Step, sequenceRealms } from "./sequence-plan.ts";
import { SequenceRun } from "./sequence-run.ts";
import { scenarioFor } from "./world.ts";

/** Fixed, so that every run of the tests is the same. `npm run test:campaign` sets others, and prints them. */
const seed = Number(process.env.SEQUENCE_SEED ?? fixedSeed);

// An up spends half of its time waiting, for a token to expire and for key sets to be published: so two realms at once.
suite("sequences of planned, emergency, rollback, retire, kill -9 and retry", { concurrency: 2 }, () => {
  const plans = planRealms(seed);
  for (const [index, algorithms] of sequenceRealms.entries()) {
    const title = `seed ${seed}, realm ${index + 1} (${algorithms.join(", ")}): each step has the result that the rules demand`;
    test(title, async (t) => {
      const sequences = plans[index] ?? [];
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

/** A failure with what is needed to reproduce it: the seed, and the steps of this realm until then. */
function failureAfter(taken: readonly Step[][], cause: unknown): Error {
  const lines = taken.map(
    (steps, row) => `  sequence ${row + 1}: ${steps.map(({ text }) => text).join(" → ")}`,
  );
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`failed with SEQUENCE_SEED=${seed}, after these steps:\n${lines.join("\n")}\n${reason}`, {
    cause,
  });
}

import { z } from "zod";
import { identity, kid, spread, time } from "./common.ts";

const count = z.int().min(0);

/** What was found when everybody was asked again after the proof. */
export const watch = z.strictObject({
  startedAt: time,
  finishedAt: time,
  seconds: z.number().min(0).describe("For how long it was to go on"),
  rounds: count.describe("How often everybody was asked"),
  instances: count.describe("How many instances were asked in the last round"),
  urls: z.array(z.string()).describe("The JWKS URLs that were read"),
  relapses: z
    .array(
      z.strictObject({
        kid,
        instance: z.string(),
        ...identity,
        process: z.string().optional().describe("Its name, where it names itself"),
        spread,
        at: time,
      }),
    )
    .describe("Processes that accepted a retired key again"),
  jwks: z
    .array(
      z.strictObject({
        url: z.string(),
        kids: z.array(kid),
        reads: z.int().min(1).describe("Reads of the round, each over a new connection"),
        shownIn: z.int().min(1).describe("Reads that showed one of the kids"),
        at: time,
      }),
    )
    .describe("JWKS URLs that showed a retired key again"),
  unanswered: z
    .array(z.strictObject({ from: z.string(), count: z.int().min(1), reason: z.string() }))
    .describe("Who gave no verdict, how often, and why the last time: no relapse, and no proof against one"),
  cutShort: z.boolean().describe("Whether it was ended before its time, and not by a relapse"),
});

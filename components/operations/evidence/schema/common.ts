import { z } from "zod";

export const time = z.iso.datetime().describe("UTC, ISO 8601");
export const kid = z.string().min(1);

export const verdict = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("accepted"), status: z.int() }),
  z.strictObject({ kind: z.literal("rejected"), status: z.int() }),
  z.strictObject({
    kind: z.literal("inconclusive"),
    reason: z.string(),
    unanswered: z.literal(true).optional(),
  }),
]);

/** What identifies the instance among all targets. */
export const identity = {
  target: z.string().optional(),
  uid: z.string().optional().describe("The pod's UID"),
};

/** What a call to an instance came to. */
export const call = {
  outcome: z.enum(["done", "unsupported", "failed"]),
  reason: z.string().optional(),
};

const kind = z.enum(["accepted", "rejected", "inconclusive"]);
const count = z.int().min(0);

/** How the answers of several processes behind one address came out. */
export const spread = z
  .strictObject({
    accepted: count,
    rejected: count,
    inconclusive: count,
    processes: z
      .record(z.string(), kind)
      .optional()
      .describe("The answer of each process that names itself, by its name"),
    announced: z.int().min(1).optional().describe("How many processes there are, as they say"),
  })
  .optional()
  .describe(
    "Of an instance that was asked over several connections at the same time: how many had which answer",
  );

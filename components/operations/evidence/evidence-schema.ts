import { z } from "zod";
import { phaseNames } from "../base/run-context.ts";
import { announced, freeze, refreshResult, restart, sessions } from "./schema/actions.ts";
import { kid, time } from "./schema/common.ts";
import {
  canary,
  internalKeys,
  jwksReadBack,
  keyReference,
  publishedKey,
  realmKey,
  retiredKey,
} from "./schema/keys.ts";
import { attempt, baseline, verification } from "./schema/verification.ts";
import { watch } from "./schema/watch.ts";

const phase = z.strictObject({
  phase: z.enum(phaseNames),
  outcome: z.enum(["done", "failed", "skipped"]),
  startedAt: time,
  finishedAt: time,
  summary: z.string(),
  error: z.string().optional().describe("A code and what to do next"),
});

/** The version that is written. */
export const schemaVersion = 2;

/**
 * evidence.json. A token appears by its `jti` and kid only. Everything that version 2 has in addition to version 1 is
 * optional here, so that bundles of version 1 can be read.
 */
export const evidenceSchema = z.strictObject({
  schemaVersion: z.literal([1, schemaVersion]),
  outcome: z.enum(["verified", "failed"]),
  failedPhase: phase.shape.phase.optional(),
  error: z.string().optional(),
  writtenAt: time,
  incident: z.string(),
  rotation: z.int().min(1),
  mode: z.enum(["planned", "emergency", "rollback"]),
  stage: z
    .enum(["overlap", "final"])
    .describe("overlap: keys that no longer sign are still trusted; final: they are retired"),
  reason: z.string(),
  realm: z.string(),
  stack: z.string(),
  phases: z.array(phase),
  keysBefore: z.array(realmKey),
  keysAfter: z.array(realmKey),
  published: z.array(publishedKey),
  signers: z.array(z.strictObject({ kid, algorithm: z.string() })).describe("Keys that sign now"),
  passive: z
    .array(z.strictObject(keyReference))
    .describe("Keys that no longer sign and are trusted until they are retired"),
  retireAfter: time.optional().describe("The first up after this time retires the passive keys"),
  retired: z.array(retiredKey),
  deleted: z
    .array(z.strictObject(keyReference))
    .describe("Keys that earlier rotations had disabled, deleted now"),
  jwksReadBack: z.array(jwksReadBack),
  canaries: z.array(canary),
  baseline: z.array(baseline),
  announced: announced
    .optional()
    .describe("Of a planned rotation: which instances were refreshed before the new keys signed"),
  freeze: freeze.optional().describe("What was frozen first; the thaw comes after this file is written"),
  sessions: sessions.optional(),
  internalKeys: internalKeys.optional(),
  refresh: z.array(refreshResult),
  restarts: z.array(restart),
  verification: verification.optional(),
  watch: watch
    .optional()
    .describe("Of an emergency: what happened when everybody was asked again after the proof"),
  attempts: z.array(attempt).describe("Every verification of this rotation so far, the latest last"),
  exposureWindow: z
    .strictObject({
      from: time,
      to: time,
      ms: z.number().min(0),
      exact: z.boolean().describe("False: the true window is at most this long"),
    })
    .optional()
    .describe(
      "From the first retired key's disabling to the last instance's proof; absent until every instance is proven",
    ),
  notProven: z.array(z.string()).describe("Everything that is not proven, each a sentence"),
  scope: z
    .array(z.string())
    .optional()
    .describe(
      "The sentences of notProven that limit any such proof and are no failure; absent in bundles of older versions",
    ),
});

export type Evidence = z.infer<typeof evidenceSchema>;
export type PhaseRecord = z.infer<typeof phase>;

/** The JSON Schema that is published with the project. */
export function evidenceJsonSchema(): object {
  const written = evidenceSchema.extend({ schemaVersion: z.literal(schemaVersion) });
  return {
    title: `jwks-break-glass evidence, version ${schemaVersion}`,
    ...z.toJSONSchema(written, { target: "draft-2020-12" }),
  };
}

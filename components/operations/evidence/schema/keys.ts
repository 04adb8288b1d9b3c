import { z } from "zod";
import { internalKeyKinds } from "../../keys/internal-keys.ts";
import { kid, time } from "./common.ts";

export const realmKey = z.strictObject({
  kid,
  algorithm: z.string(),
  status: z.enum(["ACTIVE", "PASSIVE", "DISABLED"]),
  signing: z.boolean().describe("Whether it signs for its algorithm"),
  priority: z.number(),
  componentId: z.string(),
  componentName: z.string(),
  providerId: z.string(),
  certificateThumbprint: z.string().optional().describe("SHA-256 of the DER certificate, hex"),
  retireAfter: time
    .optional()
    .describe(
      "End of the overlap that began when this key was activated: from then on the passive keys may be retired",
    ),
  incident: z.string().optional().describe("Incident that it was made for"),
  endedFor: z.string().optional().describe("Incident for which an overlap was ended in its favour"),
  died: z.string().optional().describe("Disabled by an `up`: open, proven or acknowledged, and the rotation"),
  foundDead: z
    .string()
    .optional()
    .describe(
      "Disabled by somebody else: open and since when it is known; or proven or acknowledged, and the rotation",
    ),
  stack: z.string().optional().describe("Stack that made it"),
  killed: z
    .string()
    .optional()
    .describe(
      "Disabled by `npm run kill`: open or proven, the rotation, and the beginning of its bundle's digest",
    ),
  done: z.string().optional().describe("What `npm run kill` has done besides the keys"),
  borrowed: time
    .optional()
    .describe("Since when it was the signer only for as long as its canary tokens were being minted"),
});

export const keyReference = { kid, algorithm: z.string(), componentName: z.string() };

const death = {
  ...keyReference,
  how: z
    .enum(["rotation", "kill", "by-hand", "removed", "deleted"])
    .optional()
    .describe(
      "rotation: an up disabled it, also where this is absent; kill: npm run kill did; by-hand: somebody else disabled it; removed: somebody else deleted it while it was trusted; deleted: it was dead when somebody else deleted it",
    ),
  disabledAt: time,
  disabledAtIsExact: z
    .boolean()
    .describe(
      "False: an interrupted run disabled it, and disabledAt is the earliest possible; or somebody else did, and it is when that was first seen",
    ),
  deadSince: time.optional().describe("Since when it is certainly dead"),
};

export const retiredKey = z.strictObject(death);

export const ledgerEntry = z.strictObject({
  ...death,
  status: z
    .enum(["open", "proven", "acknowledged"])
    .describe("open: not every instance is shown to refuse it, or the run failed in another way"),
  closedFor: z.int().optional().describe("The earlier rotation that has closed it"),
  left: z.int().min(0).describe("How many instances are not shown to refuse it"),
});

export const publishedKey = z.strictObject({
  kid,
  algorithm: z.string(),
  name: z.string(),
  componentId: z.string(),
  certificateThumbprint: z.string(),
  publishedAt: time,
});

export const jwksReadBack = z.strictObject({
  url: z.string(),
  reads: z.int(),
  currentAt: time,
  kids: z.array(kid),
});

const tokenReference = z.strictObject({ jti: z.string(), expiresAt: time });

/** The two canary tokens of a key. */
export const canary = z.strictObject({
  kid,
  algorithm: z.string(),
  seen: tokenReference,
  unseen: tokenReference,
});

export const internalKeys = z.strictObject({
  keys: z.array(
    z.strictObject({
      kind: z.enum(internalKeyKinds),
      componentName: z.string(),
      kid: z.string(),
      activatedAt: time,
      disabled: z.array(z.strictObject({ kid: z.string(), componentName: z.string(), disabledAt: time })),
    }),
  ),
  failures: z.array(z.string()),
});

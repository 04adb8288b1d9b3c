import * as random from "@pulumi/random";
import { KeyRotation } from "./components/key-rotation.ts";
import { readSettings } from "./settings.ts";

const settings = await readSettings();

const generated = settings.refreshToken
  ? undefined
  : new random.RandomBytes("api-refresh-token", { length: 32 }).hex;

/** Secret: what the instances take as INTERNAL_JWKS_REFRESH_TOKEN. */
export const refreshToken = settings.refreshToken ?? generated;

const keyRotation = new KeyRotation("rotation", { ...settings, refreshToken: refreshToken ?? "" });

export const rotation = settings.run.rotation;
export const kids = keyRotation.kids;
export const retiredKids = keyRotation.retiredKids;
export const verified = keyRotation.verified;
export const exposureWindowMs = keyRotation.exposureWindowMs;
export const report = keyRotation.report;
export const evidenceDigest = keyRotation.evidenceDigest;

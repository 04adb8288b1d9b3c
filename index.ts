import { ApiRefreshToken } from "./components/api-refresh-token.ts";
import { KeyRotation } from "./components/key-rotation.ts";
import { readSettings } from "./settings.ts";

const settings = await readSettings();

const apiToken = new ApiRefreshToken("api-refresh-token", settings);

const keyRotation = new KeyRotation("rotation", { ...settings, refreshTokens: apiToken.candidates });

apiToken.rollOut(keyRotation, settings);

/** Secret: what the instances take as INTERNAL_JWKS_REFRESH_TOKEN. */
export const refreshToken = apiToken.token;
export const rotation = settings.run.rotation;
export const kids = keyRotation.kids;
export const passiveKids = keyRotation.passiveKids;
export const retireAfter = keyRotation.retireAfter;
export const retiredKids = keyRotation.retiredKids;
export const verified = keyRotation.verified;
export const exposureWindowMs = keyRotation.exposureWindowMs;
export const report = keyRotation.report;
export const evidenceDigest = keyRotation.evidenceDigest;

import { ApiRefreshToken } from "./components/api-refresh-token.ts";
import { KeyRotation } from "./components/key-rotation.ts";
import { byRealm } from "./components/outputs.ts";
import { readSettings } from "./settings.ts";

const settings = await readSettings();

const apiToken = new ApiRefreshToken("api-refresh-token", settings);

const rotations = settings.rotations.map(
  ({ name, ...realm }) => new KeyRotation(name, { ...realm, apiRefreshTokens: apiToken.candidates }),
);

apiToken.rollOut(rotations, settings.fleet);

const outputs = byRealm(settings, rotations);

/** Secret: what the instances take as INTERNAL_JWKS_REFRESH_TOKEN. */
export const apiRefreshToken = apiToken.token;
export const { rotation, kids, passiveKids, retireAfter, retiredKids } = outputs;
export const { verified, exposureWindowMs, report, evidenceDigest } = outputs;
/** Public JWK that a bundle's evidence.jws is checked with; null where bundles are not signed. */
export const { evidenceKey } = settings;

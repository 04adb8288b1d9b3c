import { messageOf } from "../base/errors.ts";
import { within } from "../base/within.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { Canary, MintedToken } from "./canary.ts";
import { mintLongLivedToken, type ProbeClient } from "./tokens.ts";

/** The public part of a control token. */
export type ControlReference = Omit<MintedToken, "token">;

/** Control tokens as the state keeps them: what may be public, and separately, as a secret, the tokens. */
export interface KeptControls {
  controls: ControlReference[];
  /** Secret: the tokens by their `jti`. */
  tokens: Record<string, string>;
  /** Why there is none for an algorithm, a sentence each. */
  problems: string[];
}

/** What a token may take to be minted, in milliseconds: instances wait to be told of the dead key meanwhile. */
const patienceMs = 5_000;

/**
 * Mints the twins of the canary tokens: by the same clients, with the same claims and lifetime, signed with the keys that
 * sign now. An instance that rejects a canary token and accepts its twin rejects it for the key's sake, and not for its
 * age, a `notBefore`, an audience or a client. To be minted right after the cut-over, before a session is ended.
 *
 * Never throws: without them the proof is missing, not the kill.
 */
export async function mintControls(
  admin: KeycloakAdmin,
  tokenEndpoint: string,
  clients: readonly ProbeClient[],
): Promise<KeptControls> {
  const kept: KeptControls = { controls: [], tokens: {}, problems: [] };
  await Promise.all(
    clients.map(async (client) => {
      try {
        const minted = await within(patienceMs, mintLongLivedToken(admin, tokenEndpoint, client));
        if (!minted) throw new Error(`Keycloak gave none within ${patienceMs / 1_000} s`);
        const { token, ...reference } = minted;
        kept.controls.push(reference);
        kept.tokens[reference.jti] = token;
      } catch (error) {
        kept.problems.push(
          `no control token could be minted for ${client.algorithm}, so no rejection proves anything: ${messageOf(error)}`,
        );
      }
    }),
  );
  return kept;
}

/** The control tokens that are there whole. */
export function withControlTokens(
  controls: readonly ControlReference[],
  tokens: Readonly<Record<string, string>>,
): MintedToken[] {
  return controls.flatMap((reference) => {
    const token = tokens[reference.jti];
    return token === undefined ? [] : [{ ...reference, token }];
  });
}

/** The twin of a key's canary tokens: of the same algorithm, or where none signs any more, of another. */
export function controlOf<T extends { algorithm: string }>(
  { algorithm }: Pick<Canary, "algorithm">,
  controls: readonly T[],
): T | undefined {
  return controls.find((control) => control.algorithm === algorithm) ?? controls[0];
}

/** Keys of a realm that no verifier ever sees. */
export const internalKeyKinds = ["hmac", "aes", "rsa-oaep"] as const;
export type InternalKeyKind = (typeof internalKeyKinds)[number];

interface Kind {
  /** The algorithm that every realm has a key for, as Keycloak lists it. */
  algorithm: "HS512" | "AES" | "RSA-OAEP";
  providerId: string;
  /** AES keys have only one algorithm, and their provider has no setting for it. */
  takesAlgorithm: boolean;
  /** As Keycloak lists the keys of the kind, whatever their algorithm. */
  type: "OCT" | "RSA";
  use: "SIG" | "ENC";
  cost: string;
}

/**
 * Each kind's provider, and what its rotation costs the users, measured with Keycloak 26.7.
 *
 * - hmac: refresh tokens and offline tokens are rejected as `invalid_grant`, login cookies lead to the login page, an open
 *   login page answers 400 and so does a link in an email; initial and registration access tokens of dynamic client
 *   registration get 401. Access tokens and authorization codes still work: the sessions themselves are not ended.
 * - aes: only the cookie that restarts a login whose authentication session has ended. Open login pages still work.
 * - rsa-oaep: nothing. The JWKS shows the new key instead of the old one, and request objects that were encrypted for the
 *   old one can still be read: Keycloak decrypts with disabled keys too. Deleting the component would end that.
 */
export const kinds: Record<InternalKeyKind, Kind> = {
  hmac: {
    algorithm: "HS512",
    providerId: "hmac-generated",
    takesAlgorithm: true,
    type: "OCT",
    use: "SIG",
    cost: "refresh and offline tokens, login cookies, open login pages, links in Keycloak's mails and client registration tokens are refused: everyone logs in again",
  },
  aes: {
    algorithm: "AES",
    providerId: "aes-generated",
    takesAlgorithm: false,
    type: "OCT",
    use: "ENC",
    cost: "nobody is logged out; a login page that was left open until its login timed out has to be opened anew",
  },
  "rsa-oaep": {
    algorithm: "RSA-OAEP",
    providerId: "rsa-enc-generated",
    takesAlgorithm: true,
    type: "RSA",
    use: "ENC",
    cost: "nobody is logged out; clients that encrypt request objects find the new key in the JWKS",
  },
};

/** What the rotation of a kind costs the users, for a preview. */
export function costOf(kind: InternalKeyKind): string {
  return `rotate the realm's internal ${kinds[kind].algorithm} key: ${kinds[kind].cost}`;
}

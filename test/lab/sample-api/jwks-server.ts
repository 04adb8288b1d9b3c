import { createServer } from "node:http";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** An issuer on loopback that publishes the keys it is told to, and mints tokens with any key. */
export interface TestIssuer {
  readonly url: string;
  published: IssuerKey[];
  /** How often the JWKS has been asked for. */
  fetches: number;
  /** Answers wait for it. Default: a resolved promise. */
  gate: Promise<unknown>;
  /** Whether it answers 500. Default: false. */
  failing: boolean;
  mint(key: IssuerKey, claims?: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

export async function issuerKey(kid: string, alg = "ES256"): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** Starts an issuer that publishes the keys given. What it publishes is read when the question comes, not when it is answered. */
export async function startIssuer(...keys: IssuerKey[]): Promise<TestIssuer> {
  const server = createServer(async ({ url: path }, response) => {
    const isDiscovery = path === "/.well-known/openid-configuration";
    const body = isDiscovery
      ? { jwks_uri: `${issuer.url}/jwks` }
      : { keys: issuer.published.map(({ jwk }) => jwk) };
    if (!isDiscovery) issuer.fetches++;
    await issuer.gate;
    response
      .writeHead(issuer.failing ? 500 : 200, { "content-type": "application/json" })
      .end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${address.port}`,
    published: keys,
    fetches: 0,
    gate: Promise.resolve(),
    failing: false,
    mint: ({ kid, alg, privateKey }, claims = {}) =>
      new SignJWT({ sub: "alice", ...claims })
        .setProtectedHeader({ alg, kid })
        .setIssuer(claims.iss ?? issuer.url)
        .setIssuedAt()
        .setExpirationTime(claims.exp ?? "5m")
        .sign(privateKey),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

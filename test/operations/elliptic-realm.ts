/**
 * Settings of a realm whose keys Keycloak makes at once: an RSA key takes it seconds on a busy machine, and three are
 * made for each realm by default. Its tokens are signed with ES256.
 */
export const ellipticRealm = {
  defaultSignatureAlgorithm: "ES256",
  components: {
    "org.keycloak.keys.KeyProvider": [
      keyProvider("ecdsa-generated", { ecdsaEllipticCurveKey: ["P-256"] }),
      keyProvider("hmac-generated", { algorithm: ["HS512"] }),
      keyProvider("aes-generated", {}),
    ],
  },
};

function keyProvider(providerId: string, config: Record<string, string[]>) {
  return { name: providerId, providerId, config: { priority: ["100"], ...config } };
}

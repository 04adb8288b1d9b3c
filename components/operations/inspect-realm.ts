import { z } from "zod";
import { messageOf, RotationError } from "./errors.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { highestRotation } from "./publish-key.ts";
import { listKeyComponents, listSigningKeys, type RealmKey, readRealm, rotationOf } from "./realm-keys.ts";

export interface RotationPlan {
  rotation: number;
  algorithms: readonly string[];
  exemptKeys: readonly string[];
}

const clientShape = z.array(
  z.looseObject({ clientId: z.string(), attributes: z.record(z.string(), z.string().nullable()).nullish() }),
);

/** Client attributes that name an algorithm with which the realm must sign. */
const algorithmAttributes = [
  "access.token.signed.response.alg",
  "id.token.signed.response.alg",
  "user.info.response.signature.alg",
  "authorization.signed.response.alg",
];

/**
 * Looks, without changing anything, for what would make a rotation fail half-way or be a silent no-op.
 *
 * @returns every problem found; empty where the rotation can start
 */
export async function inspectRealm(admin: KeycloakAdmin, plan: RotationPlan): Promise<string[]> {
  try {
    const [components, keys] = [await listKeyComponents(admin), await listSigningKeys(admin)];
    const missingRole = await admin.missingRole("manage-realm");
    return [
      ...(missingRole ? [missingRole.message] : []),
      ...wentBack(admin, plan, highestRotation(components)),
      ...uncoveredKeys(keys, plan),
      ...(await uncoveredClients(admin, plan, keys)),
    ];
  } catch (error) {
    if (error instanceof RotationError) return [messageOf(error)];
    throw error;
  }
}

function wentBack(admin: KeycloakAdmin, { rotation }: RotationPlan, highest: number): string[] {
  if (rotation >= highest) return [];
  return [
    `rotation: ${rotation} is lower than ${highest}, which realm ${admin.realmName} has already had; set ${highest} to keep, ${highest + 1} to rotate`,
  ];
}

function uncoveredKeys(
  keys: readonly RealmKey[],
  { rotation, algorithms, exemptKeys }: RotationPlan,
): string[] {
  return keys
    .filter(({ status }) => status !== "DISABLED")
    .filter(
      ({ componentName }) => !exemptKeys.includes(componentName) && rotationOf(componentName) !== rotation,
    )
    .filter(({ algorithm }) => !algorithms.includes(algorithm))
    .map(
      ({ kid, algorithm, componentName }) =>
        `algorithms: key ${kid} (${componentName}) signs ${algorithm}, which is not listed; add ${algorithm}, or ${componentName} to exemptKeys`,
    );
}

/**
 * A client that asks for an algorithm without an active key makes Keycloak add a `fallback-*` key on its next token.
 * Algorithms that an exempt key goes on signing are covered.
 */
async function uncoveredClients(
  admin: KeycloakAdmin,
  { algorithms, exemptKeys }: RotationPlan,
  keys: readonly RealmKey[],
): Promise<string[]> {
  const exempt = keys.filter((key) => key.status === "ACTIVE" && exemptKeys.includes(key.componentName));
  const covered = [...algorithms, ...exempt.map(({ algorithm }) => algorithm)];
  const { defaultAlgorithm } = await readRealm(admin);
  const wanted = (await listClients(admin)).flatMap(({ clientId, attributes }) =>
    algorithmAttributes.map((name) => ({ who: `client ${clientId}`, algorithm: attributes?.[name] })),
  );
  return [{ who: "the realm by default", algorithm: defaultAlgorithm }, ...wanted]
    .filter(({ algorithm }) => algorithm && !/^(HS|none)/.test(algorithm) && !covered.includes(algorithm))
    .map(
      ({ who, algorithm }) =>
        `algorithms: ${who} asks for ${algorithm}, which is not listed; add ${algorithm}`,
    );
}

const pageSize = 200;

async function listClients(admin: KeycloakAdmin): Promise<z.infer<typeof clientShape>> {
  const clients: z.infer<typeof clientShape> = [];
  for (;;) {
    const page = await admin.get(`/clients?first=${clients.length}&max=${pageSize}`, clientShape);
    clients.push(...page);
    if (page.length < pageSize) return clients;
  }
}

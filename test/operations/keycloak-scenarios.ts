import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "zod";
import { mintToken } from "#operations/canaries/tokens";
import { inspectRealm } from "#operations/config/inspect-realm";
import type { KeycloakConnection } from "#operations/keycloak/connection";
import { discover, readJwks, signatureKids } from "#operations/keycloak/jwks";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { cutOver } from "#operations/keys/cut-over";
import type { CutoverRequest } from "#operations/keys/cutover-request";
import { publishKey } from "#operations/keys/publish-key";
import {
  listKeyComponents,
  listSigningKeys,
  readRealm,
  updateKeyComponent,
} from "#operations/keys/realm-keys";
import { prepareProof } from "#operations/proof/prepare-proof";
import { addClient, addUnmanaged, realmFor } from "./lab-realm.ts";
import { type Received, sendJson, serve } from "./loopback-server.ts";
import { plannedScenarios } from "./planned-scenarios.ts";
import { staticFleet } from "./samples.ts";
import { partOf, soundVerifier } from "./signing-realm.ts";

const quiet = () => undefined;

async function request(admin: KeycloakAdmin, componentIds: string[]): Promise<CutoverRequest> {
  const canary = {
    keysBefore: await listSigningKeys(admin),
    keysBeforeAt: new Date().toISOString(),
    canaries: [],
  };
  const goal = { componentIds, exemptKeys: [], mode: "emergency" as const, stage: "final" as const };
  return {
    ...goal,
    overlapMs: 360_000,
    keepRetired: 1,
    jwksUris: [],
    incident: "INC-1",
    rotation: 9,
    canary,
  };
}

async function enabledNames(admin: KeycloakAdmin): Promise<string[]> {
  const keys = await listSigningKeys(admin);
  return keys.filter(({ status }) => status !== "DISABLED").map(({ componentName }) => componentName);
}

function publishing(connection: () => KeycloakConnection): void {
  for (const algorithm of ["RS256", "PS256", "ES256", "EdDSA"] as const) {
    test(`publishKey makes a ${algorithm} key that is published and does not sign yet`, async (t) => {
      const admin = await realmFor(t, connection());
      const key = await publishKey(admin, { rotation: 1 }, algorithm);
      const found = (await listSigningKeys(admin)).find(({ kid }) => kid === key.kid);
      assert.deepEqual([found?.algorithm, found?.status, found?.signing], [algorithm, "PASSIVE", false]);
      const jwks = await readJwks(admin, (await discover(admin)).jwksUri);
      assert.ok(signatureKids(jwks).includes(key.kid));
      assert.match(key.certificateThumbprint, /^([0-9a-f]{64})?$/);
    });
  }

  test("the key hangs on the realm's id, not on its name", async (t) => {
    const admin = await realmFor(t, connection());
    const { componentId } = await publishKey(admin, { rotation: 1 }, "ES256");
    const { id } = await readRealm(admin);
    assert.notEqual(id, admin.realmName);
    const component = (await listKeyComponents(admin)).find((one) => one.id === componentId);
    assert.equal(component?.parentId, id);
  });

  test("a key that a crashed run has left is found and not doubled", async (t) => {
    const admin = await realmFor(t, connection());
    const [first, second] = [
      await publishKey(admin, { rotation: 3 }, "ES256"),
      await publishKey(admin, { rotation: 3 }, "ES256"),
    ];
    assert.equal(first.kid, second.kid);
    const names = (await listKeyComponents(admin)).filter(({ name }) => name === first.name);
    assert.equal(names.length, 1);
  });

  test("a name whose key was disabled is KEY_NAME_TAKEN, and the key stays disabled", async (t) => {
    const admin = await realmFor(t, connection());
    const { componentId, kid } = await publishKey(admin, { rotation: 1 }, "ES256");
    await updateKeyComponent(admin, componentId, { enabled: false, active: false });
    await assert.rejects(publishKey(admin, { rotation: 1 }, "ES256"), {
      code: "KEY_NAME_TAKEN",
      message: /set rotation to 2/,
    });
    assert.equal((await listSigningKeys(admin)).find((key) => key.kid === kid)?.status, "DISABLED");
  });

  test("a lower rotation is ROTATION_WENT_BACK and makes no key", async (t) => {
    const admin = await realmFor(t, connection());
    await publishKey(admin, { rotation: 5 }, "ES256");
    const before = await listKeyComponents(admin);
    await assert.rejects(publishKey(admin, { rotation: 4 }, "ES256"), { code: "ROTATION_WENT_BACK" });
    assert.equal((await listKeyComponents(admin)).length, before.length);
  });
}

function cuttingOver(connection: () => KeycloakConnection): void {
  test("cutOver disables unmanaged and fallback keys, keeps the exempt one, and the second time changes nothing", async (t) => {
    const admin = await realmFor(t, connection());
    await addUnmanaged(admin, "saml-partner", 300, false);
    const { tokenEndpoint } = await discover(admin);
    await mintToken(admin, tokenEndpoint, await addClient(admin, "PS256"));
    assert.ok((await enabledNames(admin)).includes("fallback-PS256"));
    const key = await publishKey(admin, { rotation: 1 }, "RS256");
    const ps = await publishKey(admin, { rotation: 1 }, "PS256");
    const asked = {
      ...(await request(admin, [key.componentId, ps.componentId])),
      exemptKeys: ["saml-partner"],
    };
    const result = await cutOver(admin, asked, quiet);
    const retired = result.retired.map(({ componentName }) => componentName).toSorted();
    assert.deepEqual(retired, ["fallback-PS256", "rsa-generated"]);
    assert.ok(result.retired.every(({ disabledAtIsExact }) => disabledAtIsExact));
    assert.deepEqual((await enabledNames(admin)).toSorted(), [ps.name, key.name, "saml-partner"].toSorted());
    const lines: string[] = [];
    const again = await cutOver(admin, asked, (line) => lines.push(line));
    assert.deepEqual(again.keysAfter, result.keysAfter);
    assert.ok(lines.every((line) => line.includes("shows the new set")));
  });

  test("a cut-over that was interrupted half-way is completed, and the end of what it finds disabled is not exact", async (t) => {
    const admin = await realmFor(t, connection());
    await addUnmanaged(admin, "second", 90);
    const key = await publishKey(admin, { rotation: 1 }, "RS256");
    const asked = await request(admin, [key.componentId]);
    const old = asked.canary.keysBefore.find(({ componentName }) => componentName === "rsa-generated");
    assert.ok(old);
    await updateKeyComponent(admin, key.componentId, { active: true, priority: 101 });
    await updateKeyComponent(admin, old.componentId, { enabled: false, active: false });
    const { retired } = await cutOver(admin, asked, quiet);
    const exact = retired.map((one) => `${one.componentName} ${one.disabledAtIsExact}`).toSorted();
    assert.deepEqual(exact, ["rsa-generated false", "second true"]);
    assert.equal(retired.find(({ kid }) => kid === old.kid)?.disabledAt, asked.canary.keysBeforeAt);
  });

  test("the fallback key of a client that nobody asked about is disabled too", async (t) => {
    const admin = await realmFor(t, connection());
    const key = await publishKey(admin, { rotation: 1 }, "ES256");
    const rsa = await addClient(admin, "RS256");
    const asked = await request(admin, [key.componentId]);
    await cutOver(admin, asked, quiet);
    await mintToken(admin, (await discover(admin)).tokenEndpoint, rsa);
    assert.ok((await enabledNames(admin)).includes("fallback-RS256"));
    await cutOver(admin, asked, quiet);
    assert.deepEqual(await enabledNames(admin), [key.name]);
  });

  test("a cut-over that is repeated keeps the exact times of the keys that it has retired", async (t) => {
    const admin = await realmFor(t, connection());
    const key = await publishKey(admin, { rotation: 1 }, "RS256");
    const asked = await request(admin, [key.componentId]);
    const first = await cutOver(admin, asked, quiet);
    const listed = first.retired.map(({ kid }) => kid);
    const last = { dead: first.retired, trusted: [], listed };
    const again = await cutOver(admin, { ...asked, last }, quiet);
    assert.deepEqual(again.retired, first.retired);
  });
}

function canaries(connection: () => KeycloakConnection): void {
  test("prepareProof mints with keys that are trusted and not the signer, and puts them back as they were", async (t) => {
    const admin = await realmFor(t, connection());
    await addUnmanaged(admin, "passive", 50, false);
    await addUnmanaged(admin, "second", 60);
    const probeClients = [await addClient(admin, "RS256")];
    const api = await serve(t, (response) => sendJson(response, 200, {}));
    const before = await listSigningKeys(admin);
    const fleet = staticFleet({ name: "api-1", url: api.url });
    const asked = {
      rotation: 1,
      mode: "emergency" as const,
      exemptKeys: [],
      fleet,
      probeClients,
    };
    const { tokens, findings } = await prepareProof(admin, asked);
    const kids = findings.canaries.map(({ kid }) => kid);
    assert.deepEqual(kids.toSorted(), before.map(({ kid }) => kid).toSorted());
    for (const { kid, seen, unseen } of findings.canaries) {
      const signers = [seen, unseen].map(({ jti }) => partOf(tokens[jti] ?? "", 0).kid);
      assert.deepEqual([signers, seen.jti === unseen.jti], [[kid, kid], false]);
    }
    assert.deepEqual(await listSigningKeys(admin), before);
    // Of each key a genuine token and a forged one.
    assert.equal(api.received.length, 6);
    assert.equal(findings.baselineSkipped, false);
    assert.doesNotMatch(JSON.stringify(findings), /eyJ[\w-]+\.eyJ/);
  });

  test("a key that was published and never signed is made the signer for its canary tokens only in an emergency, and does not delay that", async (t) => {
    const admin = await realmFor(t, connection());
    const published = await publishKey(admin, { rotation: 1 }, "RS256", 2048);
    const [signer] = (await listSigningKeys(admin)).filter(({ signing }) => signing);
    assert.ok(signer);
    const { keys } = await readJwks(admin, `${admin.realmUrl}/protocol/openid-connect/certs`);
    const known = { keys: keys.filter(({ kid }) => kid === signer.kid) };
    const tokenOf = ({ headers }: Pick<Received, "headers">) =>
      headers.authorization?.replace("Bearer ", "") ?? "";
    const api = await serve(t, async (response, request) =>
      response.writeHead((await soundVerifier(tokenOf(request), known)) ? 200 : 401).end(),
    );
    const fleet = staticFleet({ name: "api-1", url: api.url });
    const asked = {
      rotation: 2,
      exemptKeys: [],
      fleet: { ...fleet, refresh: { ...fleet.refresh, attempts: 1 } },
      probeClients: [await addClient(admin, "RS256")],
    };
    const kidsOf = ({ findings }: Awaited<ReturnType<typeof prepareProof>>) => [
      findings.canaries.map(({ kid }) => kid),
      findings.baseline.map(({ verdicts }) => verdicts.map(({ kid, verdict }) => [kid, verdict.kind])),
    ];
    const expected = [[signer.kid], [[[signer.kid, "accepted"]]]];
    const planned = await prepareProof(admin, { ...asked, mode: "planned", stage: "overlap" });
    assert.deepEqual(kidsOf(planned), expected);
    assert.ok(
      api.received.every((request) => partOf(tokenOf(request), 0).kid === signer.kid),
      "it was shown a token of the published key",
    );
    const emergency = await prepareProof(admin, { ...asked, mode: "emergency" });
    assert.deepEqual(kidsOf(emergency), expected);
    assert.ok(published.kid !== signer.kid);
  });

  test("a borrowed key is put back as it was when its client can't mint", async (t) => {
    const admin = await realmFor(t, connection());
    await addUnmanaged(admin, "passive", 50, false);
    const good = await addClient(admin, "RS256");
    const before = await listSigningKeys(admin);
    const exemptKeys = ["rsa-generated"];
    const probeClients = [{ ...good, clientSecret: "wrong" }];
    const asked = {
      rotation: 1,
      mode: "emergency" as const,
      exemptKeys,
      fleet: staticFleet(),
      probeClients,
    };
    const { findings } = await prepareProof(admin, asked);
    assert.match(findings.unminted?.join() ?? "", /no canary token of kid \S+ \(RS256\): TOKEN_NOT_MINTED/);
    await assert.rejects(prepareProof(admin, { ...asked, mode: "planned" }), { code: "TOKEN_NOT_MINTED" });
    assert.deepEqual(await listSigningKeys(admin), before);
  });

  test("instances that answer and all reject stop a planned run before anything was rotated, and no emergency", async (t) => {
    const admin = await realmFor(t, connection());
    const probeClients = [await addClient(admin, "RS256")];
    const api = await serve(t, (response) => response.writeHead(401).end());
    const fleet = staticFleet({ name: "api-1", url: api.url });
    const asked = {
      rotation: 1,
      mode: "emergency" as const,
      exemptKeys: [],
      fleet,
      probeClients,
    };
    const { findings } = await prepareProof(admin, asked);
    const verdicts = findings.baseline.flatMap((one) => one.verdicts.map(({ verdict }) => verdict.kind));
    assert.deepEqual(verdicts, ["rejected"]);
    await assert.rejects(prepareProof(admin, { ...asked, mode: "planned" }), {
      code: "BASELINE_REJECTED",
      message: /api-1/,
    });
  });

  test("a key of an algorithm without a probe client stops a planned run, and is left without canary tokens in an emergency", async (t) => {
    const admin = await realmFor(t, connection());
    const asked = {
      rotation: 1,
      mode: "emergency" as const,
      exemptKeys: [],
      fleet: staticFleet(),
      probeClients: [await addClient(admin, "ES256")],
    };
    const { findings } = await prepareProof(admin, asked);
    assert.match(findings.unminted?.join() ?? "", /ALGORITHM_NOT_COVERED/);
    await assert.rejects(prepareProof(admin, { ...asked, mode: "planned" }), {
      code: "ALGORITHM_NOT_COVERED",
    });
  });

  test("in an emergency, instances that hang are not waited for beyond the budget, and count as unproven", async (t) => {
    const admin = await realmFor(t, connection());
    const probeClients = [await addClient(admin, "RS256")];
    const good = await serve(t, (response) => response.writeHead(200).end());
    const silent = await serve(t, () => undefined);
    const hanging = Array.from({ length: 40 }, (_, index) => ({ name: `hangs-${index}`, url: silent.url }));
    const fleet = staticFleet(...hanging, { name: "good", url: good.url });
    const probe = { ...fleet.probe, timeoutMs: 600_000 };
    const goal = { rotation: 1, mode: "emergency" as const, exemptKeys: [], probeClients };
    const asked = { ...goal, fleet: { ...fleet, probe }, deadlineAt: Date.now() + 5_000 };
    const { findings } = await prepareProof(admin, asked);
    const kinds = findings.baseline.map(({ instance, verdicts }) => [instance, verdicts[0]?.verdict.kind]);
    assert.deepEqual(kinds.at(-1), ["good", "accepted"]);
    assert.deepEqual(new Set(kinds.slice(0, -1).map(([, kind]) => kind)), new Set(["inconclusive"]));
    assert.match(JSON.stringify(findings.baseline[0]), /no answer within emergency.budgetSeconds/);
  });
}

function inspecting(connection: () => KeycloakConnection): void {
  const plan = {
    rotation: 1,
    mode: "emergency" as const,
    incident: "INC-1",
    algorithms: ["RS256"],
    exemptKeys: [],
    overlapSeconds: undefined,
    allowShortOverlap: false,
    keepRetired: 1,
    clockSkewSeconds: 60,
    probeHasRoles: false,
    emergency: { freeze: "none" as const, revoke: "none" as const, internalKeys: [], adminRoles: [] },
  };

  test("inspectRealm finds nothing wrong with a new realm", async (t) => {
    assert.deepEqual((await inspectRealm(await realmFor(t, connection()), plan)).problems, []);
  });

  test("it names a key and a client whose algorithm is not covered, and a lower rotation, at once", async (t) => {
    const admin = await realmFor(t, connection());
    await publishKey(admin, { rotation: 3 }, "ES256");
    await addClient(admin, "PS256");
    const inspection = await inspectRealm(admin, { ...plan, mode: "planned", rotation: 2 });
    const problems = inspection.problems.join("\n");
    for (const part of [
      /signs ES256, which is not listed/,
      /client probe-PS256 asks for PS256/,
      /2 is lower than 3/,
    ]) {
      assert.match(problems, part);
    }
  });

  test("it names a key of the rotation whose algorithm was taken off the list: the cut-over would retire it unproven", async (t) => {
    const admin = await realmFor(t, connection());
    await publishKey(admin, { rotation: 1 }, "ES256");
    const { problems } = await inspectRealm(admin, { ...plan, mode: "planned" });
    assert.match(problems.join(), /\(jwks-break-glass-r1-ES256\) signs ES256, which is not listed/);
  });

  test("a realm that is absent is one problem", async () => {
    const { problems } = await inspectRealm(new KeycloakAdmin(connection(), "absent"), plan);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /^REALM_NOT_FOUND/);
  });

  test("a wrong client secret is one problem, and it is not shown", async (t) => {
    const { realmName } = await realmFor(t, connection());
    const wrong = { ...connection(), clientSecret: "wrong-secret-0123456789" };
    const { problems } = await inspectRealm(new KeycloakAdmin(wrong, realmName), plan);
    assert.match(problems.join(), /^KEYCLOAK_LOGIN_REFUSED(?!.*wrong-secret)/);
  });

  test("a client that may read and not change is told the role that it lacks", async (t) => {
    const admin = await realmFor(t, connection());
    const weak = await addClient(admin, "RS256");
    await grant(admin, weak.clientId, ["view-realm", "view-clients"]);
    const { clientId, clientSecret } = weak;
    const reader = { ...connection(), realm: admin.realmName, clientId, clientSecret };
    const reading = await inspectRealm(new KeycloakAdmin(reader, admin.realmName), plan);
    assert.deepEqual(reading.problems, []);
    assert.match(reading.missingRights.join(), /KEYCLOAK_ROLE_MISSING.*role manage-realm/);
    await assert.rejects(publishKey(new KeycloakAdmin(reader, admin.realmName), { rotation: 1 }, "RS256"), {
      code: "KEYCLOAK_ROLE_MISSING",
    });
  });
}

async function grant(admin: KeycloakAdmin, clientId: string, roles: string[]): Promise<void> {
  const ids = z.array(z.looseObject({ id: z.string() }));
  const idOf = async (path: string) => (await admin.get(path, ids))[0]?.id ?? "";
  const management = await idOf("/clients?clientId=realm-management");
  const client = await idOf(`/clients?clientId=${clientId}`);
  const user = await admin.get(`/clients/${client}/service-account-user`, z.looseObject({ id: z.string() }));
  const all = await admin.get(`/clients/${management}/roles`, z.array(z.looseObject({ name: z.string() })));
  const granted = all.filter(({ name }) => roles.includes(name));
  await admin.post(`/users/${user.id}/role-mappings/clients/${management}`, granted);
}

/** What only a real Keycloak can answer. Each scenario makes a realm of its own. */
export function keycloakScenarios(connection: () => KeycloakConnection): void {
  suite("publishing", () => publishing(connection));
  suite("cutting over", () => cuttingOver(connection));
  suite("canaries", () => canaries(connection));
  suite("inspecting", () => inspecting(connection));
  plannedScenarios(connection);
}

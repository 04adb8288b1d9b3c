import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { managedKeyName, type RealmKey } from "#operations/keys/realm-keys";
import { killRotation, type RealmState } from "../../scripts/kill/kill-rotation.ts";
import { realmKey } from "../operations/samples.ts";

/** A realm that has had these rotations, the last of them made as given. */
function realm(rotations: readonly number[], last: Partial<RealmKey> = {}): RealmState {
  const keys = rotations.map((rotation, index) => {
    const marks = index === rotations.length - 1 ? last : {};
    return realmKey(`r${rotation}`, { componentName: managedKeyName(rotation, "RS256"), ...marks });
  });
  return { keys, components: keys.map(({ componentName }) => ({ name: componentName })) };
}

interface Case {
  title: string;
  realms: RealmState[];
  configured?: number;
  rotation: number;
}

const forThis = { incident: "INC-1", stack: "prod" };

const cases: Case[] = [
  { title: "a realm that was never rotated gets its first", realms: [realm([])], rotation: 1 },
  { title: "the config is as the realm is: one more", realms: [realm([1, 7])], configured: 7, rotation: 8 },
  { title: "somebody has bumped the config already: that", realms: [realm([7])], configured: 9, rotation: 9 },
  {
    title: "the config is behind the realm: one more than the realm",
    realms: [realm([7])],
    configured: 3,
    rotation: 8,
  },
  {
    title: "repeated: the rotation of the keys that were made for this incident",
    realms: [realm([7, 8], forThis)],
    configured: 7,
    rotation: 8,
  },
  {
    title: "keys of another incident are not this one's",
    realms: [realm([8], { incident: "INC-0" })],
    rotation: 9,
  },
  {
    title: "the key that was made for this incident has been disabled since",
    realms: [realm([8], { ...forThis, status: "DISABLED" })],
    rotation: 9,
  },
  { title: "several realms share the highest", realms: [realm([7]), realm([2])], rotation: 8 },
  {
    title: "several realms, one of which was killed before: the other follows",
    realms: [realm([7, 8], forThis), realm([7])],
    rotation: 8,
  },
  {
    title: "several realms, one of which has gone past the one that was killed before",
    realms: [realm([8], forThis), realm([9])],
    rotation: 10,
  },
  {
    title: "an internal key counts: its name would be taken",
    realms: [{ keys: [], components: [{ name: "jwks-break-glass-r4-HS512" }] }],
    rotation: 5,
  },
];

suite("which rotation a kill is", () => {
  for (const { title, realms, configured, rotation } of cases) {
    test(title, () => assert.equal(killRotation(realms, "INC-1", configured), rotation));
  }
});

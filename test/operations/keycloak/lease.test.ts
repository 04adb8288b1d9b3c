import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { type Clock, systemClock } from "#operations/base/clock";
import type { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { judge } from "#operations/keycloak/lease/judge";
import { listLeases } from "#operations/keycloak/lease/lease-store";
import { RealmLease } from "#operations/keycloak/lease/realm-lease";
import { type Lease, leaseId, leaseOf, roleOf } from "#operations/keycloak/lease/record";
import { instantClock } from "../keycloak-stand-in.ts";
import { realRealms } from "../real-realm.ts";

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const held: Lease = {
  epoch: 3,
  run: "0a1b2c3d-0000-4000-8000-000000000000",
  stack: "prod",
  mode: "planned",
  rotation: 8,
  incident: "",
  who: "ann@laptop",
  since: at(0),
  renewedAt: at(1_000),
  deadAt: "",
};

suite("judge", () => {
  const emergency = { mode: "emergency", incident: "INC-1" } as const;
  const rows: [string, Partial<Parameters<typeof judge>[0]>, Partial<Lease>, ReturnType<typeof judge>][] = [
    ["an emergency takes it from a planned run", { mode: "emergency" }, {}, "take"],
    ["an emergency takes it from a rollback", { mode: "emergency" }, { mode: "rollback" }, "take"],
    ["a planned run waits for another", {}, {}, "watch"],
    ["a planned run waits for an emergency", {}, emergency, "watch"],
    ["a planned run waits however long that takes", {}, { renewedAt: at(3_600_000) }, "watch"],
    ["an emergency waits for another that is about to kill", { mode: "emergency" }, emergency, "watch"],
    [
      "an emergency takes it from another that should have killed by now",
      { mode: "emergency" },
      { ...emergency, renewedAt: at(10_001) },
      "take",
    ],
    [
      "a later emergency takes it from one whose kill is done",
      { mode: "emergency", rotation: 9 },
      { ...emergency, deadAt: at(900) },
      "take",
    ],
    [
      "one of the same rotation leaves it, since nothing is left to kill",
      { mode: "emergency" },
      { ...emergency, deadAt: at(900) },
      "watch",
    ],
    ["what a person has named is taken", { takeOver: "3-0a1b2c3d" }, emergency, "take"],
    ["another that a person has named is not", { takeOver: "2-0a1b2c3d" }, emergency, "watch"],
  ];
  for (const [title, claimant, lease, judgement] of rows) {
    test(title, () => {
      const claim = { mode: "planned", rotation: 8, takeOver: "", ...claimant } as const;
      assert.equal(judge(claim, { ...held, ...lease }), judgement);
    });
  }

  test("a lease is read from its role as it was written, and other roles are none", () => {
    const role = { id: "id", ...roleOf(held) };
    assert.deepEqual(leaseOf(role), held);
    assert.equal(leaseId(held), "3-0a1b2c3d");
    assert.ok(role.description.length <= 255);
    assert.equal(leaseOf({ ...role, name: "jwks-break-glass-lease-old" }), undefined);
    // Its number is taken all the same.
    for (const attributes of [undefined, {}, { mode: ["odd"], rotation: [] }])
      assert.equal(leaseOf({ ...role, attributes })?.epoch, 3);
  });
});

const realmFor = realRealms();

interface Runner {
  lease: RealmLease;
  lines: string[];
}

interface Wants extends Partial<Lease> {
  clock?: Clock;
}

function runner(t: TestContext, admin: KeycloakAdmin, run: string, change: Wants = {}): Runner {
  const lines: string[] = [];
  const {
    stack = `stack-${run}`,
    mode = "planned",
    rotation = 8,
    incident = "",
    clock = systemClock,
  } = change;
  const holder = { run, stack, mode, rotation, incident, who: `${run}@lab` };
  const progress = (line: string) => void lines.push(line);
  const lease = new RealmLease({ admin, holder, mode, rotation, takeOver: "", progress, clock });
  t.after(() => lease.release());
  return { lease, lines };
}

const emergency = { mode: "emergency", incident: "INC-1" } as const;

suite("the lease of a real realm", () => {
  test("one run has it, and the other is told who; it is free when released", async (t) => {
    const { admin } = await realmFor(t);
    const [ann, bob] = [runner(t, admin, "ann"), runner(t, admin, "bob")];
    await ann.lease.hold();
    await ann.lease.hold();
    await assert.rejects(bob.lease.hold(), {
      code: "LEASE_HELD",
      message: /stack stack-ann, rotation 8 \(planned\), run by ann@lab since .*takeOverLease to 1-ann/s,
    });
    await ann.lease.release();
    await bob.lease.hold();
    assert.deepEqual(await holders(admin), ["bob"]);
  });

  test("an emergency takes it from a planned run at once, which finds out before its next change", async (t) => {
    const { admin } = await realmFor(t);
    const [ann, bob] = [runner(t, admin, "ann"), runner(t, admin, "bob", emergency)];
    await ann.lease.hold();
    await bob.lease.hold();
    assert.match(bob.lines.join(), /takes the lease of realm .* over from stack stack-ann/);
    await assert.rejects(ann.lease.hold(), { code: "LEASE_LOST", message: /stack-bob.*INC-1/ });
    await bob.lease.hold();
    assert.deepEqual(await holders(admin), ["bob"]);
  });

  test("a holder that gives no sign of life any more loses it", async (t) => {
    const { admin } = await realmFor(t);
    const ann = runner(t, admin, "ann");
    await ann.lease.hold();
    t.mock.timers.enable({ apis: ["setInterval"] });
    const bob = runner(t, admin, "bob", { clock: instantClock() });
    const dead = runner(t, admin, "dead", { rotation: 7 });
    await ann.lease.release();
    await dead.lease.hold();
    await bob.lease.hold();
    assert.deepEqual(await holders(admin), ["bob"]);
  });

  test("of many at once one has it, and all others are told the same holder", async (t) => {
    const { admin } = await realmFor(t);
    const names = ["a", "b", "c", "d", "e", "f"];
    const runners = names.map((name) => runner(t, admin, name));
    const ends = await Promise.allSettled(runners.map(({ lease }) => lease.hold()));
    const winners = names.filter((_, index) => ends[index]?.status === "fulfilled");
    assert.deepEqual(await holders(admin), winners);
    assert.equal(winners.length, 1);
    for (const end of ends) {
      if (end.status === "rejected") assert.match(end.reason.message, new RegExp(`run by ${winners[0]}@lab`));
    }
  });

  test("a later emergency waits until the old keys are dead, and then goes on", async (t) => {
    const { admin } = await realmFor(t);
    const ann = runner(t, admin, "ann", emergency);
    let looks = 0;
    const look = (ms: number) => {
      looks += 1;
      if (looks === 3) ann.lease.keysAreDead();
      return systemClock.delay(ms);
    };
    const clock = { ...systemClock, delay: look };
    const bob = runner(t, admin, "bob", { ...emergency, rotation: 9, clock });
    await ann.lease.hold();
    await bob.lease.hold();
    assert.ok(looks >= 3, `${looks} looks`);
    await assert.rejects(ann.lease.hold(), { code: "LEASE_LOST" });
  });
});

async function holders(admin: KeycloakAdmin): Promise<string[]> {
  return (await listLeases(admin)).map(({ lease }) => lease.run);
}

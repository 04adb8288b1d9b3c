import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { isTrusted, rotationOf } from "#operations/keys/realm-keys";
import { type Crash, Program } from "./history-program.ts";
import { World } from "./history-world.ts";

/** What may happen; `which` picks a key or a process. */
type Event = Run | Happening;
type Run = { kind: "bump" | "up"; crash: Crash };
type Happening =
  | { kind: "disable" | "enable" | "remove" | "acknowledge"; which: number }
  | { kind: "restart" | "fetch" | "end"; which: number }
  | { kind: "start"; isPod: boolean; isStale: boolean; isStubborn: boolean }
  | { kind: "wait" | "add-key" | "lose-state" };

const which = fc.nat({ max: 7 });
const crash = fc.constantFrom<Crash>(
  ...(["none", "none", "none", "none"] as const),
  ...(["canary", "disabling", "cut-over", "enforce", "marking", "verify"] as const),
);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("bump", "up"), crash }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("disable", "enable", "remove", "acknowledge"), which }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("restart", "fetch", "end"), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("start"),
      isPod: fc.boolean(),
      isStale: fc.boolean(),
      isStubborn: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("wait", "add-key", "lose-state") }) },
);

interface Counts {
  green: number;
  red: number;
  shown: number;
}

/** Plays a history, and holds each run against the world. */
function play(events: readonly Event[], counts: Counts): void {
  const world = new World();
  const program = new Program(world);
  for (const isPod of [true, false]) world.addProcess({ isPod });
  for (const one of events) {
    world.tick();
    if ("crash" in one) run(one, { world, program, counts });
    else happen(one, world, program);
  }
  // Whatever has happened: where every process is a new one and no key is trusted that should not be, it is green.
  for (const process of world.processes.filter(({ isPod }) => !isPod)) {
    world.processes = world.processes.filter((other) => other !== process);
  }
  if (world.processes.length === 0) world.addProcess();
  if (program.rotation === 0) program.rotation = 1;
  program.up("none");
  for (const process of [...world.processes]) world.restart(process);
  const isGreen = program.up("none");
  counts.shown += 1;
  assert.equal(isGreen, true);
}

interface Stage {
  world: World;
  program: Program;
  counts: Counts;
}

function run({ kind, crash }: Run, { world, program, counts }: Stage): void {
  if (kind === "bump") program.rotation += 1;
  if (program.rotation === 0) return;
  const isGreen = program.up(crash);
  if (isGreen === undefined) return;
  counts[isGreen ? "green" : "red"] += 1;
  if (isGreen)
    assert.deepEqual(
      world.falselyTrusted((kid) => program.isClosedByMarkAlone(kid)),
      [],
    );
}

function happen(one: Happening, world: World, program: Program): void {
  switch (one.kind) {
    case "start":
      start(one, world);
      break;
    case "wait":
      world.now += 40_000;
      break;
    case "add-key":
      world.addKey();
      break;
    case "lose-state":
      program.loseState();
      break;
    case "restart":
    case "fetch":
    case "end":
      disturb(one.kind, one.which, world);
      break;
    default:
      meddle(one.kind, one.which, world, program);
  }
}

/** A URL that is added to the list may have been there for long, with a cache from before. */
function start({ isPod, isStale, isStubborn }: Happening & { kind: "start" }, world: World): void {
  const all = new Set(world.keys.map(({ kid }) => kid));
  const stale = !isPod && isStale ? { trusts: all } : {};
  world.addProcess({ isPod, isStubborn, ...stale });
}

function disturb(kind: "restart" | "fetch" | "end", which: number, world: World): void {
  const process = world.processes[which % Math.max(1, world.processes.length)];
  if (!process) return;
  if (kind === "restart") world.restart(process);
  if (kind === "fetch") world.fetch(process);
  if (kind === "end" && world.processes.length > 1)
    world.processes = world.processes.filter((other) => other !== process);
}

/** What somebody does in Keycloak's console; nobody removes the key that signs. */
function meddle(
  kind: "disable" | "enable" | "remove" | "acknowledge",
  which: number,
  world: World,
  program: Program,
): void {
  const key = world.keys[which % Math.max(1, world.keys.length)];
  const isSigner = key && isTrusted(key) && rotationOf(key.componentName) === program.rotation;
  if (!key || isSigner) return;
  if (kind === "acknowledge" && !isTrusted(key)) world.acknowledged.add(key.kid);
  if (kind === "disable" && isTrusted(key)) world.disableByHand(key.kid);
  if (kind === "enable" && !isTrusted(key)) world.enableByHand(key.kid);
  if (kind === "remove" && world.keys.length > 1) world.removeByHand(key.kid, program.knows(key.kid));
}

suite("the ledger through ten thousand histories", () => {
  test("is never green while a process trusts a dead key, and is green when all was shown", () => {
    const counts: Counts = { green: 0, red: 0, shown: 0 };
    fc.assert(
      fc.property(fc.array(event, { minLength: 6, maxLength: 24, size: "max" }), (events) =>
        play(events, counts),
      ),
      { seed: 20_261_129, numRuns: 10_000, endOnFailure: false },
    );
    // Neither of the two is always so.
    assert.ok(counts.green > 1_000 && counts.red > 1_000, JSON.stringify(counts));
  });
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import { openStack } from "../../scripts/lab/stack.ts";

const day = 86_400_000;
/** Starting a process or a whole engine lies between two looks at the clock. */
const slack = 120_000;

/** What a script prints as JSON, in a Node process with this environment. */
async function evaluate(script: string, env: Record<string, string>): Promise<unknown> {
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

function assertMoved(milliseconds: unknown, offsetMs: number, what: string): void {
  const moved = Number(milliseconds) - Date.now();
  assert.ok(Math.abs(moved - offsetMs) < slack, `${what} is off by ${moved} ms instead of ${offsetMs} ms`);
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lab-clock-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("every way to read the wall clock of a process gives the moved time, other clocks do not", async () => {
  const script = `
    const before = performance.timeOrigin;
    console.log(JSON.stringify({
      now: Date.now(), made: new Date().getTime(), text: Date.parse(Date()), timeOrigin: before,
      given: new Date(5).getTime(), utc: Date.UTC(2000, 0), parsed: Date.parse("2000-01-01T00:00:00Z"),
    }))`;
  const seen = (await evaluate(script, movedClockEnv(-3 * day))) as Record<string, number>;
  for (const way of ["now", "made", "text"]) assertMoved(seen[way], -3 * day, way);
  assertMoved(seen.timeOrigin, 0, "performance.timeOrigin");
  assert.equal(seen.given, 5);
  assert.equal(seen.utc, seen.parsed);
});

test("Date stays a proper class under a moved clock, also for dates that Node makes itself", async () => {
  const script = `
    import { statSync } from "node:fs";
    class Own extends Date { get mine() { return true; } }
    const date = new Date(), own = new Own();
    console.log(JSON.stringify({
      instance: date instanceof Date, constructor: date.constructor === Date, name: Date.name, length: Date.length,
      own: own instanceof Own && own instanceof Date && own.mine, ownNow: Own.now(), ownMade: own.getTime(),
      ofNode: statSync(process.execPath).mtime instanceof Date, cloned: structuredClone(date) instanceof Date,
      keys: Object.keys(globalThis).includes("Date"), called: typeof Date(), fields: new Date(2000, 1, 29).getDate(),
    }))`;
  const { ownNow, ownMade, ...seen } = (await evaluate(script, movedClockEnv(day))) as Record<
    string,
    unknown
  >;
  const proper = { instance: true, constructor: true, own: true, ofNode: true, cloned: true };
  const shape = { name: "Date", length: 7, keys: false, called: "string", fields: 29 };
  assert.deepEqual(seen, { ...proper, ...shape });
  assertMoved(ownNow, day, "now of a subclass");
  assertMoved(ownMade, day, "a subclass");
});

test("child processes and worker threads have the moved clock too, moved once", async () => {
  const script = `
    import { execFileSync } from "node:child_process";
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    const source = "import('node:worker_threads').then(({ parentPort }) => parentPort.postMessage(Date.now()))";
    const [worker] = await once(new Worker(source, { eval: true }), "message");
    const child = Number(execFileSync(process.execPath, ["--print", "Date.now()"], { encoding: "utf8" }));
    console.log(JSON.stringify({ child, worker }))`;
  const { child, worker } = (await evaluate(script, movedClockEnv(day))) as Record<string, number>;
  assertMoved(child, day, "the clock of a child");
  assertMoved(worker, day, "the clock of a worker");
});

test("the environment keeps the NODE_OPTIONS that are there, and moving a moved clock replaces the offset", async (t) => {
  const before = process.env.NODE_OPTIONS;
  t.after(() => {
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
  });
  process.env.NODE_OPTIONS = "--no-deprecation  --stack-trace-limit=7";
  const once = movedClockEnv(day);
  assert.match(once.NODE_OPTIONS ?? "", /^--no-deprecation --stack-trace-limit=7 --import=file:\S+$/);
  process.env.NODE_OPTIONS = once.NODE_OPTIONS;
  const twice = movedClockEnv(2 * day);
  assert.equal(twice.NODE_OPTIONS, once.NODE_OPTIONS);
  assertMoved(await evaluate("console.log(Date.now())", twice), 2 * day, "the clock");
});

test("an offset that is not a whole number is refused, so that no run only seems to have a moved clock", async () => {
  assert.throws(() => movedClockEnv(0.5), RangeError);
  assert.throws(() => movedClockEnv(Number.NaN), RangeError);
  const broken = { ...movedClockEnv(0), LAB_CLOCK_OFFSET_MS: "tomorrow" };
  await assert.rejects(evaluate("console.log(1)", broken), /must be whole milliseconds, not "tomorrow"/);
  const { NODE_OPTIONS = "" } = movedClockEnv(0);
  assertMoved(await evaluate("console.log(Date.now())", { NODE_OPTIONS }), 0, "a clock without an offset");
});

const program = `
import * as pulumi from "@pulumi/pulumi";
const now = () => ({ seen: String(Date.now()) });
const provider = {
  create: async () => ({ id: "clock", outs: now() }),
  diff: async () => ({ changes: true }),
  update: async () => ({ outs: now() }),
};
class Clock extends pulumi.dynamic.Resource {
  declare readonly seen: pulumi.Output<string>;
}
export const resource = new Clock(provider, "clock", { seen: undefined }).seen;
export const ofProgram = String(Date.now());
`;

async function clockProject(t: TestContext): Promise<{ projectDir: string; backendDir: string }> {
  const projectDir = await temporary(t);
  const manifest = { name: "clock", private: true, type: "module", main: "index.ts" };
  const project = { name: "clock", runtime: { name: "nodejs", options: { typescript: false } } };
  await writeFile(join(projectDir, "package.json"), JSON.stringify(manifest));
  await writeFile(join(projectDir, "Pulumi.yaml"), JSON.stringify(project));
  await writeFile(join(projectDir, "index.ts"), program);
  const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
  await symlink(modules, join(projectDir, "node_modules"));
  return { projectDir, backendDir: await temporary(t) };
}

function modifiedAt(state: object | undefined): number {
  return state && "modified" in state ? Date.parse(String(state.modified)) : Number.NaN;
}

test("one run's moved clock is seen by program and dynamic resource, and the next run's is the real one", async (t) => {
  const stack = await openStack({ ...(await clockProject(t)), stack: "test" });
  t.after(() => stack.dispose());
  for (const [env, offsetMs] of [
    [movedClockEnv(40 * day), 40 * day],
    [undefined, 0],
  ] as const) {
    const { exitCode, output } = await stack.up([], env ? { env } : {});
    assert.equal(exitCode, 0, output);
    const { resource, ofProgram } = await stack.outputs();
    const [state] = (await stack.export()).deployment.resources?.filter(({ id }) => id === "clock") ?? [];
    // The CLI is a Go program: there, only what it starts has the moved clock.
    if (stack.engine === "local") assertMoved(modifiedAt(state), offsetMs, "the engine's clock");
    assertMoved(ofProgram, offsetMs, "the program's clock");
    assertMoved(resource, offsetMs, "the clock of a dynamic resource");
  }
});

test("a run's environment overrides the stack's, for that run only", async (t) => {
  const project = await clockProject(t);
  const source = 'export const seen = [process.env.LAB_BOTH, process.env.LAB_RUN ?? "absent"].join();';
  await writeFile(join(project.projectDir, "index.ts"), source);
  const stack = await openStack({ ...project, stack: "test", env: { LAB_BOTH: "of the stack" } });
  t.after(() => stack.dispose());
  const shown = async (env: Record<string, string>) => (await stack.preview([], { env })).output;
  assert.match(await shown({ LAB_BOTH: "of the run", LAB_RUN: "there" }), /"of the run,there"/);
  assert.match(await shown({}), /"of the stack,absent"/);
});

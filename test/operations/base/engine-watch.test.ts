import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { suite, type TestContext, test } from "node:test";
import { z } from "zod";

const addressShape = z.object({ port: z.number() });

/** What plays the engine: it accepts connections, and is gone when it is killed. */
async function engineFor(t: TestContext): Promise<{ address: string; kill: () => Promise<void> }> {
  const server = createServer((socket) => socket.destroy());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const kill = async () => {
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  t.after(kill);
  return { address: `127.0.0.1:${addressShape.parse(server.address()).port}`, kill };
}

/** A process as Pulumi starts a provider: it lives on until somebody ends it. */
function providerOf(t: TestContext, address: string, program: string) {
  const module = new URL("../../../components/operations/base/engine-watch.ts", import.meta.url).href;
  const source = `
    import { engineGone, seeEngine, watchEngine, whileWorking } from ${JSON.stringify(module)};
    watchEngine(process.argv.slice(1));
    setInterval(() => undefined, 60_000);
    ${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source, "--", address], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, exited: once(child, "exit"), line: async () => (await lines.next()).value };
}

suite("a provider process", { timeout: 60_000 }, () => {
  test("works while its engine is there, and stops at the next safe point when it is gone, and then ends", async (t) => {
    const engine = await engineFor(t);
    const provider = providerOf(
      t,
      engine.address,
      `await whileWorking(async () => {
        await seeEngine();
        console.log("the engine is there");
        await new Promise((resolve) => process.stdin.once("data", resolve));
        await seeEngine().catch((error) => console.log(error.code));
      });`,
    );
    assert.equal(await provider.line(), "the engine is there");
    await engine.kill();
    provider.child.stdin.write("go on\n");
    assert.equal(await provider.line(), "ENGINE_GONE");
    assert.deepEqual(await provider.exited, [1, null]);
  });

  test("that has nothing to do ends by itself when its engine is gone", async (t) => {
    const engine = await engineFor(t);
    const provider = providerOf(t, engine.address, `await seeEngine(); console.log("idle");`);
    assert.equal(await provider.line(), "idle");
    await engine.kill();
    assert.deepEqual(await provider.exited, [1, null]);
  });

  test("is told at once when its engine is gone, for work that nobody needs then", async (t) => {
    const engine = await engineFor(t);
    const provider = providerOf(
      t,
      engine.address,
      `await whileWorking(async () => {
        console.log(engineGone().aborted ? "gone" : "there");
        await new Promise((resolve) => engineGone().addEventListener("abort", resolve));
        console.log("gone");
      });`,
    );
    assert.equal(await provider.line(), "there");
    await engine.kill();
    assert.equal(await provider.line(), "gone");
  });

  test("that was not started by an engine watches nothing", async (t) => {
    const provider = providerOf(t, "--other", `await seeEngine(); console.log("on"); process.exit(0);`);
    assert.equal(await provider.line(), "on");
    assert.deepEqual(await provider.exited, [0, null]);
  });
});

import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { redactor } from "#operations/base/redact";
import { type RestartCommand, restartByCommand } from "#operations/fleet/restart-command";
import { refusingUrl, serve } from "../loopback-server.ts";

const redact = redactor(["refresh-token-0123456789"]);

async function place(t: TestContext): Promise<{ log: string; url: string }> {
  const directory = await mkdtemp(join(tmpdir(), "restart-command-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const { url } = await serve(t, (response) => response.writeHead(404).end());
  const log = join(directory, "api.log");
  await writeFile(log, "");
  return { log, url };
}

/** A command of a few lines of JavaScript. */
function script(code: string, ...args: string[]): string[] {
  return [process.execPath, "-e", code, ...args];
}

const printLog = (log: string) =>
  script("process.stdout.write(require('fs').readFileSync(process.argv[1]))", log);
const appendLine = (log: string, line: string) =>
  script("require('fs').appendFileSync(process.argv[1], process.argv[2] + '\\n')", log, line);

function settings(change: Partial<RestartCommand>): RestartCommand {
  return { command: [], logs: [], bootstrapPattern: "jwks bootstrap ok", timeoutMs: 2_000, ...change };
}

suite("restartByCommand", () => {
  test("the instance's name, host and port are put into the arguments, without a shell", async (t) => {
    const { log, url } = await place(t);
    const command = appendLine(log, "{name} {host} {port} $(whoami) {unknown}");
    await restartByCommand({ name: "api-1; rm -rf /", url }, settings({ command }), redact);
    const { hostname, port } = new URL(url);
    assert.equal(await readFile(log, "utf8"), `api-1; rm -rf / ${hostname} ${port} $(whoami) {unknown}\n`);
  });

  test("a bootstrap line that the restart has added is seen", async (t) => {
    const { log, url } = await place(t);
    const change = { command: appendLine(log, "JWKS bootstrap ok kids=1"), logs: printLog(log) };
    assert.deepEqual(await restartByCommand({ name: "api-1", url }, settings(change), redact), {
      bootstrap: "seen",
    });
  });

  test("a bootstrap line from before the restart does not count; the end of the log is shown without secrets", async (t) => {
    const { log, url } = await place(t);
    await appendFile(log, "JWKS bootstrap ok kids=1\n");
    const command = appendLine(log, "no keys with refresh-token-0123456789");
    const change = { command, logs: printLog(log), timeoutMs: 600 };
    await assert.rejects(
      restartByCommand({ name: "api-1", url }, settings(change), redact),
      (error: Error) => {
        assert.match(error.message, /^BOOTSTRAP_NOT_SEEN: api-1 .*\n {2}no keys with \[secret\]\n/);
        assert.doesNotMatch(error.message, /kids=1/);
        return true;
      },
    );
  });

  test("a command that fails is RESTART_FAILED with what it said, without secrets", async (t) => {
    const { url } = await place(t);
    const command = script("console.error('Bearer abcdef denied'); process.exit(7)");
    await assert.rejects(restartByCommand({ name: "api-1", url }, settings({ command }), redact), {
      code: "RESTART_FAILED",
      message: /api-1: .* ended with 7\n {2}Bearer \[secret\] denied/,
    });
  });

  test("a program that does not exist is RESTART_FAILED", async (t) => {
    const { url } = await place(t);
    const change = settings({ command: ["no-such-program-anywhere"] });
    await assert.rejects(restartByCommand({ name: "api-1", url }, change, redact), {
      code: "RESTART_FAILED",
      message: /ENOENT/,
    });
  });

  test("a command that hangs is stopped at its time limit", async (t) => {
    const { url } = await place(t);
    const change = settings({ command: script("setInterval(() => {}, 1000)"), timeoutMs: 500 });
    await assert.rejects(restartByCommand({ name: "api-1", url }, change, redact), {
      message: /limit 0.5 s/,
    });
  });

  test("an instance that does not come back is RESTART_FAILED", async () => {
    const change = settings({ command: script(""), timeoutMs: 500 });
    await assert.rejects(restartByCommand({ name: "api-1", url: await refusingUrl() }, change, redact), {
      code: "RESTART_FAILED",
      message: /does not answer after its restart: connection refused/,
    });
  });

  test("the commands do not see the environment variables of Pulumi and Keycloak", async (t) => {
    const { log, url } = await place(t);
    process.env.KEYCLOAK_CLIENT_SECRET = "secret-of-the-test";
    t.after(() => delete process.env.KEYCLOAK_CLIENT_SECRET);
    const code = "require('fs').appendFileSync(process.argv[1], Object.keys(process.env).join())";
    await restartByCommand({ name: "api-1", url }, settings({ command: script(code, log) }), redact);
    assert.doesNotMatch(await readFile(log, "utf8"), /(^|,)(KEYCLOAK|PULUMI)/);
  });
});

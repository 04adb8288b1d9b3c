import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { collect, type RunResult } from "../../scripts/lab/stack-engine.ts";
import { adoptedScenario, succeeded } from "./world.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Step {
  id?: string;
  name?: string;
  run?: string;
  env?: Record<string, string>;
}
interface Job {
  env?: Record<string, string>;
  steps: Step[];
}

/** The job of a workflow, which has one. */
async function jobOf(workflow: string): Promise<Job> {
  const { jobs } = parse(await readFile(join(root, ".github/workflows", workflow), "utf8")) as {
    jobs: Record<string, Job>;
  };
  return Object.values(jobs)[0] ?? assert.fail(workflow);
}

/** Stands for GitHub's CLI, which talks to GitHub only: notes what it is asked, and answers a list with what it is told. */
const gh = `#!/usr/bin/env node
import { appendFileSync, readFileSync } from "node:fs";
const args = process.argv.slice(2);
const file = args.map((arg) => /^body=@(.+)$/.exec(arg)?.[1]).find(Boolean) ?? args[args.indexOf("--body-file") + 1];
const body = args.some((arg) => arg.startsWith("body=@") || arg === "--body-file") ? readFileSync(file, "utf8") : "";
appendFileSync(process.env.GH_CALLS, JSON.stringify({ args, body }) + "\\n");
if (args.includes("--jq")) console.log(process.env.GH_FOUND);
`;

interface Call {
  args: string[];
  body: string;
}

/** A checkout as a runner has it: this repository, the stack's config file in it, and a `gh`. */
class Checkout {
  readonly directory: string;
  readonly #scenario: Scenario;

  private constructor(directory: string, scenario: Scenario) {
    this.directory = directory;
    this.#scenario = scenario;
  }

  static async of(t: TestContext, scenario: Scenario): Promise<Checkout> {
    const directory = await mkdtemp(join(tmpdir(), "checkout-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    for (const name of await readdir(root))
      if (!/^(\.|evidence$)/.test(name)) await symlink(join(root, name), join(directory, name));
    await copyFile(scenario.stack.configFile, join(directory, "Pulumi.drill.yaml"));
    await mkdir(join(directory, ".bin"));
    await writeFile(join(directory, ".bin/gh"), gh);
    await chmod(join(directory, ".bin/gh"), 0o755);
    return new Checkout(directory, scenario);
  }

  /** Runs a step as the runner does, with what GitHub would put into its environment. */
  async run({ env: jobEnv = {} }: Job, step: Step, more: Record<string, string> = {}): Promise<RunResult> {
    const own = Object.entries({ ...jobEnv, ...step.env }).filter(([, value]) => !value.includes("${{"));
    const env = {
      ...this.#scenario.stack.environment,
      ...Object.fromEntries(own),
      STACK: "drill",
      GITHUB_REPOSITORY: "o/r",
      GITHUB_SERVER_URL: "https://git.example.com",
      GITHUB_RUN_ID: "1",
      GITHUB_OUTPUT: join(this.directory, "output"),
      PULL_REQUEST: "7",
      GH_CALLS: join(this.directory, "calls"),
      GH_FOUND: "",
      ...more,
    };
    await writeFile(join(this.directory, "calls"), "");
    const path = [join(this.directory, ".bin"), this.#scenario.stack.environment.PATH].join(delimiter);
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run ?? "exit 9"], {
      cwd: this.directory,
      env: { ...env, PATH: path },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return collect(child, () => {});
  }

  async calls(): Promise<Call[]> {
    const text = await readFile(join(this.directory, "calls"), "utf8");
    return text
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Call);
  }

  read(name: string): Promise<string> {
    return readFile(join(this.directory, name), "utf8");
  }
}

function stepNamed({ steps }: Job, name: RegExp): Step {
  return steps.find((step) => name.test(step.id ?? step.name ?? "")) ?? assert.fail(`no step ${name}`);
}

suite("the workflows' own scripts", () => {
  test("preview.yml writes one comment and edits it the next time; drift.yml opens, updates and closes one issue", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 1 });
    const { admin, realm, stack } = scenario;
    await scenario.rotateTo(2, "INC-2");
    const checkout = await Checkout.of(t, scenario);

    const preview = await jobOf("preview.yml");
    succeeded(await checkout.run(preview, stepNamed(preview, /^preview$/)));
    const comment = stepNamed(preview, /^Comment$/);
    succeeded(await checkout.run(preview, comment));
    const [, posted] = await checkout.calls();
    assert.deepEqual(posted?.args.slice(0, 5), [
      "api",
      "--silent",
      "--method",
      "POST",
      "repos/o/r/issues/7/comments",
    ]);
    assert.match(
      posted?.body ?? "",
      /^<!-- jwks-break-glass preview: drill -->\n## .*emergency rotation 1 → 2\n/,
    );
    succeeded(await checkout.run(preview, comment, { GH_FOUND: "42" }));
    const [listed, edited] = await checkout.calls();
    assert.ok(listed?.args.join(" ").includes('startswith("<!-- jwks-break-glass preview: drill -->")'));
    assert.equal(edited?.args.slice(2, 5).join(" "), "--method PATCH repos/o/r/issues/comments/42");

    const drift = await jobOf("drift.yml");
    const look = async () => {
      await writeFile(join(checkout.directory, "output"), "");
      succeeded(await checkout.run(drift, stepNamed(drift, /^drift$/)));
      return /^code=(\d)$/m.exec(await checkout.read("output"))?.[1] ?? assert.fail("no code");
    };
    const tell = async (CODE: string, GH_FOUND: string) => {
      succeeded(await checkout.run(drift, stepNamed(drift, /issue/), { CODE, GH_FOUND }));
      return (await checkout.calls()).map(({ args }) => args.slice(0, 3).join(" "));
    };
    // The config is ahead of the last up.
    const CODE = await look();
    assert.equal(CODE, "2");
    assert.deepEqual(await tell(CODE, ""), ["issue list --repo", "issue create --repo"]);
    assert.match(
      (await checkout.calls())[1]?.body ?? "",
      /### warning: CONFIG_AHEAD[\s\S]*Run: https:\/\/git\.example\.com\/o\/r/,
    );
    assert.deepEqual(await tell(CODE, "5"), ["issue list --repo", "issue edit 5"]);
    const last = stepNamed(drift, /^Fail/);
    assert.equal((await checkout.run(drift, last, { CODE })).exitCode, 2);

    succeeded(await stack.up());
    assert.equal(await look(), "0");
    assert.deepEqual(await tell("0", "5"), ["issue list --repo", "issue close 5"]);
    assert.deepEqual(await tell("0", ""), ["issue list --repo"]);
    assert.equal((await checkout.run(drift, last, { CODE: "0" })).exitCode, 0);
    assert.equal((await admin.signingKeys(realm)).length, 1);
  });

  test("rotate.yml's up is a command line that Pulumi takes, and what it fails with fails the job", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 1 });
    const checkout = await Checkout.of(t, scenario);
    const job = await jobOf("rotate.yml");
    const step = job.steps.find(({ run = "" }) => /pulumi up/.test(run)) ?? assert.fail("no up");
    if (scenario.stack.engine === "local") {
      const shim = `#!/bin/sh\nexec "${process.execPath}" "${join(root, "scripts/lab/engine/cli.ts")}" "$@"\n`;
      await writeFile(join(checkout.directory, ".bin/pulumi"), shim, { mode: 0o755 });
    }
    const { output } = succeeded(await checkout.run(job, step));
    assert.match(output, /unchanged/);
    await writeFile(
      join(checkout.directory, "Pulumi.drill.yaml"),
      (await checkout.read("Pulumi.drill.yaml")).replace(/rotation: .*/, 'rotation: "0"'),
    );
    const refused = await checkout.run(job, step);
    assert.notEqual(refused.exitCode, 0);
    assert.match(
      refused.output,
      /SETTINGS_INVALID: 1 problem[\s\S]*rotation: is not a whole number of 1 or more/,
    );
  });
});

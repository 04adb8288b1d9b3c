import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { cacheDir, madeOnce } from "../scripts/lab/cache-dir.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
const folder = join(root, ".github", "workflows");
const names = (await readdir(folder)).filter((name) => name.endsWith(".yml"));

const actionlintVersion = "v1.7.12";

interface Step {
  uses?: string;
  run?: string;
}
interface Workflow {
  permissions?: Record<string, string>;
  jobs: Record<
    string,
    { if?: string; permissions?: Record<string, string>; steps: Step[]; environment?: string }
  >;
}

async function read(name: string): Promise<{ text: string; workflow: Workflow }> {
  const text = await readFile(join(folder, name), "utf8");
  return { text, workflow: parse(text) as Workflow };
}

/** Built once from its Go module. */
async function actionlint(): Promise<string> {
  const directory = await madeOnce(cacheDir("actionlint", actionlintVersion), async (GOBIN) => {
    const module = `github.com/rhysd/actionlint/cmd/actionlint@${actionlintVersion}`;
    await run("go", ["install", module], { env: { ...process.env, GOBIN, GOFLAGS: "" } });
  });
  return join(directory, "actionlint");
}

const hasGo = await run("go", ["version"]).then(
  () => true,
  () => false,
);

suite("the workflows", () => {
  test("pass actionlint", { skip: hasGo ? false : "Go is not installed" }, async () => {
    const paths = names.map((name) => join(folder, name));
    await assert.doesNotReject(run(await actionlint(), ["-no-color", ...paths]));
  });

  for (const name of names) {
    test(`${name}: actions are pinned by commit, with the version in a comment`, async () => {
      const { text } = await read(name);
      for (const line of text.split("\n").filter((one) => /\buses:/.test(one))) {
        assert.match(line, /uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d/, line);
      }
    });

    test(`${name}: the token is read-only unless a job says otherwise; npm scripts exist`, async () => {
      const { workflow } = await read(name);
      assert.deepEqual(workflow.permissions, { contents: "read" });
      const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
        scripts: Record<string, string>;
      };
      const calls = Object.values(workflow.jobs).flatMap(({ steps }) =>
        steps.flatMap(({ run: command = "" }) => [...command.matchAll(/npm run (?:--silent )?([\w:-]+)/g)]),
      );
      for (const [, script = ""] of calls) assert.ok(script in scripts, `npm run ${script}`);
    });
  }

  test("preview.yml gives no secret to a fork, rotate.yml needs an approval and never runs twice at once", async () => {
    const { workflow: preview } = await read("preview.yml");
    const own = "github.event.pull_request.head.repo.full_name == github.repository";
    assert.equal(preview.jobs.preview?.if, own);
    assert.deepEqual(preview.jobs.preview?.permissions, { contents: "read", "pull-requests": "write" });
    const { text, workflow: rotate } = await read("rotate.yml");
    assert.equal(rotate.jobs.rotate?.environment, "prod");
    assert.match(text, /cancel-in-progress: false/);
    assert.doesNotMatch(text, /pull_request/);
  });
});

suite("the GitLab example in docs/pipelines.md", () => {
  test("is YAML, has the same three jobs, and calls scripts that exist", async () => {
    const [, block = ""] =
      /^## GitLab\n\n((?: {4}.*\n|\n)+)/m.exec(await readFile(join(root, "docs/pipelines.md"), "utf8")) ?? [];
    const jobs = parse(block.replaceAll(/^ {4}/gm, "")) as Record<
      string,
      { stage?: string; script?: string[] }
    >;
    const staged = Object.entries(jobs).filter(([, { stage }]) => stage !== undefined);
    assert.deepEqual(
      staged.map(([name]) => name),
      ["preview", "rotate", "drift"],
    );
    const commands = staged.flatMap(([, { script = [] }]) => script).join("\n");
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const called = [...commands.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(
      ([, script = ""]) => script,
    );
    assert.deepEqual(called, ["preview", "drift"]);
    for (const script of called) assert.ok(script in scripts, `npm run ${script}`);
  });
});

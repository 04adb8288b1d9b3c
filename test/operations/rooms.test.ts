import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { suite, test } from "node:test";
import { projectDir } from "../../scripts/lab/scenario-project.ts";

const house = "components/operations";

/** Each room may import from those before it. `components/operations/README.md` says what they hold. */
const rooms = [
  "base",
  "telemetry",
  "keycloak",
  "keys",
  "canaries",
  "fleet",
  "proof",
  "enforce",
  "evidence",
  "notify",
  "config",
  "drift",
  "doctor",
  "phases",
];

interface Import {
  from: string;
  to: string;
}

async function importsBelow(folder: string): Promise<Import[]> {
  const imports: Import[] = [];
  for await (const from of glob("**/*.ts", { cwd: join(projectDir, folder) })) {
    const text = await readFile(join(projectDir, folder, from), "utf8");
    for (const [, to = ""] of text.matchAll(/(?:\bfrom |\bimport\()"([^"]+)"/g))
      imports.push({ from: join(folder, from), to });
  }
  return imports;
}

/** The room of a file of the house; undefined for other files. */
function roomOf(file: string): string | undefined {
  return file.startsWith(`${house}/`) ? file.split("/")[2] : undefined;
}

suite("the rooms of components/operations", () => {
  test("each imports only from those before it", async () => {
    const upwards = (await importsBelow(house)).filter(({ from, to }) => {
      const room = to.startsWith(".") ? roomOf(normalize(join(dirname(from), to))) : undefined;
      return room !== undefined && rooms.indexOf(room) > rooms.indexOf(roomOf(from) ?? "");
    });
    assert.deepEqual(upwards, []);
  });

  test("there is none that this list does not know", async () => {
    const found = new Set((await importsBelow(house)).map(({ from }) => roomOf(from)));
    assert.deepEqual([...found].toSorted(), rooms.toSorted());
  });

  test("none imports Pulumi or a script", async () => {
    const foreign = (await importsBelow(house)).filter(({ to }) => /^@pulumi|scripts\//.test(to));
    assert.deepEqual(foreign, []);
  });

  test("what a resource's methods import, and the state so remembers, is in the room of the phases", async () => {
    const files: string[] = [];
    for await (const file of glob("components/*.ts", { cwd: projectDir })) files.push(file);
    const texts = await Promise.all(files.map((file) => readFile(join(projectDir, file), "utf8")));
    const dynamic = texts.flatMap((text) =>
      [...text.matchAll(/\bimport\("([^"]+)"\)/g)].map(([, to = ""]) => to),
    );
    assert.ok(dynamic.length > 20);
    assert.deepEqual(
      dynamic.filter((to) => !to.startsWith("#phases/")),
      [],
    );
  });
});

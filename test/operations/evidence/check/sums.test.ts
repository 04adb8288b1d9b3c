import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { checkSums, listedFiles } from "#operations/evidence/check/sums";

/** A bundle in which each file holds its own name. */
const contents = new Map(listedFiles.map((name) => [name, Buffer.from(name)]));
const sumOf = (name: string) => createHash("sha256").update(name).digest("hex");
const lines = listedFiles.map((name) => `${sumOf(name)}  ${name}`);
const sums = `${lines.join("\n")}\n`;

type Files = Record<string, string | undefined>;

function check(change: Files) {
  const files = new Map([...contents, ["SHA256SUMS", Buffer.from(sums)]]);
  for (const [name, text] of Object.entries(change))
    if (text === undefined) files.delete(name);
    else files.set(name, Buffer.from(text));
  return checkSums(files);
}

const rows: [title: string, change: Files, problem: string][] = [
  [
    "there are none",
    { SHA256SUMS: undefined },
    "SHA256SUMS is missing: whether the files were changed can't be checked.",
  ],
  [
    "they leave out a file",
    { SHA256SUMS: sums.replace(`${lines[1]}\n`, "") },
    "SHA256SUMS does not list report.md.",
  ],
  [
    "they list a file that is not there",
    { "report.md": undefined },
    "report.md is missing, but SHA256SUMS lists it.",
  ],
  [
    "they list one file more, which is not there",
    { SHA256SUMS: `${sums}${sumOf("more")}  more\n` },
    "more is missing, but SHA256SUMS lists it.",
  ],
  [
    "a file was changed",
    { "report.md": "other" },
    "report.md was changed: its SHA-256 is not the one in SHA256SUMS.",
  ],
  [
    "there is a file that they do not list",
    { "notes.txt": "" },
    "notes.txt does not belong to the bundle: SHA256SUMS does not list it.",
  ],
  [
    "there is half of a file",
    { ".report.md.partial": "" },
    ".report.md.partial is left over from a write that was interrupted.",
  ],
  [
    "they do not end with a line break",
    { SHA256SUMS: `${sums}more` },
    "SHA256SUMS does not end with a line break.",
  ],
  ["a line is none", { SHA256SUMS: `${sums}\n` }, "SHA256SUMS: line 6 is not a checksum."],
  [
    "a line points elsewhere",
    { SHA256SUMS: `${sums}${sumOf("secret")}  ../secret\n` },
    "SHA256SUMS: line 6 is not a checksum.",
  ],
  ["they list one twice", { SHA256SUMS: `${sums}${lines[0]}\n` }, "SHA256SUMS lists evidence.json twice."],
];

suite("checksums", () => {
  for (const [title, change, problem] of rows)
    test(`where ${title}: found, and nothing else`, () => {
      assert.deepEqual(check(change), [{ level: "error", what: problem }]);
    });

  test("that fit are counted; a file that they list may be an additional one", () => {
    const more = `${sums}${sumOf("more")}  more\n`;
    for (const [change, count] of [
      [{}, 5],
      [{ "evidence.jws": "" }, 5],
      [{ SHA256SUMS: more, more: "more" }, 6],
    ] as const)
      assert.deepEqual(check(change), [
        { level: "ok", what: `All ${count} files that SHA256SUMS lists are present and unchanged.` },
      ]);
  });

  test("that leave out a file which is missing, too, name it", () => {
    const change = { SHA256SUMS: sums.replace(`${lines[1]}\n`, ""), "report.md": undefined };
    assert.deepEqual(check(change), [{ level: "error", what: "SHA256SUMS does not list report.md." }]);
  });
});

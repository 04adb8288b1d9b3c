import type { PreviewSummary, RealmSummary } from "./preview-summary.ts";
import type { TargetReach } from "./reach.ts";
import { actionsOf, factsOf, headline, unreachableOf } from "./words.ts";

/** GitHub takes 65,536 characters. */
export const maxCharacters = 64_000;

/** The hidden first line by which a workflow finds its own comment, to edit it in place. */
export function markerOf(stack: string): string {
  return `<!-- jwks-break-glass preview: ${stack.replaceAll(/[^\w./-]/g, "_")} -->`;
}

/** The summary as a comment on a pull request. Text from elsewhere is escaped. Pure. */
export function renderMarkdown(summary: PreviewSummary): string {
  const { stack, problems, warnings, realms, targets, outcome } = summary;
  const parts = [
    `${markerOf(stack)}\n## Signing keys, stack ${plain(stack)}: ${plain(headline(summary))}`,
    ...(problems.length > 0
      ? [`### Problems\n\nNothing is changed until these are fixed:\n\n${list(problems)}`]
      : []),
    ...(warnings.length > 0 ? [`### Warnings\n\n${list(warnings)}`] : []),
    table(["", ""], factsOf(summary)),
    ...(outcome === "refused" ? [] : realms.map((realm) => realmPart(realm))),
    ...targetPart(targets),
    "_Written by `npm run preview`, which changes nothing and calls no instance._",
  ];
  return fit(`${parts.join("\n\n")}\n`);
}

function realmPart(realm: RealmSummary): string {
  const users =
    realm.users.length > 0 && realm.problems.length === 0
      ? `\n\n**Users will notice:** ${realm.users.map(plain).join(" ")}`
      : "";
  return `### Realm ${plain(realm.realm)}\n\n${list(actionsOf(realm))}${users}`;
}

function targetPart(targets: readonly TargetReach[]): string[] {
  if (targets.length === 0) return [];
  const rows = targets.map((target): [string, string, string] => [
    target.name,
    String(target.instances),
    target.error ?? unreachableOf(target),
  ]);
  const body = table(["target", "instances", "unreachable"], rows.slice(0, 50));
  const more = rows.length > 50 ? `\n\nand ${rows.length - 50} more targets` : "";
  return [`<details><summary>Instances by target</summary>\n\n${body}${more}\n\n</details>`];
}

function list(lines: readonly string[]): string {
  const shown = lines.slice(0, 100).map((line) => `- ${plain(line)}`);
  return [...shown, ...(lines.length > 100 ? [`- and ${lines.length - 100} more`] : [])].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** One line of plain text: nothing in it acts as markup, a mention or a link. */
function plain(text: string): string {
  const line = text
    .trim()
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, 2_000);
  return line
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*[\]|!~]/g, "\\$&")
    .replaceAll("@", "@\u200b")
    .replaceAll(/(^|\s)#(?=\d)/g, "$1#\u200b");
}

/** Keeps whole lines from the top, and adds a note where the rest was left out. */
function fit(text: string): string {
  if (text.length <= maxCharacters) return text;
  const note = "\n\n_Shortened: the rest is in the job's log._\n";
  const kept = text.slice(0, maxCharacters - note.length);
  return kept.slice(0, kept.lastIndexOf("\n")) + note;
}

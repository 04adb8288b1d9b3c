import { z } from "zod";
import type { EngineRunner, StackPlace } from "../stack-reader.ts";

/** Result of the engine's own preview. */
export interface EnginePreview {
  ok: boolean;
  /** Number of resources for each operation, such as `{ create: 3, same: 8 }`. */
  changes: Record<string, number>;
  /** Messages of severity error, trimmed. */
  errors: string[];
}

const shape = z.looseObject({
  changeSummary: z.record(z.string(), z.number()).optional(),
  diagnostics: z.array(z.looseObject({ message: z.string().default(""), severity: z.string() })).nullish(),
});

/** Runs the engine's preview. Dynamic resources and their providers change nothing in one. */
export async function previewByEngine(
  { stack, configFile }: StackPlace,
  runner: EngineRunner,
): Promise<EnginePreview> {
  const file = configFile === undefined ? [] : ["--config-file", configFile];
  const { exitCode, stdout, stderr } = await runner.run(["preview", "--json", "--stack", stack, ...file]);
  const read = shape.safeParse(parseJson(stdout));
  if (!read.success)
    return { ok: false, changes: {}, errors: [lastLines(stderr) || "the engine printed nothing"] };
  const { changeSummary = {}, diagnostics } = read.data;
  const errors = (diagnostics ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ message }) => message.trim());
  const ok = exitCode === 0;
  return { ok, changes: changeSummary, errors: ok || errors.length > 0 ? errors : [lastLines(stderr)] };
}

/** The CLI may print a line before its JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf("{")));
  } catch {
    return undefined;
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-5).join("\n");
}

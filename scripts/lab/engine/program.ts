import type { ConfigValues } from "../../stack-file/config-values.ts";
import type { Project } from "../../stack-file/project.ts";
import type { NodeChild } from "./child-process.ts";
import { startNode } from "./child-process.ts";
import { sdkModule } from "./proto.ts";

export interface ProgramOptions {
  readonly project: Project;
  readonly stack: string;
  readonly config: ConfigValues;
  readonly dryRun: boolean;
  readonly parallel: number;
  /** Address of the server of both ResourceMonitor and Engine. */
  readonly address: string;
  onLine(stream: "stdout" | "stderr", line: string): void;
}

/** The SDK's exit code for "failed, and the reason was printed". */
export const ALREADY_REPORTED_EXIT_CODE = 32;

// The SDK expects the long form of a key, `namespace:config:name`.
function configEnv(config: ConfigValues): Record<string, string> {
  const values = [...config].map(([key, { text }]) => [key.replace(":", ":config:"), text]);
  const secrets = [...config].filter(([, { secret }]) => secret).map(([key]) => key);
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(values)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secrets),
  };
}

/** Starts the SDK's language host with the program. Secrets reach it by environment only. */
export function startProgram(options: ProgramOptions): NodeChild {
  const { project, stack, dryRun, parallel, address } = options;
  const flags = {
    monitor: address,
    engine: address,
    project: project.name,
    stack,
    organization: "organization",
    parallel: String(parallel),
    pwd: project.dir,
    "root-directory": project.dir,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  if (dryRun) args.push("--dry-run");
  const typescript = project.options.typescript === false ? "false" : "true";
  return startNode({
    script: sdkModule("cmd/run"),
    args: [...args, project.main],
    cwd: project.dir,
    env: { ...configEnv(options.config), PULUMI_NODEJS_TYPESCRIPT: typescript },
    onLine: options.onLine,
  });
}

import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import type { CheckedConfig } from "./inspect-stack.ts";

/** The acknowledgements of the config, with who made them. */
export function acknowledgements(
  { acknowledge }: Pick<CheckedConfig, "acknowledge">,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Acknowledgement[] {
  if (acknowledge.length === 0) return [];
  const by = env.GITHUB_ACTOR ?? env.GITLAB_USER_LOGIN ?? userName();
  const commit = env.GITHUB_SHA ?? env.CI_COMMIT_SHA ?? headCommit();
  return acknowledge.map((one) => ({ ...one, by, ...(commit ? { commit } : {}) }));
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

function headCommit(): string | undefined {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", timeout: 2_000 });
  return status === 0 ? stdout.trim() : undefined;
}

import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";
import type { Acknowledgement } from "../proof/acknowledgement.ts";

export type { Acknowledgement };

/** The acknowledgements of the config, with who made them. */
export function acknowledgements(
  given: readonly Pick<Acknowledgement, "kid" | "reason">[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Acknowledgement[] {
  const by = env.GITHUB_ACTOR ?? env.GITLAB_USER_LOGIN ?? userName();
  const commit = env.GITHUB_SHA ?? env.CI_COMMIT_SHA ?? headCommit();
  return given.map(({ kid, reason }) => ({ kid, reason, by, ...(commit ? { commit } : {}) }));
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

import { checkConfig, parseStructured } from "#operations/config/inspect-stack";
import { examineStack } from "#operations/doctor/examine-stack";
import { buildReport, type DoctorReport } from "#operations/doctor/report";
import type { UndoGuard } from "#operations/doctor/undo-guard";
import { configureKubernetes } from "#operations/fleet/kubernetes/kubernetes-defaults";
import { readConnection } from "#operations/keycloak/connection";
import { knownRealms } from "../drift/known-state.ts";
import { namespaceOf, type StackContents } from "../stack-reader.ts";
import { apiRefreshTokens } from "./api-refresh-tokens.ts";

/** The stack's config is wrong: an emergency would be refused, and nothing else can be checked. */
export class ConfigInvalidError extends Error {
  override readonly name = "ConfigInvalidError";

  constructor(stack: string, problems: readonly string[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const list = problems.map((problem) => `\n  - ${problem}`).join("");
    super(
      `SETTINGS_INVALID: ${count} in the config of stack ${stack}; nothing was checked.${list}\nIn an emergency: the update is refused, and the stolen key stays alive.\nNext: fix them with \`pulumi config set\` or in the stack's config file, then run this check again.`,
    );
  }
}

/** Where the check runs, beside the stack itself. */
export interface DoctorPlace {
  projectDir: string;
  env: NodeJS.ProcessEnv;
  guard: UndoGuard;
  /** Shows a line to the user. */
  progress: (line: string) => void;
}

/**
 * Tries out the stack's next emergency.
 *
 * @throws {ConfigInvalidError} with every problem in the config
 */
export async function checkStack(contents: StackContents, place: DoctorPlace): Promise<DoctorReport> {
  const startedAt = Date.now();
  const given = namespaceOf(contents, contents.project);
  const keycloak = namespaceOf(contents, "keycloak");
  const kubernetes = namespaceOf(contents, "kubernetes");
  configureKubernetes((key) => kubernetes[key]);
  const { config, problems } = checkConfig(given);
  const read = readConnection((key) => keycloak[key], place.env);
  const all = [...problems, ...("problems" in read ? read.problems : [])];
  if (!config || "problems" in read || all.length > 0) throw new ConfigInvalidError(contents.name, all);
  const found = await examineStack({
    config,
    structured: parseStructured(given),
    connection: read.connection,
    apiRefreshTokens: await apiRefreshTokens(contents, {
      configured: config.apiRefreshToken,
      targets: [config.targets, ...config.realm.map(({ targets }) => targets ?? [])].flat(),
      env: place.env,
    }),
    frozenRealms: knownRealms(contents).flatMap(({ realm, frozenAt }) => (frozenAt ? [realm] : [])),
    ...place,
  });
  const [checkedAt, tookMs] = [new Date(startedAt).toISOString(), Date.now() - startedAt];
  return buildReport({ stack: contents.name, checkedAt, tookMs, ...found });
}

/** How to reach and log in to Keycloak's Admin REST API: the settings that @pulumi/keycloak's provider takes. */
export interface KeycloakConnection {
  /** Base URL without the base path and without a trailing slash. */
  url: string;
  /** URL of the Admin REST API where it differs from `url`. */
  adminUrl: string;
  /** Path prefix, e.g. `/auth` on servers before 17. Default: none. */
  basePath: string;
  /** Realm to log in to. Default: `master`. */
  realm: string;
  clientId: string;
  clientSecret?: string;
  username?: string;
  password?: string;
  /** Milliseconds for one request. Default: 15000. */
  timeoutMs: number;
  rootCaCertificate?: string;
  tlsInsecureSkipVerify: boolean;
}

export type Lookup = (key: string) => string | undefined;

interface ConnectionKey {
  /** The provider's own environment variable for it. */
  env?: string;
  meaning: string;
}

/** The keys of the `keycloak:` namespace that this program takes. */
export const connectionKeys: Record<string, ConnectionKey> = {
  url: { env: "KEYCLOAK_URL", meaning: "Base URL, without the base path. Required." },
  adminUrl: {
    env: "KEYCLOAK_ADMIN_URL",
    meaning: "URL of the Admin REST API where it differs. Default: `url`",
  },
  basePath: { env: "KEYCLOAK_BASE_PATH", meaning: "Path prefix, such as `/auth` on servers before 17" },
  realm: {
    env: "KEYCLOAK_REALM",
    meaning: "Realm to log in to, not the one that is rotated. Default: `master`",
  },
  clientId: { env: "KEYCLOAK_CLIENT_ID", meaning: "The admin client. Required." },
  clientSecret: {
    env: "KEYCLOAK_CLIENT_SECRET",
    meaning: "Its secret; required unless there are a user name and a password",
  },
  username: { env: "KEYCLOAK_USER", meaning: "An administrator, instead of a secret" },
  password: { env: "KEYCLOAK_PASSWORD", meaning: "The administrator's password" },
  clientTimeout: {
    env: "KEYCLOAK_CLIENT_TIMEOUT",
    meaning:
      "Seconds for one request. Default: 15; making a key gets 60 at least. In an emergency the first attempt of a request gets 3 at most, until the keys are disabled",
  },
  rootCaCertificate: { meaning: "PEM of a CA to trust" },
  tlsInsecureSkipVerify: { meaning: "`true` takes any certificate; not for production" },
};

/** Ways to log in that the provider knows and this program does not; naming them beats a puzzling 401. */
const unsupported = ["accessToken", "jwtSigningKey", "jwtToken", "jwtTokenFile", "tlsClientCertificate"];

/**
 * Reads the `keycloak:` namespace, with the provider's own environment variables as fallback, so that the
 * provider and this program always talk to the same server as the same client.
 *
 * @param lookup the value of a key of the `keycloak:` namespace
 * @returns the connection, or every problem found
 */
export function readConnection(
  lookup: Lookup,
  env: NodeJS.ProcessEnv = process.env,
): { connection: KeycloakConnection } | { problems: string[] } {
  const get = (key: string): string | undefined =>
    lookup(key) || env[connectionKeys[key]?.env ?? ""] || undefined;
  const problems = connectionProblems(get);
  if (problems.length > 0) return { problems };
  const url = trimSlash(get("url") ?? "");
  const optional = (key: "clientSecret" | "username" | "password" | "rootCaCertificate") => {
    const value = get(key);
    return value === undefined ? {} : { [key]: value };
  };
  return {
    connection: {
      url,
      adminUrl: trimSlash(get("adminUrl") ?? url),
      basePath: trimSlash(get("basePath") ?? ""),
      realm: get("realm") ?? "master",
      clientId: get("clientId") ?? "admin-cli",
      timeoutMs: Number(get("clientTimeout") ?? 15) * 1000,
      tlsInsecureSkipVerify: get("tlsInsecureSkipVerify") === "true",
      ...optional("clientSecret"),
      ...optional("username"),
      ...optional("password"),
      ...optional("rootCaCertificate"),
    },
  };
}

function connectionProblems(get: Lookup): string[] {
  const problems: string[] = [];
  for (const key of ["url", "adminUrl"] as const) {
    const value = get(key);
    if (value === undefined && key === "url") {
      problems.push("keycloak:url is missing: set it, or KEYCLOAK_URL, to Keycloak's base URL");
    } else if (value !== undefined && !isHttpUrl(value)) {
      problems.push(
        `keycloak:${key} is not an http(s) URL: give Keycloak's base URL, e.g. https://sso.example.com`,
      );
    }
  }
  if (get("clientId") === undefined) {
    problems.push("keycloak:clientId is missing: set it, or KEYCLOAK_CLIENT_ID, to the admin client");
  }
  const hasPassword = get("username") !== undefined && get("password") !== undefined;
  if (get("clientSecret") === undefined && !hasPassword) {
    problems.push(
      "keycloak:clientSecret is missing: set it with --secret, or KEYCLOAK_CLIENT_SECRET (or a username and password)",
    );
  }
  if (/^[^/]/.test(get("basePath") ?? ""))
    problems.push("keycloak:basePath does not start with /, e.g. /auth");
  const timeout = Number(get("clientTimeout") ?? 15);
  if (!(timeout > 0 && timeout <= 3600))
    problems.push("keycloak:clientTimeout is not a number of seconds up to 3600");
  for (const key of unsupported) {
    if (get(key) !== undefined) {
      problems.push(
        `keycloak:${key} is not supported here: log in with a client secret, or a username and password`,
      );
    }
  }
  return problems;
}

/** Whether a text is an absolute http or https URL without credentials in it. */
export function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

export function trimSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

const configured = Promise.withResolvers<KeycloakConnection>();

/**
 * Called from a dynamic provider's `configure`. Pulumi hands the provider out before `configure` has finished,
 * so the methods await {@link connection} instead of reading a field.
 */
export function configureConnection(lookup: Lookup): void {
  const read = readConnection(lookup);
  if ("problems" in read) configured.reject(new Error(read.problems.join("; ")));
  else configured.resolve(read.connection);
  configured.promise.catch(() => undefined);
}

/** The connection that the running stack was configured with. */
export function connection(): Promise<KeycloakConnection> {
  return configured.promise;
}

import { Agent, request } from "undici";

/** A Keycloak that the lab may administer. */
export interface KeycloakConnection {
  /** Base URL without a slash at its end. */
  readonly url: string;
  /** A service client of the master realm that may do everything. */
  readonly adminClientId: string;
  readonly adminClientSecret: string;
}

/** A running Keycloak of the lab. */
export interface LabKeycloak extends KeycloakConnection {
  readonly startedBy: "given-url" | "installation" | "container";
  /** Stops it, if this call of startKeycloak started it. */
  stop(): Promise<void>;
}

// An idle connection must not keep a test file from ending after its Keycloak has stopped.
const agent = new Agent({ keepAliveTimeout: 1_000, headersTimeout: 60_000, bodyTimeout: 60_000 });

/** One HTTP exchange with Keycloak; the body is parsed where it is JSON. */
export async function exchange(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; signal?: AbortSignal },
): Promise<{ status: number; headers: Record<string, unknown>; body: unknown }> {
  const { method = "GET", ...rest } = options;
  const answer = await request(url, { ...rest, method: method as "GET", dispatcher: agent });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

/** Asks a realm's token endpoint. Throws with Keycloak's own reason where it refuses. */
export async function fetchToken(url: string, realm: string, form: Record<string, string>): Promise<string> {
  const { status, body } = await exchange(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
  if (status === 200 && typeof body === "object" && body !== null && "access_token" in body) {
    return String(body.access_token);
  }
  throw new Error(`Keycloak issued no token in realm ${realm}: ${status} ${JSON.stringify(body)}`);
}

/** An administrator's token. It is valid for a minute. */
export function fetchAdminToken(keycloak: KeycloakConnection): Promise<string> {
  return fetchToken(keycloak.url, "master", {
    grant_type: "client_credentials",
    client_id: keycloak.adminClientId,
    client_secret: keycloak.adminClientSecret,
  });
}

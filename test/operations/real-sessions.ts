import type { ClientCredentials, Login } from "../../scripts/lab/keycloak-realms.ts";
import type { RealRealm } from "./real-realm.ts";

/** Users of a client of a real realm, and their sessions. */
export interface RealLogins {
  client: ClientCredentials;
  /** @param scope default: `openid`; with `offline_access` the refresh token is an offline one */
  login: (username: string, scope?: string) => Promise<Login>;
  /** Whether Keycloak gives new tokens for the session's refresh token. */
  isAlive: (session: Pick<Login, "refresh_token">) => Promise<boolean>;
}

/** Makes a client, and users that log in by it. */
export async function logins({ lab, realm }: RealRealm, usernames: string[]): Promise<RealLogins> {
  const client = await lab.createClient(realm.name, "web");
  for (const name of usernames) await lab.createUser(realm.name, name, { password: `${name}-password` });
  return {
    client,
    login: (name, scope) => lab.login(realm.name, client, name, `${name}-password`, scope),
    isAlive: async ({ refresh_token }) =>
      (await lab.refresh(realm.name, client, refresh_token)).status === 200,
  };
}

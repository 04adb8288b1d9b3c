import type { ClientCredentials, Login, TokenAnswer } from "../lab/keycloak-realms.ts";
import type { DrillScenario } from "./open-lab.ts";

/** The admin path of the API. */
export const adminPath = "/api/admin";

/** The administrators of the API, and the client that they log in with. */
export class BackOffice {
  readonly scenario: DrillScenario;
  readonly #client: ClientCredentials;

  private constructor(scenario: DrillScenario, client: ClientCredentials) {
    this.scenario = scenario;
    this.#client = client;
  }

  static async open(scenario: DrillScenario): Promise<BackOffice> {
    const { admin, realm } = scenario;
    return new BackOffice(scenario, await admin.createPublicClient(realm, "shop-back-office"));
  }

  async hire(username: string): Promise<void> {
    const { admin, realm } = this.scenario;
    await admin.createUser(realm, username, { password: passwordOf(username), realmRoles: ["admin"] });
  }

  /**
   * @param client default: the back office's
   * @throws Error with Keycloak's refusal
   */
  login(username: string, client = this.#client): Promise<Login> {
    const { admin, realm } = this.scenario;
    return admin.login(realm, client, username, passwordOf(username));
  }

  refresh(refreshToken: string): Promise<TokenAnswer> {
    const { admin, realm } = this.scenario;
    return admin.refresh(realm, this.#client, refreshToken);
  }
}

function passwordOf(username: string): string {
  return `${username}-password`;
}

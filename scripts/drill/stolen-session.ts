import { styleText } from "node:util";
import { decodeJwt, decodeProtectedHeader } from "jose";
import type { Login, TokenAnswer } from "../lab/keycloak-realms.ts";
import { areAll, shareOf, statusesAt } from "./ask-fleet.ts";
import { adminPath, type BackOffice } from "./back-office.ts";
import type { PhaseListener } from "./follow.ts";
import { nounOf } from "./open-lab.ts";
import type { DemoResult, PhaseDemo } from "./phase-demo.ts";
import { say } from "./say.ts";

const victim = "alicia";
const colleague = "bob";
const accepted = 200;
const denied = 403;

/**
 * A stolen session of an administrator. Keycloak signs refresh tokens with an internal key, so the thief gets an access
 * token of the new key as soon as it signs. Only ending the session and the deny-list stop that.
 */
export class StolenSession implements PhaseDemo {
  readonly name = "sessions";
  readonly config = { sessions: { revoke: { users: [victim] } } };
  readonly #office: BackOffice;
  readonly #stolen: Login;
  readonly #colleague: Login;
  readonly #attempts: Promise<TokenAnswer>[] = [];

  private constructor(office: BackOffice, stolen: Login, other: Login) {
    this.#office = office;
    this.#stolen = stolen;
    this.#colleague = other;
  }

  /** @throws Error where the session does not work before the emergency */
  static async begin(office: BackOffice): Promise<StolenSession> {
    for (const username of [victim, colleague]) await office.hire(username);
    const theft = new StolenSession(office, await office.login(victim), await office.login(colleague));
    const { works, line } = await theft.#probe(theft.#stolen.refresh_token);
    if (!works) throw new Error(`the session of ${victim} does not work even before the emergency: ${line}`);
    say(`the stolen session of the administrator ${victim}: ${line}`);
    return theft;
  }

  /** The thief asks for a token as soon as the new key signs, before any session has ended. */
  readonly onPhase: PhaseListener = (phase) => {
    if (phase !== "cut-over") return;
    const asked = this.#office.refresh(this.#stolen.refresh_token);
    this.#attempts.push(asked.catch(() => ({ status: 0, body: {} })));
  };

  async after(): Promise<DemoResult> {
    const refresh = await this.#office.refresh(this.#stolen.refresh_token);
    const refused = refresh.status !== accepted;
    say(
      `${victim}'s session: Keycloak ${refused ? `refuses to refresh it (${refresh.body.error})` : "STILL REFRESHES IT"}`,
    );
    const isDenied = await this.#isStolenTokenDenied();
    const { works, line } = await this.#probe(this.#colleague.refresh_token);
    say(`${colleague}'s session, which is not listed: ${line}`);
    const ok = refused && isDenied && works;
    if (!refused || !isDenied) say(styleText("red", "it is not proven that the thief is locked out"));
    if (!works) say(styleText("red", `${colleague} was logged out, although the session is not listed`));
    return {
      ok,
      found: { refreshRefused: refused, tokenOfNewKeyDenied: isDenied, unlistedLives: works },
    };
  }

  /** Whether every instance refuses the thief's token of the new key because its session is on the deny-list. */
  async #isStolenTokenDenied(): Promise<boolean> {
    const token = await this.#tokenOfNewKey();
    if (token === undefined) {
      say(
        `the thief got no token of the new key from ${victim}'s session, so the deny-list could not be shown to work`,
      );
      return false;
    }
    const { exp = 0 } = decodeJwt(token);
    const left = Math.floor(exp - Date.now() / 1000);
    const statuses = await statusesAt(this.#office.scenario.fleet, adminPath, token);
    const share = `${shareOf(statuses, denied)} ${nounOf(this.#office.scenario)}s`;
    say(
      `the thief's token of the new key, valid for another ${left} s: refused by ${share} (${denied}, deny-list)`,
    );
    return left > 0 && areAll(statuses, denied);
  }

  async #tokenOfNewKey(): Promise<string | undefined> {
    const before = kidOf(this.#stolen.access_token);
    const tokens = (await Promise.all(this.#attempts)).map(({ body }) => body.access_token);
    return tokens.find((token) => token !== undefined && kidOf(token) !== before);
  }

  /** Whether a session can be refreshed, and the API accepts its new tokens as an administrator's. */
  async #probe(refreshToken: string): Promise<{ works: boolean; line: string }> {
    const { status, body } = await this.#office.refresh(refreshToken);
    const { access_token: token } = body;
    if (status !== accepted || token === undefined) {
      return { works: false, line: `it can't be refreshed (${body.error ?? status})` };
    }
    const { fleet } = this.#office.scenario;
    const statuses = await statusesAt(fleet, adminPath, token);
    const share = `${shareOf(statuses, accepted)} ${nounOf(this.#office.scenario)}s`;
    return {
      works: areAll(statuses, accepted),
      line: `its refresh token gives new tokens, and ${share} accept them at ${adminPath}`,
    };
  }
}

function kidOf(token: string): string | undefined {
  return decodeProtectedHeader(token).kid;
}

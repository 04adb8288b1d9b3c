import { styleText } from "node:util";
import { decodeJwt, decodeProtectedHeader } from "jose";
import type { Login, TokenAnswer } from "../lab/keycloak-realms.ts";
import { areAll, shareOf, statusesAt } from "./ask-fleet.ts";
import { adminPath, type BackOffice } from "./back-office.ts";
import type { Beside, BesideFindings } from "./beside.ts";
import type { PhaseListener } from "./follow.ts";
import { nounOf } from "./open-lab.ts";
import { say } from "./say.ts";

const victim = "alicia";
const colleague = "bob";
const accepted = 200;
const denied = 403;

/**
 * An administrator's session in a thief's hands. Refresh tokens are signed with a key of Keycloak's own, so that the
 * thief gets a token of the new key as soon as this one signs: what ends that are the session's end and the deny-list.
 */
export class StolenSession implements Beside {
  readonly name = "sessions";
  readonly config = { sessions: { revoke: { users: [victim] } } };
  readonly #office: BackOffice;
  readonly #stolen: Login;
  readonly #colleague: Login;
  readonly #tries: Promise<TokenAnswer>[] = [];

  private constructor(office: BackOffice, stolen: Login, other: Login) {
    this.#office = office;
    this.#stolen = stolen;
    this.#colleague = other;
  }

  /** @throws Error where the session does not work before */
  static async begin(office: BackOffice): Promise<StolenSession> {
    for (const username of [victim, colleague]) await office.hire(username);
    const theft = new StolenSession(office, await office.login(victim), await office.login(colleague));
    const { works, line } = await theft.#life(theft.#stolen.refresh_token);
    if (!works) throw new Error(`the session of ${victim} does not even work before the emergency: ${line}`);
    say(`stolen session of the administrator ${victim}: ${line}`);
    return theft;
  }

  /** As soon as the new key signs, before any session has ended, the thief asks for a token of it. */
  readonly onPhase: PhaseListener = (phase) => {
    if (phase !== "cut-over") return;
    const asked = this.#office.refresh(this.#stolen.refresh_token);
    this.#tries.push(asked.catch(() => ({ status: 0, body: {} })));
  };

  async after(): Promise<BesideFindings> {
    const refresh = await this.#office.refresh(this.#stolen.refresh_token);
    const refused = refresh.status !== accepted;
    say(
      `${victim}'s session: Keycloak ${refused ? `refuses to refresh it (${refresh.body.error})` : "STILL REFRESHES IT"}`,
    );
    const isDenied = await this.#tryLoot();
    const { works, line } = await this.#life(this.#colleague.refresh_token);
    say(`${colleague}'s session, which is not listed: ${line}`);
    const ok = refused && isDenied && works;
    if (!refused || !isDenied) say(styleText("red", "that the thief is out is not proven"));
    if (!works) say(styleText("red", `${colleague} was thrown out, and should not have been`));
    return {
      ok,
      found: { refreshRefused: refused, tokenOfNewKeyDenied: isDenied, unlistedLives: works },
    };
  }

  /** Whether every instance refuses the token that the thief got of the new key, because of its session. */
  async #tryLoot(): Promise<boolean> {
    const token = await this.#tokenOfNewKey();
    if (token === undefined) {
      say(
        `the thief got no token of the new key for ${victim}'s session, so the deny-list had nothing to refuse`,
      );
      return false;
    }
    const { exp = 0 } = decodeJwt(token);
    const left = Math.floor(exp - Date.now() / 1000);
    const statuses = await statusesAt(this.#office.scenario.fleet, adminPath, token);
    const share = `${shareOf(statuses, denied)} ${nounOf(this.#office.scenario)}s`;
    say(
      `a token of the new key that the thief got for it, good for another ${left} s: refused by ${share} (${denied}, deny-list)`,
    );
    return left > 0 && areAll(statuses, denied);
  }

  async #tokenOfNewKey(): Promise<string | undefined> {
    const before = kidOf(this.#stolen.access_token);
    const tokens = (await Promise.all(this.#tries)).map(({ body }) => body.access_token);
    return tokens.find((token) => token !== undefined && kidOf(token) !== before);
  }

  /** Whether a session gives tokens that administrate. */
  async #life(refreshToken: string): Promise<{ works: boolean; line: string }> {
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
      line: `its refresh token gives new tokens, and ${share} take them at ${adminPath}`,
    };
  }
}

function kidOf(token: string): string | undefined {
  return decodeProtectedHeader(token).kid;
}

import { styleText } from "node:util";
import { request } from "undici";
import type { ApiProcess } from "../lab/api-fleet.ts";
import { areAll, askFleet, shareOf } from "./ask-fleet.ts";
import { adminPath, type BackOffice } from "./back-office.ts";
import type { Beside, BesideFindings } from "./beside.ts";
import type { PhaseListener } from "./follow.ts";
import { nounOf } from "./open-lab.ts";
import { say, sayPhase } from "./say.ts";

const administrator = "olivia";
const accepted = 200;
const frozen = 423;
const timeoutMs = 10_000;

/** What an administrator could do at one moment. */
interface Look {
  /** Of each instance, to a write; undefined where none came. */
  writes: (number | undefined)[];
  canEnter: boolean;
}

/** An administrator who goes on trying to work while an emergency runs. */
export class FreezeWatch implements Beside {
  readonly name = "freeze";
  readonly config = { freeze: "both" };
  readonly #office: BackOffice;
  /** Of a login before the emergency: none can be had of another key while this one signs. */
  readonly #token: string;
  #during: Promise<Look | Error> | undefined;

  private constructor(office: BackOffice, token: string) {
    this.#office = office;
    this.#token = token;
  }

  /** @throws Error where the administrator can't work before */
  static async begin(office: BackOffice): Promise<FreezeWatch> {
    await office.hire(administrator);
    const { access_token } = await office.login(administrator);
    const watch = new FreezeWatch(office, access_token);
    const look = await watch.#look(access_token);
    if (!isFree(look)) throw new Error(`${administrator} can't even work before the emergency`);
    say(`the administrator ${administrator}: ${watch.#describe(look)}`);
    return watch;
  }

  /** The canaries are minted once everything is frozen, and while the old key is still trusted. */
  readonly onPhase: PhaseListener = (phase) => {
    if (phase !== "canary" || this.#during) return;
    this.#during = this.#look(this.#token).catch((error: unknown) => asError(error));
    void this.#during.then((look) => sayPhase("admin", this.#describe(look)));
  };

  /** It must hold after a red rotation, and be gone after a green one. */
  async after(verified: boolean): Promise<BesideFindings> {
    const during = await this.#during;
    const { access_token } = await this.#office.login(administrator);
    const after = await this.#look(access_token);
    say(`${administrator} after the rotation: ${this.#describe(after)}`);
    if (!verified) say("a red rotation stays frozen until it is verified, or until freeze: release");
    const wasFrozen = isFrozen(during);
    const isAsItMust = verified ? isFree(after) : isFrozen(after);
    if (!wasFrozen) say(styleText("red", "the freeze did not hold while the rotation ran"));
    if (!isAsItMust) {
      say(
        styleText(
          "red",
          verified ? "the freeze was not undone" : "the freeze did not outlast a red rotation",
        ),
      );
    }
    return { ok: wasFrozen && isAsItMust, found: { frozenMeanwhile: wasFrozen, freeAfter: isFree(after) } };
  }

  async #look(token: string): Promise<Look> {
    const writes = await askFleet(this.#office.scenario.fleet, (instance) => write(instance, token));
    return { writes, canEnter: await this.#canEnter() };
  }

  /** Whether Keycloak lets the administrator into its own Admin API. */
  async #canEnter(): Promise<boolean> {
    const login = this.#office.login(administrator, { clientId: "admin-cli" });
    return login.then(
      () => true,
      () => false,
    );
  }

  #describe(look: Look | Error): string {
    if (look instanceof Error) return `could not be looked at: ${look.message}`;
    const { writes, canEnter } = look;
    const noun = `${nounOf(this.#office.scenario)}s`;
    const done = areAll(writes, frozen)
      ? `refused by ${shareOf(writes, frozen)} ${noun} (${frozen})`
      : `taken by ${shareOf(writes, accepted)} ${noun}`;
    return `a write below ${adminPath} is ${done}, and Keycloak ${canEnter ? "takes" : "refuses"} a login with admin-cli`;
  }
}

async function write({ url }: ApiProcess, token: string): Promise<number | undefined> {
  try {
    const { statusCode, body } = await request(`${url}${adminPath}/prices`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
    return statusCode;
  } catch {
    return undefined;
  }
}

function isFree({ writes, canEnter }: Look): boolean {
  return areAll(writes, accepted) && canEnter;
}

function isFrozen(look: Look | Error | undefined): boolean {
  return look !== undefined && !(look instanceof Error) && areAll(look.writes, frozen) && !look.canEnter;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

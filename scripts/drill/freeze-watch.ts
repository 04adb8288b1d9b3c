import { styleText } from "node:util";
import { request } from "undici";
import type { ApiProcess } from "../lab/api-fleet.ts";
import { areAll, askFleet, shareOf } from "./ask-fleet.ts";
import { adminPath, type BackOffice } from "./back-office.ts";
import type { PhaseListener } from "./follow.ts";
import { nounOf } from "./open-lab.ts";
import type { DemoResult, PhaseDemo } from "./phase-demo.ts";
import { say, sayPhase } from "./say.ts";

const administrator = "olivia";
const accepted = 200;
const frozen = 423;
const timeoutMs = 10_000;

/** What the administrator could do at one moment. */
interface Look {
  /** What each instance answered to a write; undefined where no answer came. */
  writes: (number | undefined)[];
  canEnter: boolean;
}

/** An administrator who tries to work before, during and after the emergency. */
export class FreezeWatch implements PhaseDemo {
  readonly name = "freeze";
  readonly config = { freeze: "both" };
  readonly #office: BackOffice;
  /** From a login before the emergency, when only the old key signs. */
  readonly #token: string;
  #during: Promise<Look | Error> | undefined;

  private constructor(office: BackOffice, token: string) {
    this.#office = office;
    this.#token = token;
  }

  /** @throws Error where the administrator can't work before the emergency */
  static async begin(office: BackOffice): Promise<FreezeWatch> {
    await office.hire(administrator);
    const { access_token } = await office.login(administrator);
    const watch = new FreezeWatch(office, access_token);
    const look = await watch.#look(access_token);
    if (!isFree(look))
      throw new Error(`the administrator ${administrator} can't work even before the emergency`);
    say(`the administrator ${administrator}: ${watch.#describe(look)}`);
    return watch;
  }

  /** Everything is frozen once the phase says how many instances are; other phases run beside it and may say more first. */
  readonly onPhase: PhaseListener = (phase, line) => {
    if (phase !== "freeze" || !/ instances frozen\b/.test(line) || this.#during) return;
    this.#during = this.#look(this.#token).catch((error: unknown) => asError(error));
    void this.#during.then((look) => sayPhase("admin", this.#describe(look)));
  };

  /** After a red rotation the freeze must hold, after a green one it must be lifted. */
  async after(verified: boolean): Promise<DemoResult> {
    const during = await this.#during;
    const { access_token } = await this.#office.login(administrator);
    const after = await this.#look(access_token);
    say(`${administrator} after the rotation: ${this.#describe(after)}`);
    if (!verified)
      say(
        "after a failed rotation the freeze stays until a later up verifies it, or until you set freeze: release",
      );
    const wasFrozen = isFrozen(during);
    const isAsExpected = verified ? isFree(after) : isFrozen(after);
    if (!wasFrozen) say(styleText("red", "the freeze was not in force while the rotation ran"));
    if (!isAsExpected) {
      say(
        styleText(
          "red",
          verified ? "the freeze was not lifted" : "the freeze was lifted after a failed rotation",
        ),
      );
    }
    return { ok: wasFrozen && isAsExpected, found: { frozenMeanwhile: wasFrozen, freeAfter: isFree(after) } };
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
    if (look instanceof Error) return `could not be checked: ${look.message}`;
    const { writes, canEnter } = look;
    const noun = `${nounOf(this.#office.scenario)}s`;
    const done = areAll(writes, frozen)
      ? `refused by ${shareOf(writes, frozen)} ${noun} (${frozen})`
      : `accepted by ${shareOf(writes, accepted)} ${noun}`;
    return `a write to ${adminPath} is ${done}, and Keycloak ${canEnter ? "accepts" : "refuses"} a login with admin-cli`;
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

import type { PodFleet } from "../lab/kubernetes/pod-fleet.ts";
import type { PhaseListener } from "./follow.ts";
import { sayPhase } from "./say.ts";

const added = 3;
const deleted = 2;

/**
 * Pods that come and go while a rotation runs: more are asked for when the canaries are minted, and some are deleted
 * when the keys are cut over.
 */
export class Churn {
  readonly #fleet: PodFleet;
  readonly #steps = new Map<string, Promise<void>>();
  readonly #failures: unknown[] = [];

  constructor(fleet: PodFleet) {
    this.#fleet = fleet;
  }

  /** To be told each phase that a rotation has reached, as often as one likes. */
  readonly onPhase: PhaseListener = (phase) => {
    const step = { canary: () => this.#scaleUp(), "cut-over": () => this.#deleteSome() }[phase];
    if (!step || this.#steps.has(phase)) return;
    this.#steps.set(
      phase,
      step().catch((error) => void this.#failures.push(error)),
    );
  };

  /**
   * Waits until all pods are there.
   *
   * @throws what went wrong, or an Error where the rotation has not come so far that anything happened
   */
  async settled(): Promise<void> {
    await Promise.all(this.#steps.values());
    if (this.#failures.length > 0) throw this.#failures[0];
    if (this.#steps.size === 0) throw new Error("the rotation ended before any pod came or went");
    await this.#fleet.rolledOut();
    sayPhase("churn", `${(await this.#fleet.list()).length} pods are ready`);
  }

  async #scaleUp(): Promise<void> {
    const { length } = await this.#fleet.list();
    sayPhase("churn", `scaling ${this.#fleet.name} from ${length} to ${length + added} pods`);
    await this.#fleet.scale(length + added);
  }

  async #deleteSome(): Promise<void> {
    const victims = await this.#fleet.deletePods(deleted);
    sayPhase("churn", `deleted ${victims.map(({ name }) => name).join(" and ")}`);
  }
}

import type { PodFleet } from "../lab/kubernetes/pod-fleet.ts";
import type { PhaseListener } from "./follow.ts";
import { sayPhase } from "./say.ts";

const added = 3;
const deleted = 2;

/** Adds pods when the canaries are minted, and deletes some at the cut-over, while a rotation runs. */
export class Churn {
  readonly #fleet: PodFleet;
  readonly #steps = new Map<string, Promise<void>>();
  readonly #failures: unknown[] = [];

  constructor(fleet: PodFleet) {
    this.#fleet = fleet;
  }

  /** Call it for each phase that the rotation has reached; repeated calls change nothing. */
  readonly onPhase: PhaseListener = (phase) => {
    if (this.#steps.has(phase)) return;
    const step = phase === "canary" ? this.#scaleUp() : phase === "cut-over" ? this.#deleteSome() : undefined;
    if (step)
      this.#steps.set(
        phase,
        step.catch((error) => void this.#failures.push(error)),
      );
  };

  /**
   * Waits until all pods are ready.
   *
   * @throws what went wrong, or an Error where the rotation ended before the first change
   */
  async settled(): Promise<void> {
    await Promise.all(this.#steps.values());
    if (this.#failures.length > 0) throw this.#failures[0];
    if (this.#steps.size === 0) throw new Error("the rotation ended before any pod was added or deleted");
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

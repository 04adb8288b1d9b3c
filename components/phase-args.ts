import * as pulumi from "@pulumi/pulumi";
import { type Packed, pack } from "#operations/base/packed";
import type { RunContext } from "#operations/base/run-context";
import type { Step } from "#operations/phases/phase-request";

/** What a resource takes for each of a phase's inputs. */
export type Args<T> = { [K in keyof T]: pulumi.Input<T[K]> };

/** Packs a value, and marks it as a secret: a reviewer would have to read pages of it in each diff. */
export function packed<T>(value: pulumi.Input<T>): pulumi.Output<Packed<T>> {
  return pulumi.secret(pulumi.output(value).apply((known) => pack(known as T)));
}

/** What every phase takes: its step in plain view, and what the config says for it, packed. */
export function phaseArgs<T extends { run: RunContext }>(
  details: T,
): Step & { details: pulumi.Output<Packed<T>> } {
  const { realm, rotation, mode, stage } = details.run;
  return { realm, rotation, mode, stage, details: packed(details) };
}

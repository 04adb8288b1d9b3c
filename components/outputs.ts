import * as pulumi from "@pulumi/pulumi";
import type { KeyRotation } from "./key-rotation.ts";

interface Rotations {
  rotations: { run: { realm: string; rotation: number } }[];
  /** Whether outputs go by realm. */
  hasRealmList: boolean;
}

/** The stack's outputs: those of the one rotation, or of several, by realm. */
export function byRealm({ rotations: realms, hasRealmList }: Rotations, rotations: readonly KeyRotation[]) {
  const of = <T>(pick: (rotation: KeyRotation) => pulumi.Output<T>) => {
    const [first] = rotations;
    if (!hasRealmList && first) return pick(first);
    const named = rotations.map((one, index) => ({ [realms[index]?.run.realm ?? ""]: pick(one) }));
    return pulumi.output(Object.assign({}, ...named));
  };
  return {
    rotation: realms[0]?.run.rotation,
    kids: of(({ kids }) => kids),
    passiveKids: of(({ passiveKids }) => passiveKids),
    retireAfter: of(({ retireAfter }) => retireAfter),
    retiredKids: of(({ retiredKids }) => retiredKids),
    verified: of(({ verified }) => verified),
    exposureWindowMs: of(({ exposureWindowMs }) => exposureWindowMs),
    report: of(({ report }) => report),
    evidenceDigest: of(({ evidenceDigest }) => evidenceDigest),
  };
}

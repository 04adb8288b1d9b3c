import { many } from "../base/many.ts";
import { openKeys } from "../keys/death-marks.ts";
import { describeKey, isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import type { Examined } from "./finding.ts";

/**
 * Names the disabled keys of which nobody has shown that the instances refuse them: an emergency would have to show that,
 * too. Pure.
 *
 * @param acknowledged kids that the config closes by name
 */
export function examineDeadKeys(
  realm: string,
  keys: readonly RealmKey[],
  acknowledged: readonly string[],
): Examined {
  const dead = keys.filter((key) => !isTrusted(key));
  const open = openKeys(keys).filter(({ kid }) => !acknowledged.includes(kid));
  const closed = `${many(dead.length, "disabled key")}, all of them closed`;
  return {
    check: "dead keys",
    realm,
    seen:
      dead.length === 0
        ? "no key is disabled"
        : open.length === 0
          ? closed
          : `${open.length} of ${many(dead.length, "disabled key")} not proven`,
    findings: open.map((key) => ({
      code: "KEY_NOT_PROVEN",
      severity: "problem",
      realm,
      what: `${describeKey(key)} is disabled, and nobody has shown that the instances refuse it`,
      emergency: "it would restart every instance that can't be shown to refuse this key, or end red",
      next: "restart the instances and run pulumi up, or close the key by name with acknowledge",
    })),
  };
}

import { pack, unpack } from "#operations/base/packed";
import type { LabKeycloak } from "../../scripts/lab/keycloak.ts";

/** Of the stack that the states come from: they hold nothing that is secret outside of the lab. */
export const passphrase = "stored-state";

interface Place {
  keycloak: Pick<LabKeycloak, "url" | "adminClientSecret">;
  realm: string;
  directory: string;
}

/** Puts placeholders for what differs from one machine to the next, and takes them out again, in packed values too. */
export function placeholders({ keycloak, realm, directory }: Place) {
  const pairs = [
    [keycloak.url, "@@KEYCLOAK@@"],
    [keycloak.adminClientSecret, "@@SECRET@@"],
    [realm, "@@REALM@@"],
    [directory, "@@DIRECTORY@@"],
  ] as const;
  const replace = (from: 0 | 1, to: 0 | 1) => (text: string) =>
    pairs.reduce((now, pair) => now.replaceAll(pair[from], pair[to]), text);
  return { into: everywhere(replace(0, 1)), outOf: everywhere(replace(1, 0)) };
}

/** Packed values stand in the JSON of a secret, as quoted base64. */
function everywhere(replace: (text: string) => string): (text: string) => string {
  return (text) => {
    const opened = text.replace(/\\"([A-Za-z0-9+/]{40,}={0,2})\\"/g, (whole, value: string) => {
      const content = contentOf(value);
      return content === undefined ? whole : `\\"${pack(JSON.parse(replace(JSON.stringify(content))))}\\"`;
    });
    return replace(opened);
  };
}

function contentOf(value: string): unknown {
  try {
    return unpack(value);
  } catch {
    return undefined;
  }
}

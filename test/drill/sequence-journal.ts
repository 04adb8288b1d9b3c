import { z } from "zod";
import type { Scenario } from "../../scripts/lab/scenario.ts";

const journal = z.array(
  z.looseObject({
    operationType: z.string(),
    resourcePath: z.string(),
    representation: z.string().optional(),
  }),
);
const component = z.looseObject({ name: z.string(), config: z.record(z.string(), z.array(z.string())) });
type Component = z.infer<typeof component>;

/** Has Keycloak write down each change of a key, in the transaction that makes it. */
export async function keepJournal({ admin, realm }: Scenario): Promise<void> {
  await admin.send("PUT", `/${realm}`, { adminEventsEnabled: true, adminEventsDetailsEnabled: true });
}

/**
 * Plays the changes again, one after the other; gives those that have left an algorithm without an enabled, active,
 * managed key that it had before. Looking at a realm while it changes could both miss them and see what never was: a
 * list of components is read from several rows.
 */
export async function changesWithoutSigner(
  { admin, realm }: Scenario,
  algorithms: readonly string[],
): Promise<{ changes: number; gaps: string[] }> {
  const events = journal.parse(await admin.get(`/${realm}/admin-events?resourceTypes=COMPONENT&max=10000`));
  const components = new Map<string, Component>();
  const hadOne = new Set<string>();
  const gaps: string[] = [];
  for (const { operationType, resourcePath, representation = "{}" } of events.toReversed()) {
    if (operationType === "DELETE") components.delete(resourcePath);
    else components.set(resourcePath, component.parse(JSON.parse(representation)));
    const signing = [...components.values()].flatMap(signsFor);
    for (const algorithm of signing) hadOne.add(algorithm);
    if (algorithms.some((one) => hadOne.has(one) && !signing.includes(one)))
      gaps.push(`${operationType} ${resourcePath} ${representation}`);
  }
  return { changes: events.length, gaps };
}

function signsFor({ name, config }: Component): string[] {
  // A key that Keycloak has made with the realm has neither setting, and is both.
  const isOn = (setting: string) => config[setting]?.[0] !== "false";
  const algorithm = /^jwks-break-glass-r\d+-(.+)$/.exec(name)?.[1];
  return algorithm !== undefined && isOn("enabled") && isOn("active") ? [algorithm] : [];
}

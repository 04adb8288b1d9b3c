import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openScenario } from "../../scripts/lab/scenario.ts";
import { passphrase, placeholders } from "./placeholders.ts";

// Run by hand, once for each version whose state must be kept usable: node test/stored-state/make-checkpoint.ts NAME
// It keeps what an emergency leaves that froze the realm, and stayed red because of one instance that keeps its cache.
const [name = "checkpoint"] = process.argv.slice(2);
const scenario = await openScenario({
  instances: 2,
  passphrase,
  config: { freeze: "keycloak", restart: { strategy: "refresh" } },
});
try {
  const { stack, fleet, keycloak, realm, directory } = scenario;
  await stack.setConfig({ rotation: 1, incident: "INC-1", mode: "planned" });
  const adopted = await stack.up();
  if (adopted.exitCode !== 0) throw new Error(adopted.output);
  await fleet.instances[0]?.misbehave("keep-cache");
  await stack.setConfig({ rotation: 2, incident: "INC-2", mode: "emergency" });
  const red = await stack.up();
  if (red.exitCode === 0) throw new Error("the emergency is green");
  const exported = JSON.stringify(await stack.export({ showSecrets: true }), undefined, 1);
  const file = fileURLToPath(new URL(`${name}.json`, import.meta.url));
  await writeFile(file, `${placeholders({ keycloak, realm, directory }).into(exported)}\n`);
} finally {
  await scenario.dispose();
}

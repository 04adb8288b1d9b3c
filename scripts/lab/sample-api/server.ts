import { z } from "zod";
import { bootstrapKeys, findJwksUri } from "./bootstrap.ts";
import { readConfig } from "./config.ts";
import { Instance } from "./instance.ts";
import { openLog } from "./log.ts";
import { type Behaviour, isBehaviour, isWorkersKind } from "./misbehaviour.ts";
import { serve } from "./routes.ts";
import { WorkerPool } from "./worker-pool.ts";

// A stand-in for an API that a team has: see docs/openapi.yaml for the contract, config.ts for the environment.
const command = z.object({ misbehave: z.custom<Behaviour>(isBehaviour) });

const config = readConfig(process.env);
const log = openLog(config.LOG_FORMAT, config.INSTANCE_NAME, config.ACCESS_LOG);
const jwksUri = await findJwksUri(config, (reason) => log.info(`OIDC discovery failed: ${reason}`));
const instance = new Instance(config, jwksUri, log, serve);
await instance.open();
process.stdout.write(
  `${JSON.stringify({ listening: { name: config.INSTANCE_NAME, port: instance.port } })}\n`,
);
await bootstrapKeys(instance);
let pool: WorkerPool | undefined;
await behave(config.MISBEHAVE);

if (process.send !== undefined) {
  // Ends with the lab.
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message) => {
    const { misbehave } = command.parse(message);
    behave(misbehave).then(
      () => process.send?.({ misbehaving: misbehave }),
      (error: Error) => process.send?.({ failed: error.message }),
    );
  });
  process.send({ ready: instance.port });
}

/** Several processes are the workers of this one, which then answers nothing itself. */
async function behave(behaviour: Behaviour): Promise<void> {
  await pool?.stop();
  pool = undefined;
  if (!isWorkersKind(behaviour)) return instance.behave(behaviour);
  instance.refuseConnections();
  pool = new WorkerPool({ behaviour, port: instance.port, jwksUri });
  await pool.start();
}

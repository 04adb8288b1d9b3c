import { bootstrapKeys, findJwksUri } from "./bootstrap.ts";
import { readConfig } from "./config.ts";
import { Instance } from "./instance.ts";
import { openLog } from "./log.ts";
import { workersOf } from "./misbehaviour.ts";
import { OperationChannel } from "./operation-channel.ts";
import { serve } from "./routes.ts";

// One of several processes behind a port: see worker-pool.ts. A cluster's worker ends when its primary does.
const config = readConfig(process.env);
const log = openLog(config.LOG_FORMAT, config.INSTANCE_NAME, config.ACCESS_LOG);
const jwksUri = await findJwksUri(config, (reason) => log.info(`OIDC discovery failed: ${reason}`));
const instance = new Instance(config, jwksUri, log, serve);
const primary = new OperationChannel(process, (operation) => instance.carryOut(operation));
if (workersOf(config.MISBEHAVE)?.shared) instance.passOn = (operation) => primary.pass(operation);
await bootstrapKeys(instance);
await instance.behave(config.MISBEHAVE);
process.send?.({ ready: true });

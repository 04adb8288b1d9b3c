import { randomInt } from "node:crypto";
import { freePort } from "./free-port.ts";

export interface PodAddress {
  readonly host: string;
  readonly port: number;
}

const attempts = 20;

/**
 * An address for one pod's process. On Linux all of 127.0.0.0/8 is loopback, so each pod has an IP of its own and
 * listens on the very port that its manifest names; elsewhere pods share one IP and have any free port.
 */
export async function podAddress(port: number, platform = process.platform): Promise<PodAddress> {
  if (platform !== "linux") return { host: "127.0.0.1", port: await freePort() };
  for (let attempt = 1; ; attempt++) {
    const host = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
    try {
      return { host, port: await freePort(host, port) };
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

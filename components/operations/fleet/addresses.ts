import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { listNames } from "../base/list-names.ts";
import type { Instance } from "./instances.ts";

/** Finds the addresses of a host name. */
export type Lookup = (host: string) => Promise<string[]>;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * What the addresses of instances leave open, a sentence each without its full stop: a connection to a name with several
 * addresses reaches one of them, and two names of one address are one instance that is counted twice. A name that can't be
 * looked up is no matter of this: the instance can't be reached then.
 */
export async function unclearAddresses(
  instances: readonly Pick<Instance, "name" | "url">[],
  find: Lookup = findAll,
): Promise<string[]> {
  const placed = await Promise.all(
    instances.map(async ({ name, url }) => ({
      name,
      url: new URL(url),
      addresses: await addressesOf(url, find),
    })),
  );
  const several = placed
    .filter(({ addresses }) => addresses.length > 1)
    .map(
      ({ name, url, addresses }) =>
        `${name}: the name ${url.hostname} has ${addresses.length} addresses (${listNames(addresses)}), and a connection reaches one of them; list each address as a target of its own`,
    );
  const places = Map.groupBy(
    placed.flatMap(({ name, url, addresses }) =>
      addresses.map((address) => ({ name, place: `${address} ${url.port || url.protocol}${url.pathname}` })),
    ),
    ({ place }) => place,
  );
  const doubles = [...places.values()]
    .map((alike) => [...new Set(alike.map(({ name }) => name))])
    .filter((names) => names.length > 1)
    .map(
      (names) =>
        `${listNames(names)} have one address: they are the same instance under several names; list it once`,
    );
  return [...several, ...new Set(doubles)];
}

async function addressesOf(url: string, find: Lookup): Promise<string[]> {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  const found = isIP(host) ? [host] : await find(host).catch(() => []);
  // A machine's own addresses lead to the same listener, as a rule.
  return [...new Set(found.map((address) => (isLoopback(address) ? "127.0.0.1" : address)))];
}

function isLoopback(address: string): boolean {
  return loopback.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

async function findAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

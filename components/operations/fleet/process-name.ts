/**
 * The answer header by which one of several processes behind an address names itself and says how many there are: an
 * RFC 9651 Item with the parameter `of`, as in `JWKS-Process: w3; of=4`. Optional in the instance contract.
 */
export const processHeader = "jwks-process";

/** What a process says of itself. */
export interface ProcessName {
  /** Tells it from every other process of its instance that runs now. */
  name: string;
  /** How many processes with a key cache of their own are behind the address. Absent: it does not say. */
  of?: number;
}

/** More than any server starts; a larger number is a mistake. */
const mostProcesses = 4_096;

/** Undefined where there is no such header, or none that can be read: an instance that does not name itself. Pure. */
export function readProcessName(header: string | string[] | undefined): ProcessName | undefined {
  const text = typeof header === "string" ? header : header?.[0];
  const item = /^ *(?:"([ !#-[\]-~]{1,100})"|([!#-+\--:<-~]{1,100})) *((?:; *[^;]+)*)$/.exec(text ?? "");
  const name = item?.[1] ?? item?.[2];
  if (name === undefined) return undefined;
  const of = Number(/; *of=([0-9]{1,4}) *(?:;|$)/.exec(item?.[3] ?? "")?.[1] ?? 0);
  return of >= 1 && of <= mostProcesses ? { name, of } : { name };
}

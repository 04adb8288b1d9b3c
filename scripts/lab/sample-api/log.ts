import { appendFileSync } from "node:fs";

/** One request, without its query and without any header: no token can be in it. */
export interface AccessLine {
  /** ISO 8601 UTC. */
  at: string;
  /** `api`, or `redirect-target`: the address that a misbehaving instance redirects to. */
  listener: "api" | "redirect-target";
  method: string;
  path: string;
  /** Null where no answer was sent. */
  status: number | null;
  /** Whether the request carried an Authorization header. */
  authorization: boolean;
}

export interface Log {
  info(message: string): void;
  access(line: AccessLine): void;
}

/**
 * Writes synchronously: a line is there before the client has its answer.
 *
 * @param accessFile where access lines go. Default: standard output
 */
export function openLog(format: "text" | "json", name: string, accessFile?: string): Log {
  const write = (entry: object) => process.stdout.write(`${JSON.stringify(entry)}\n`);
  return {
    info(message) {
      const at = new Date().toISOString();
      if (format === "json") write({ at, instance: name, message });
      else process.stdout.write(`${at} ${name} ${message}\n`);
    },
    access(line) {
      if (accessFile === undefined) write({ access: line });
      else appendFileSync(accessFile, `${JSON.stringify(line)}\n`);
    },
  };
}

import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import type { Readable } from "node:stream";

/** A container's log in the format of CRI, which is what a kubelet reads. */
export class CriLog {
  readonly file: string;
  /** The log of the process before. */
  readonly previousFile: string;

  constructor(file: string) {
    this.file = file;
    this.previousFile = `${file}.previous`;
    for (const path of [this.file, this.previousFile]) writeFileSync(path, "", { mode: 0o600 });
  }

  /** Starts a new log for another process; the current one becomes the previous log. */
  turn(): void {
    renameSync(this.file, this.previousFile);
    writeFileSync(this.file, "", { mode: 0o600 });
  }

  /** Writes each line of a stream as soon as it is whole, and what is left when it ends. */
  collect(stream: Readable, name: "stdout" | "stderr"): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      this.#write(name, lines);
    });
    stream.on("end", () => this.#write(name, rest === "" ? [] : [rest]));
  }

  #write(name: string, lines: readonly string[]): void {
    const at = new Date().toISOString();
    appendFileSync(this.file, lines.map((line) => `${at} ${name} F ${line}\n`).join(""));
  }
}

import { fileURLToPath } from "node:url";

/** This repository: the Pulumi project that a scenario runs. */
export const projectDir = fileURLToPath(new URL("../..", import.meta.url));

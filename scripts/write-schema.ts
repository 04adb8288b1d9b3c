import { writeFile } from "node:fs/promises";
import { evidenceJsonSchema } from "#operations/evidence/evidence-schema";

/** Writes the JSON Schema of evidence.json to docs/, where others can find it. A test holds the two in step. */
const file = new URL("../docs/evidence-v2.schema.json", import.meta.url);
await writeFile(file, `${JSON.stringify(evidenceJsonSchema(), null, 2)}\n`);

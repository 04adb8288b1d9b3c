import { randomBytes } from "node:crypto";
import type { PropertyMap } from "../property-values.ts";
import { BuiltinProvider, type ResourceKind } from "./builtin.ts";
import type { CheckFailure, Provider } from "./provider.ts";

function lengthProblems({ length }: PropertyMap): CheckFailure[] {
  const bad = typeof length === "number" && (!Number.isInteger(length) || length < 1);
  return bad
    ? [{ property: "length", reason: `length must be a whole number of at least 1, got: ${length}` }]
    : [];
}

const randomBytesKind: ResourceKind<undefined> = {
  type: "random:index/randomBytes:RandomBytes",
  carried: ["length", "keepers"],
  required: ["length"],
  replaceOn: ["length", "keepers"],
  computed: ["base64", "hex"],
  validate: lengthProblems,
  async create(_connection, inputs) {
    const bytes = randomBytes(Number(inputs.length));
    const base64 = bytes.toString("base64");
    // The real provider uses the bytes themselves as the id; an id can't be secret, so it isn't done here.
    return { id: "none", outputs: { ...inputs, base64, hex: bytes.toString("hex") } };
  },
  async read(_connection, { outputs }) {
    return outputs;
  },
  async delete() {},
};

/** `@pulumi/random`, as far as this project uses it. */
export function randomProvider(): Provider {
  return new BuiltinProvider([randomBytesKind], async () => undefined);
}

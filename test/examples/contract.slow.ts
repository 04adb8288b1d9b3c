import { describe, test } from "node:test";
import { describeContract } from "../lab/sample-api/contract.ts";
import { examples, startExample } from "./example-server.ts";
import { missingFor } from "./program.ts";

for (const example of examples) {
  const title = `the example in ${example.language}, by the contract`;
  const missing = await missingFor(example);
  if (missing !== undefined) {
    describe(title, () => {
      test("is built and run", { skip: `this machine has no suitable ${missing}` });
    });
    continue;
  }
  describeContract(title, ({ issuer, jwksUri, audience, apiRefreshToken }) =>
    startExample(example, {
      ISSUER: issuer,
      JWKS_URI: jwksUri,
      AUDIENCE: audience,
      ...(apiRefreshToken === undefined ? {} : { INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken }),
    }),
  );
}

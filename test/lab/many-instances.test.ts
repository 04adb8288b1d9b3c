import assert from "node:assert/strict";
import { test } from "node:test";
import { startManyInstances } from "../../scripts/lab/many-instances.ts";
import { call } from "./sample-api/calls.ts";
import { issuerKey, startIssuer } from "./sample-api/jwks-server.ts";

for (const { title, named, names } of [
  {
    title: "each names itself as a single process",
    named: undefined,
    names: ['"api-1"; of=1', '"api-2"; of=1'],
  },
  { title: "with `named: false` none names itself", named: false, names: [undefined, undefined] },
])
  test(`many instances in one process: ${title}, whatever the answer's status`, async (t) => {
    const issuer = await startIssuer(await issuerKey("key"));
    t.after(() => issuer.stop());
    const options = { count: 2, issuer: issuer.url, apiRefreshToken: "secret" };
    const { instances, stop } = await startManyInstances({
      ...options,
      ...(named === undefined ? {} : { named }),
    });
    t.after(stop);
    for (const [index, instance] of instances.entries()) {
      const answers = [
        await call(instance, "POST", "/internal/auth/jwks/refresh", "wrong"),
        await call(instance, "PUT", "/internal/admin/freeze", "secret"),
        await call(instance, "GET", "/api/me", "no-token"),
      ];
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers["jwks-process"]]),
        [401, 204, 401].map((status) => [status, names[index]]),
      );
    }
  });

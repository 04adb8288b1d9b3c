import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, describe, test } from "node:test";
import { parse } from "yaml";
import { apiRefreshToken, call, probe, refresh, refreshPath } from "./calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";

/** A running process of some API. */
export interface ContractSubject {
  readonly url: string;
  /** The lines that it has logged so far. */
  log(): Promise<string[]>;
  stop(): Promise<void>;
}

export interface ContractOptions {
  issuer: string;
  jwksUri: string;
  audience: string;
  /** Where absent, it must have no internal operations. */
  apiRefreshToken?: string;
}

type Start = (options: ContractOptions) => Promise<ContractSubject>;

/** Tests of what docs/openapi.yaml asks of any API, whatever it is written in. It must demand the realm role `admin` below `/api/admin`. */
export function describeContract(title: string, start: Start): void {
  describe(title, () => {
    let issuer: TestIssuer;
    let api: ContractSubject;
    let oldKey: IssuerKey;
    let newKey: IssuerKey;
    const options = () => ({ issuer: issuer.url, jwksUri: `${issuer.url}/jwks`, audience: "the-api" });
    const mint = (key: IssuerKey, claims = {}) => issuer.mint(key, { aud: "the-api", ...claims });

    before(async () => {
      [oldKey, newKey] = await Promise.all([issuerKey("old"), issuerKey("new", "PS256")]);
      issuer = await startIssuer(oldKey);
      api = await start({ ...options(), apiRefreshToken });
    });
    after(async () => {
      await api?.stop();
      await issuer?.stop();
    });
    beforeEach(async () => {
      Object.assign(issuer, { published: [oldKey], gate: Promise.resolve(), failing: false });
      await refresh(api);
    });

    test("its log shows the bootstrap with its kids", async () => {
      assert.ok((await api.log()).some((line) => /JWKS bootstrap ok kids=\["?old"?\]$/.test(line)));
    });

    test("a token of the issuer for this audience is accepted, any other is rejected with 401", async () => {
      assert.equal(await probe(api, await mint(oldKey)), 200);
      assert.equal(await probe(api, await mint(oldKey, { aud: "another" })), 401);
      assert.equal(await probe(api, await mint(oldKey, { iss: "https://another.example" })), 401);
      assert.equal(await probe(api, await mint(oldKey, { exp: 1 })), 401);
      assert.equal(await probe(api, await mint(await issuerKey("unknown"))), 401);
      assert.equal(await probe(api, await mint(await issuerKey("old"))), 401);
      assert.equal(await probe(api, "no-token"), 401);
      assert.equal((await call(api, "GET", "/api/me")).status, 401);
    });

    test("an unknown kid does not make it fetch the keys again and again", async () => {
      const fetchesBefore = issuer.fetches;
      const strangers = await Promise.all(["x", "y", "z"].map((kid) => issuerKey(kid)));
      for (const stranger of strangers) assert.equal(await probe(api, await mint(stranger)), 401);
      assert.ok(issuer.fetches - fetchesBefore <= 1, `${issuer.fetches - fetchesBefore} fetches`);
    });

    test("a retired key stays trusted until a refresh, which answers with the kids it has now", async () => {
      const canary = await mint(oldKey);
      issuer.published = [newKey];
      assert.equal(await probe(api, canary), 200);
      const { status, body } = await refresh(api);
      assert.equal(status, 200);
      const { kids, fetchedAt } = body as { kids: string[]; fetchedAt: string };
      assert.deepEqual(kids, ["new"]);
      assert.ok(Math.abs(Date.parse(fetchedAt) - Date.now()) < 10_000);
      assert.equal(await probe(api, canary), 401);
      assert.equal(await probe(api, await mint(newKey)), 200);
    });

    test("a refresh does not accept a fetch that was already under way", async () => {
      let open = () => {};
      issuer.gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      const fetchesBefore = issuer.fetches;
      const early = refresh(api);
      while (issuer.fetches === fetchesBefore) await new Promise((resolve) => setImmediate(resolve));
      issuer.published = [newKey];
      const late = refresh(api);
      // Answered later than the refresh has come in, which now waits.
      assert.equal(await probe(api, "no-token"), 401);
      open();
      await early;
      assert.deepEqual(((await late).body as { kids: string[] }).kids, ["new"]);
      assert.equal(await probe(api, await mint(oldKey)), 401);
    });

    test("a refresh answers 502 and keeps the cache if the issuer fails", async () => {
      issuer.failing = true;
      assert.equal((await refresh(api)).status, 502);
      issuer.failing = false;
      assert.equal(await probe(api, await mint(oldKey)), 200);
    });

    test("a wrong or missing refresh token gets 401, and nothing is fetched", async () => {
      const fetchesBefore = issuer.fetches;
      assert.equal((await refresh(api, "wrong")).status, 401);
      assert.equal((await call(api, "POST", refreshPath)).status, 401);
      assert.equal((await call(api, "PUT", "/internal/auth/deny-list/s", "wrong")).status, 401);
      assert.equal((await call(api, "PUT", "/internal/admin/freeze", "wrong")).status, 401);
      assert.equal(issuer.fetches, fetchesBefore);
    });

    test("without a refresh token it has no internal operations", async () => {
      const bare = await start(options());
      try {
        const { status, headers } = await refresh(bare);
        assert.equal(status, 404);
        assert.match(String(headers["jwks-process"]), await processPattern());
        assert.equal((await refresh(bare, "")).status, 404);
        assert.equal((await call(bare, "PUT", "/internal/admin/freeze", apiRefreshToken)).status, 404);
        assert.equal(await probe(bare, await mint(oldKey)), 200);
      } finally {
        await bare.stop();
      }
    });

    test("every answer names the process, and says that it is the only one", async () => {
      const user = await mint(oldKey);
      const freeze = "/internal/admin/freeze";
      issuer.failing = true;
      const failed = await refresh(api);
      issuer.failing = false;
      const answers = [
        failed,
        await refresh(api),
        await refresh(api, "wrong"),
        await call(api, "PUT", freeze, apiRefreshToken),
        await call(api, "DELETE", freeze, apiRefreshToken),
        await call(api, "GET", "/api/me", user),
        await call(api, "GET", "/api/me", "no-token"),
        await call(api, "GET", "/api/me"),
        await call(api, "GET", "/api/admin", user),
      ];
      assert.deepEqual(
        answers.map(({ status }) => status),
        [502, 200, 401, 204, 204, 200, 401, 401, 403],
      );
      const names = new Set(answers.map(({ headers }) => headers["jwks-process"]));
      assert.equal(names.size, 1, [...names].join());
      const [name] = names;
      assert.match(String(name), await processPattern());
      assert.match(String(name), /; of=1$/);
    });

    test("a process that is started later has another name", async () => {
      const later = await start(options());
      try {
        const [mine, other] = await Promise.all([api, later].map((one) => call(one, "GET", "/api/me")));
        assert.ok(mine?.headers["jwks-process"] && other?.headers["jwks-process"]);
        assert.notEqual(mine.headers["jwks-process"], other.headers["jwks-process"]);
      } finally {
        await later.stop();
      }
    });

    test("a denied session is refused as an administrator until it is allowed, and no other is", async () => {
      const admin = { realm_access: { roles: ["admin"] } };
      const token = await mint(oldKey, { sid: "s/1+", ...admin });
      const other = await mint(oldKey, { sid: "s", ...admin });
      const path = "/internal/auth/deny-list/s%2F1%2B";
      assert.equal((await call(api, "GET", "/api/admin", token)).status, 200);
      assert.equal((await call(api, "PUT", path, apiRefreshToken)).status, 204);
      assert.ok([401, 403].includes((await call(api, "GET", "/api/admin", token)).status));
      assert.equal((await call(api, "GET", "/api/admin", other)).status, 200);
      assert.equal((await call(api, "DELETE", path, apiRefreshToken)).status, 204);
      assert.equal((await call(api, "GET", "/api/admin", token)).status, 200);
    });

    test("administrators need the role, and a freeze refuses their writes but not their reads", async () => {
      const admin = await mint(oldKey, { realm_access: { roles: ["admin"] } });
      assert.equal((await call(api, "GET", "/api/admin", await mint(oldKey))).status, 403);
      assert.equal((await call(api, "POST", "/api/admin", admin)).status, 200);
      assert.equal((await call(api, "PUT", "/internal/admin/freeze", apiRefreshToken)).status, 204);
      assert.equal((await call(api, "POST", "/api/admin", admin)).status, 423);
      assert.equal((await call(api, "GET", "/api/admin", admin)).status, 200);
      assert.equal((await call(api, "DELETE", "/internal/admin/freeze", apiRefreshToken)).status, 204);
      assert.equal((await call(api, "POST", "/api/admin", admin)).status, 200);
    });
  });
}

/** What docs/openapi.yaml allows as a process's name. */
async function processPattern(): Promise<RegExp> {
  const { components } = parse(
    await readFile(new URL("../../../docs/openapi.yaml", import.meta.url), "utf8"),
  );
  return new RegExp(components.headers.JwksProcess.schema.pattern);
}

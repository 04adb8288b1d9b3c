import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { MintedToken } from "#operations/canaries/canary";
import { forgeTokens } from "#operations/canaries/forged-tokens";
import { onEveryInstance } from "#operations/fleet/instances";
import { placeOf } from "#operations/fleet/place";
import type { Startup } from "#operations/fleet/read-startup";
import type { PublishedJwks } from "#operations/keycloak/jwks";
import type { Baseline } from "#operations/proof/canary-findings";
import type { AskableRow } from "#operations/proof/ledger/rows";
import type { LedgerState } from "#operations/proof/ledger/state";
import type { Questions } from "#operations/proof/questions";
import { type InstanceVerification, verifyInstance } from "#operations/proof/verify-instance";
import { type LoopbackServer, refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { at, ledgerRow, probeSettings, refreshSettings, soundBefore } from "../samples.ts";
import { partOf, signingRealm, soundVerifier } from "../signing-realm.ts";

const realm = await signingRealm({ old: "RS256", new: "RS256" });
const newSet = realm.jwks("new");
const staleSet = realm.jwks("old", "new");
const past = () => Math.floor(Date.now() / 1000) - 10;
const accepted: Baseline = {
  instance: "api-1",
  verdicts: [soundBefore("old")],
};

const fleet = {
  probe: probeSettings,
  refresh: { ...refreshSettings, attempts: 1 },
  apiRefreshTokens: ["refresh-token-0123456789"],
};

/** A dead key with its canary tokens. */
async function askableRow(change: Partial<AskableRow> = {}): Promise<AskableRow> {
  return ledgerRow({ ...(await canaryOf(realm.mint("old"), realm.mint("old"))), ...change });
}

async function canaryOf(
  seen: MintedToken | Promise<MintedToken>,
  unseen = seen,
): Promise<Pick<AskableRow, "canary">> {
  return { canary: { kid: "old", algorithm: "RS256", seen: await seen, unseen: await unseen } };
}

async function questions(change: Partial<Questions> = {}): Promise<Questions> {
  const fresh = [await realm.mint("new")];
  const control = await realm.mint("new");
  return {
    fleet,
    expectation: { present: ["new"], absent: ["old"] },
    rows: [await askableRow({ control })],
    controls: [control],
    passive: [],
    fresh,
    forged: await forgeTokens(fresh, newSet),
    expired: { ...(await realm.mint("new", { exp: past() })), expiresHere: 0 },
    ...change,
  };
}

interface ApiOptions {
  jwks: PublishedJwks;
  /** What a refresh makes the set; unset: the refresh is claimed and nothing happens. */
  refreshed?: PublishedJwks;
  skewSeconds?: number;
  /** A mistake: takes every token for which this says so. */
  takes?: (token: string) => boolean;
}

/** An API instance: a sound resource server with the refresh operation, and the mistakes asked for. */
async function api(t: TestContext, options: ApiOptions): Promise<LoopbackServer> {
  let { jwks } = options;
  return serve(t, async (response, { url, headers }) => {
    if (url === refreshSettings.path) {
      jwks = options.refreshed ?? jwks;
      return sendJson(response, 200, { kids: newSet.keys.map(({ kid }) => kid) });
    }
    const token = (headers.authorization ?? "").replace("Bearer ", "");
    const good = options.takes?.(token) || (await soundVerifier(token, jwks, options.skewSeconds));
    response.writeHead(good ? 200 : 401).end();
  });
}

async function verify(
  url: string,
  asked: Questions,
  baseline: Baseline | undefined = accepted,
  cells: LedgerState["cells"] = {},
): Promise<InstanceVerification> {
  const [result] = await onEveryInstance([{ name: "api-1", url }], 1, (instance) =>
    verifyInstance(instance, asked, { baseline, cells, startup: async () => undefined }),
  );
  assert.ok(result);
  return result;
}

/** An instance that was not asked before, and started after the retired keys' death. */
async function verifyStarted(
  url: string,
  asked: Questions,
  startup: Omit<Startup, "startedAt">,
): Promise<InstanceVerification> {
  const known = { startup: async () => ({ startedAt: new Date().toISOString(), ...startup }) };
  const [result] = await onEveryInstance([{ name: "api-1", url }], 1, (instance) =>
    verifyInstance(instance, asked, known),
  );
  assert.ok(result);
  return result;
}

/** What an earlier verification has shown of it. */
function cellsOf({ url }: Pick<LoopbackServer, "url">): LedgerState["cells"] {
  const place = placeOf({ url }, probeSettings);
  return { old: [{ instance: "api-1", place, proof: "replayed", at: at(1) }] };
}

function refreshes({ received }: LoopbackServer): number {
  return received.filter(({ url }) => url === refreshSettings.path).length;
}

suite("verifyInstance", () => {
  test("an instance that accepted the canary before and rejects it now is proven by replay", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions());
    assert.deepEqual([result.proof, result.verified, result.reasons], ["replayed", true, []]);
    assert.ok(result.provenAt);
    assert.equal(refreshes(server), 0);
  });

  test("each question is recorded: both canaries, the fresh token, five forgeries", async (t) => {
    const server = await api(t, { jwks: newSet });
    const { checks } = await verify(server.url, await questions());
    assert.deepEqual(
      checks.map(({ check, subject, canary, expected }) => [check, canary ?? subject, expected].join(" ")),
      [
        "retired unseen rejected",
        "retired seen rejected",
        "control new accepted",
        "fresh new accepted",
        "forged wrong-signature RS256 rejected",
        "forged alg-none RS256 rejected",
        "forged hs256-confusion RS256 rejected",
        "forged expired RS256 rejected",
        "forged unknown-kid RS256 rejected",
      ],
    );
    assert.ok(checks.every(({ ok }) => ok));
  });

  test("a token with a made-up kid comes last, and not at all where a fresh token is refused", async (t) => {
    const kidsAt = ({ received }: LoopbackServer) =>
      received
        .map(({ headers }) => (headers.authorization ?? "").replace("Bearer ", ""))
        .filter((token) => token.split(".").length === 3)
        .map((token) => String(partOf(token, 0).kid));
    const isMadeUp = (kid: string) => kid !== "old" && kid !== "new";
    const sound = await api(t, { jwks: newSet });
    await verify(sound.url, await questions());
    assert.deepEqual(
      kidsAt(sound).map(isMadeUp),
      kidsAt(sound).map((_, index, all) => index === all.length - 1),
    );
    const behind = await api(t, { jwks: { keys: [] } });
    const { checks } = await verify(behind.url, await questions());
    assert.deepEqual(kidsAt(behind).filter(isMadeUp), []);
    assert.ok(checks.some(({ check }) => check === "forged"));
  });

  for (const [title, takes] of [
    ["of its age", (token: string) => token.split(".").length === 3 && partOf(token, 1).old === undefined],
    ["of another audience", () => false],
  ] as const) {
    test(`a rejection because ${title}, which the control token shares, says nothing about the key`, async (t) => {
      const control = await realm.mint("new", { old: true });
      const minted = [
        await realm.mint("old", { old: true }),
        await realm.mint("old", { old: true }),
      ] as const;
      const rows = [await askableRow({ control, ...(await canaryOf(...minted)) })];
      const asked = await questions({ controls: [control], rows });
      const server = await serve(t, async (response, { headers }) => {
        const token = (headers.authorization ?? "").replace("Bearer ", "");
        response.writeHead(takes(token) && (await soundVerifier(token, staleSet)) ? 200 : 401).end();
      });
      const result = await verify(server.url, asked);
      assert.deepEqual([result.proof, result.verified], ["unproven", false]);
      assert.match(result.reasons.join(), /its control token of kid new is not accepted either/);
    });
  }

  test("without a control token a rejection proves nothing", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions({ controls: [], rows: [await askableRow()] }));
    assert.deepEqual([result.proof, result.verified], ["unproven", false]);
    assert.match(result.reasons.join(), /there is no control token/);
  });

  test("an instance that claims a refresh and keeps its old cache is caught, with the kid as reason", async (t) => {
    const server = await api(t, { jwks: staleSet });
    const result = await verify(server.url, await questions());
    assert.deepEqual([result.proof, result.verified, result.provenAt], ["unproven", false, undefined]);
    assert.match(result.reasons.join(), /still accepts kid old \(its unseen and seen canary tokens\)/);
    assert.equal(refreshes(server), 1);
  });

  test("an instance that caches verified tokens is caught by the canary that it has seen", async (t) => {
    const asked = await questions();
    const seen = asked.rows[0]?.canary?.seen.token;
    const server = await api(t, { jwks: newSet, takes: (token) => token === seen });
    const result = await verify(server.url, asked);
    assert.equal(result.proof, "unproven");
    assert.deepEqual(result.reasons, ["still accepts kid old (its seen canary token)"]);
  });

  test("an instance heals after one more refresh", async (t) => {
    const server = await api(t, { jwks: staleSet, refreshed: newSet });
    const result = await verify(server.url, await questions());
    assert.deepEqual([result.proof, result.verified, refreshes(server)], ["replayed", true, 1]);
  });

  test("an instance that does not know the new key yet heals after one more refresh", async (t) => {
    const server = await api(t, { jwks: { keys: [] }, refreshed: newSet });
    assert.equal((await verify(server.url, await questions())).verified, true);
  });

  test("an instance that rejects everything is not verified", async (t) => {
    const server = await api(t, { jwks: { keys: [] } });
    const result = await verify(server.url, await questions());
    assert.equal(result.verified, false);
    assert.deepEqual(result.reasons.slice(1), ["rejects the fresh token (new) with 401"]);
    assert.match(result.reasons[0] ?? "", /no verdict on a token of retired kid old/);
  });

  test("a canary that has expired proves nothing, though it is rejected", async (t) => {
    const server = await api(t, { jwks: newSet });
    const dead = await realm.mint("old", { exp: past() });
    const rows = [await askableRow(await canaryOf(dead))];
    const result = await verify(server.url, await questions({ rows }));
    assert.deepEqual([result.proof, result.verified], ["unproven", false]);
    assert.match(result.reasons.join(), /no verdict on a token of retired kid old: the token expires at/);
  });

  test("one expired canary of two is enough to leave it unproven", async (t) => {
    const server = await api(t, { jwks: newSet });
    const [seen, unseen] = [await realm.mint("old", { exp: past() }), await realm.mint("old")];
    const rows = [await askableRow(await canaryOf(seen, unseen))];
    assert.equal((await verify(server.url, await questions({ rows }))).proof, "unproven");
  });

  test("a canary that may have expired by an instance's clock proves nothing", async (t) => {
    const server = await api(t, { jwks: newSet });
    const dying = await realm.mint("old", { exp: past() + 15 });
    const rows = [await askableRow(await canaryOf(dying))];
    const skewed = { ...probeSettings, clockSkewSeconds: 60 };
    const result = await verify(server.url, await questions({ rows, fleet: { ...fleet, probe: skewed } }));
    assert.equal(result.proof, "unproven");
  });

  for (const [title, verdict] of [
    ["did not accept", { kind: "rejected", status: 403 }],
    ["gave no verdict on", { kind: "inconclusive", reason: "connection refused" }],
  ] as const) {
    test(`an instance that ${title} the canary before the cut-over is unproven, whatever it says now`, async (t) => {
      const server = await api(t, { jwks: newSet });
      const baseline = { instance: "api-1", verdicts: [{ kid: "old", verdict }] };
      const result = await verify(server.url, await questions(), baseline);
      assert.deepEqual([result.proof, result.verified, result.provenAt], ["unproven", false, undefined]);
      assert.match(result.reasons.join(), /did not accept the canary token of kid old before the cut-over/);
    });
  }

  for (const [title, forged, why] of [
    [
      "took a forged token",
      { kind: "accepted", status: 200 },
      /accepted a forged token with kid old.*can't say no/,
    ],
    [
      "gave no verdict on a forged token",
      { kind: "inconclusive", reason: "HTTP 500" },
      /was not seen to reject a forged token with kid old/,
    ],
    ["was not shown a forged token", undefined, /was not seen to reject a forged token.*was not asked/],
  ] as const) {
    test(`an instance that ${title} before the cut-over is unproven, whatever it says now`, async (t) => {
      const server = await api(t, { jwks: newSet });
      const asked = { ...soundBefore("old"), forged: forged && { verdict: forged } };
      const result = await verify(server.url, await questions(), { instance: "api-1", verdicts: [asked] });
      assert.deepEqual([result.proof, result.verified, result.provenAt], ["unproven", false, undefined]);
      assert.match(result.reasons.join(), why);
    });
  }

  test("an instance that was not asked before the cut-over is unproven", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions(), { instance: "api-1", verdicts: [] });
    assert.match(result.reasons.join(), /was not asked/);
    assert.equal(result.proof, "unproven");
  });

  test("a retired key without canary tokens leaves the instance unproven", async (t) => {
    const server = await api(t, { jwks: newSet });
    const asked = await questions();
    const rows = [...asked.rows, ledgerRow({ kid: "fallback" })];
    const result = await verify(server.url, { ...asked, rows });
    assert.deepEqual(
      [result.proof, result.verified, result.reasons],
      ["unproven", false, ["can't be asked about kid fallback, for which there are no canary tokens"]],
    );
  });

  test("where a key is closed by acknowledgement, nothing is called proven, and nothing that fails becomes good", async (t) => {
    const good = await api(t, { jwks: newSet });
    const asked = await questions();
    const rows = [...asked.rows, ledgerRow({ kid: "lost", standing: "acknowledged" })];
    const closed = await verify(good.url, { ...asked, rows });
    assert.deepEqual([closed.proof, closed.verified, closed.provenAt], ["acknowledged", true, undefined]);
    const stale = await api(t, { jwks: staleSet });
    const open = await verify(stale.url, { ...asked, rows });
    assert.deepEqual([open.proof, open.verified], ["unproven", false]);
  });

  test("a rotation that retired nothing is verified without a proof, and says so", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions({ rows: [] }), {
      instance: "api-1",
      verdicts: [],
    });
    assert.deepEqual([result.proof, result.verified, result.provenAt], ["nothing-retired", true, undefined]);
  });

  for (const [title, pattern, takes] of [
    ["takes alg none", /accepts the forged token \(alg-none RS256\)/, (token: string) => token.endsWith(".")],
    ["takes HS256", /\(hs256-confusion RS256\)/, (token: string) => partOf(token, 0).alg === "HS256"],
    [
      "takes any kid",
      /\(unknown-kid RS256\)/,
      (token: string) => /^.{36}$/.test(String(partOf(token, 0).kid)),
    ],
    [
      "never looks at exp",
      /\(expired RS256\)/,
      (token: string) => Number(partOf(token, 1).exp) < Date.now() / 1000,
    ],
  ] as const) {
    test(`an instance that ${title} is not verified, though the retired key is proven dead`, async (t) => {
      const server = await api(t, { jwks: newSet, takes });
      const result = await verify(server.url, await questions());
      assert.deepEqual([result.proof, result.verified, result.reasons.length], ["replayed", false, 1]);
      assert.match(result.reasons.join(), pattern);
    });
  }

  test("an expired token that is accepted within the clock skew is asked again when that is over", async (t) => {
    const server = await api(t, { jwks: newSet, skewSeconds: 2 });
    const now = Math.floor(Date.now() / 1000);
    const probe = { ...probeSettings, clockSkewSeconds: 2 };
    const minted = await realm.mint("new", { exp: now });
    const expired = { ...minted, expiresHere: now * 1000 };
    const result = await verify(server.url, await questions({ fleet: { ...fleet, probe }, expired }));
    assert.equal(result.verified, true, result.reasons.join());
    const asked = server.received.filter(({ headers }) => headers.authorization?.endsWith(expired.token));
    assert.equal(asked.length, 2);
  });

  test("an expired token that is still accepted after the clock skew fails the instance", async (t) => {
    const server = await api(t, { jwks: newSet, skewSeconds: 600 });
    const result = await verify(server.url, await questions());
    assert.match(result.reasons.join(), /accepts the forged token \(expired RS256\)/);
  });

  test("an instance that is gone gives no verdict on anything, and none of it counts as rejected", async () => {
    const result = await verify(await refusingUrl(), await questions());
    assert.deepEqual([result.proof, result.verified], ["unproven", false]);
    assert.ok(result.checks.every(({ verdict, ok }) => verdict.kind === "inconclusive" && !ok));
    assert.match(result.reasons[0] ?? "", /does not answer: connection refused/);
  });

  test("an instance that hangs costs a few time limits and not one for every question", async (t) => {
    const server = await serve(t, () => undefined);
    const probe = { ...probeSettings, timeoutMs: 20 };
    const hurried = { ...fleet, probe, refresh: { ...fleet.refresh, timeoutMs: 20 } };
    await verify(server.url, await questions({ fleet: hurried }));
    assert.ok(
      server.received.length <= 6,
      `${server.received.length} requests to an instance that never answers`,
    );
  });

  test("an instance that was proven before keeps the time of its first proof", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions(), accepted, cellsOf(server));
    assert.equal(result.provenAt, at(1));
  });

  test("an instance that takes the retired key again loses the proof that it had", async (t) => {
    const server = await api(t, { jwks: staleSet });
    const result = await verify(server.url, await questions(), accepted, cellsOf(server));
    assert.deepEqual([result.proof, result.provenAt], ["unproven", undefined]);
  });

  test("an instance that started after the cut-over and shows its bootstrap is proven by its restart", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verifyStarted(server.url, await questions(), {
      bootstrap: "seen",
      line: "JWKS bootstrap ok",
    });
    assert.deepEqual([result.proof, result.verified, result.reasons], ["restarted", true, []]);
    assert.ok(result.provenAt);
    assert.equal(result.startup?.line, "JWKS bootstrap ok");
  });

  test("such an instance that accepts a canary which is still live is not proven by its log", async (t) => {
    const server = await api(t, { jwks: staleSet });
    const result = await verifyStarted(server.url, await questions(), { bootstrap: "seen" });
    assert.deepEqual([result.proof, result.verified], ["unproven", false]);
    assert.match(result.reasons.join(), /still accepts kid old/);
  });

  test("such an instance without the bootstrap line is unproven, and its log's end is the reason", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verifyStarted(server.url, await questions(), {
      bootstrap: "missing",
      tail: ["no keys yet"],
    });
    assert.deepEqual([result.proof, result.verified, result.provenAt], ["unproven", false, undefined]);
    assert.match(result.reasons.join(), /BOOTSTRAP_NOT_SEEN.*\n {6}no keys yet/);
  });

  test("where the canaries have expired, a restart with its bootstrap is still a proof", async (t) => {
    const server = await api(t, { jwks: newSet });
    const rows = [ledgerRow({ expiredAt: at(1) })];
    const result = await verifyStarted(server.url, await questions({ rows }), { bootstrap: "seen" });
    assert.deepEqual([result.proof, result.verified], ["restarted", true]);
    assert.ok(result.checks.every(({ check }) => check !== "retired"));
  });

  test("an instance that accepted every canary before is proven by replay, whenever it started", async (t) => {
    const server = await api(t, { jwks: newSet });
    const result = await verify(server.url, await questions());
    assert.equal(result.proof, "replayed");
  });

  test("no result holds a token", async (t) => {
    const server = await api(t, { jwks: staleSet, takes: () => true });
    const asked = await questions();
    const text = JSON.stringify(await verify(server.url, asked));
    const secrets = [
      ...asked.fleet.apiRefreshTokens,
      ...asked.forged.map(({ token }) => token),
      asked.expired.token,
    ];
    for (const { canary } of asked.rows)
      secrets.push(canary?.seen.token ?? "missing", canary?.unseen.token ?? "missing");
    for (const secret of secrets) assert.ok(!text.includes(secret));
  });
});

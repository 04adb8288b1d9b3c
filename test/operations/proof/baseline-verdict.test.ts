import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type BaselineVerdict,
  baselineGap,
  canProve,
  takesForgeries,
} from "#operations/proof/baseline-verdict";
import type { Verdict } from "#operations/proof/probe";
import { soundBefore } from "../samples.ts";

const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "timeout" };

const sound = soundBefore("old");
const divided = { verdict: rejected, spread: { accepted: 6, rejected: 2, inconclusive: 0 } };
const { forged: _forged, ...notAskedForged } = sound;

interface Row {
  title: string;
  known: BaselineVerdict | undefined;
  /** Default: no gap. */
  gap?: RegExp;
  takes?: boolean;
}

const rows: Row[] = [
  { title: "that accepted what is genuine and rejected what is forged", known: sound },
  { title: "that was not asked", known: undefined, gap: /did not accept .* kid old .*\(was not asked\)/ },
  {
    title: "that rejected the genuine token",
    known: { ...sound, verdict: rejected },
    gap: /did not accept .*\(rejected \(401\)\)/,
  },
  {
    title: "that did not answer on the genuine token",
    known: { ...sound, verdict: silent },
    gap: /did not accept .*\(inconclusive: timeout\)/,
  },
  {
    title: "of which some processes rejected the genuine token",
    known: { ...sound, ...divided },
    gap: /did not accept .*\(rejected \(401\), over 2 of 8 connections\)/,
  },
  {
    title: "that accepted a forged token",
    known: { ...sound, forged: { verdict: accepted } },
    gap: /^accepted a forged token with kid old .*its probe can't say no/,
    takes: true,
  },
  {
    title: "that rejected the genuine token and accepted a forged one",
    known: { kid: "old", verdict: rejected, forged: { verdict: accepted } },
    gap: /did not accept the canary token/,
    takes: true,
  },
  {
    title: "that did not answer on a forged token",
    known: { ...sound, forged: { verdict: silent } },
    gap: /was not seen to reject a forged token .*\(inconclusive: timeout\)/,
  },
  {
    title: "that was not asked about a forged token",
    known: notAskedForged,
    gap: /was not seen to reject a forged token .*\(was not asked\)/,
  },
];

suite("before the cut-over, an instance", () => {
  for (const { title, known, gap, takes = false } of rows)
    test(`${title} ${gap ? "can prove nothing later, and it is said why" : "can prove that it rejects"}`, () => {
      assert.equal(canProve(known), gap === undefined);
      assert.equal(takesForgeries(known), takes);
      const found = baselineGap("old", known);
      if (gap) assert.match(found ?? "", gap);
      else assert.equal(found, undefined);
    });
});

import { expect, test } from "bun:test";
import { aimLines } from "#bench/aims";
import type { Measurement } from "#bench/measure";
import { aimsOf } from "#bench/report";

const measurement = (variant: string, perSecond: number, us: number): Measurement => ({
  variant,
  connections: 64,
  answers: 1,
  perSecond,
  p50Ms: 1,
  p99Ms: 1,
  cpuUs: { api: us },
  ledgerMs: null,
  requestBytes: 1,
  answerBytes: 1,
  grown: {},
});

test("aims are those of what was asked for, at each number of connections", () => {
  const rounds = [[measurement("echo", 1_000, 10), measurement("product", 800, 20)]];
  expect(aimLines(aimsOf(rounds, [64]))).toEqual([
    "  met       0.80 product read: of the echo behind the same edge, 64 connections; by processor time 0.50 (aim: at least 0.7)",
  ]);
  // Asked for, and not measured there: that is no reason to leave it out.
  expect(aimsOf(rounds, [64, 256]).map(({ isMet }) => isMet)).toEqual([true, false]);
});

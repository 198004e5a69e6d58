/**
 * The core, its batches, retries, drain, expiry and recovery over simulated servers, in an order that a
 * seed decides (`bun run simulate`). One run is some twenty operations, with what goes wrong meanwhile.
 */
import { expect, test } from "bun:test";
import { repeatCommand, simulateMany } from "#simulation/shares";
import { evidence } from "#test/evidence";
import { counted, seed } from "#test/scale";

/** What every thousand runs must have seen, or they prove less than they say. */
const SEEN = [
  "answer outcome_unknown",
  "answer partition_fenced",
  "answer redis_unavailable",
  "cancel done",
  "cancel replayed",
  "confirm done",
  "confirm expired",
  "confirm replayed",
  "death",
  "failure lost",
  "failure refusing",
  "fault cut",
  "fault ledger away",
  "fault ledger fails",
  "fault pause",
  "fault redis clock",
  "fault redis empty",
  "fault redis older",
  "fault redis restarts",
  "fault silence",
  "rebuilt",
  "reserve held",
  "sell replayed",
  "transfer transferred",
];

/** Half a minute on two quiet cores; others may have them as well. */
const RUNS_MS_MAX = counted(240_000, 3 * 3_600_000);

test(
  "every run comes to rest with nothing oversold, doubled, lost or late",
  async () => {
    const first = seed();
    const runs = counted(2_000, 200_000);
    const done = await simulateMany({ first, runs });
    expect(done.failures).toEqual([]);
    expect(done.runs).toBe(runs);
    expect(SEEN.filter((name) => !done.seen.has(name))).toEqual([]);
    evidence("Any order of events, losses and crashes leaves the promises whole (simulation)", {
      runs: done.runs,
      operations: done.operations,
      movements: done.movements,
      events: done.events,
      rebuilds: done.seen.get("rebuilt") ?? 0,
      "a second": Math.round(done.perSecond),
      repeat: repeatCommand(first),
    });
  },
  RUNS_MS_MAX,
);

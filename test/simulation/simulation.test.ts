/**
 * The core, its batches, retries, drain, expiry and recovery over simulated servers, in an order that a
 * seed decides (`bun run simulate`). One run is some twenty operations, with what goes wrong meanwhile.
 */
import { expect, test } from "bun:test";
import { FAULTS } from "#simulation/plan";
import { repeatCommand, simulateMany } from "#simulation/shares";
import { evidence } from "#test/evidence";
import { counted, seed } from "#test/scale";

/** What every thousand runs must have seen, or they prove less than they say. */
const SEEN = [
  ...FAULTS.map((kind) => `fault ${kind}`),
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
  "hold judged",
  "hold judged after a trouble",
  "look at limits",
  "look at live holds",
  "look at Redis",
  "read of what the ledger lacked",
  "rebuilt",
  "reserve above_quota",
  "reserve held",
  "sell replayed",
  "transfer transferred",
];

/** A run takes some 16 ms of a processor in the first thousand; others may want them as well. */
const RUNS_MS_MAX = counted(240_000, 3 * 3_600_000);

test(
  "every run comes to rest with nothing oversold, doubled, lost or late",
  async () => {
    const first = seed();
    const runs = counted(2_000, 200_000);
    const done = await simulateMany({ first, runs });
    const times = (name: string): number => done.seen.get(name) ?? 0;
    expect(done.failures).toEqual([]);
    expect(done.runs).toBe(runs);
    expect(SEEN.filter((name) => !done.seen.has(name))).toEqual([]);
    evidence("Any order of events, losses and crashes leaves the promises whole (simulation)", {
      runs: done.runs,
      operations: done.operations,
      movements: done.movements,
      events: done.events,
      rebuilds: times("rebuilt"),
      "ends of holds judged in calm": times("hold judged"),
      "and after a trouble": times("hold judged after a trouble"),
      "looks at Redis": times("look at Redis"),
      "with live holds": times("look at live holds"),
      "a second": Math.round(done.perSecond),
      repeat: repeatCommand(first),
    });
  },
  RUNS_MS_MAX,
);

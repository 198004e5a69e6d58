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
  "end judged",
  "end judged after a trouble",
  "join available",
  "join changed",
  "join joined",
  "leave left",
  "look at limits",
  "look at live holds",
  "look at named limits",
  "look at Redis",
  "offer judged",
  "offer judged after a trouble",
  "place ended: left",
  "place ended: offered",
  "place held",
  "place waiting",
  "putLimit put",
  "read of what the ledger lacked",
  "rebuilt",
  "removeCampaign removed",
  "removeLimit removed",
  "reserve above_quota",
  "reserve campaign_due",
  "reserve campaign_ended",
  "reserve campaign_not_started",
  "reserve campaign_stopped",
  "reserve held",
  "return judged",
  "return judged after a trouble",
  "sell replayed",
  "start judged",
  "start judged after a trouble",
  "stopCampaign over",
  "stopCampaign stopped",
  "take judged by a named limit",
  "take of a campaign",
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
      "units taken under limits": times("take judged by a named limit"),
      "units taken of campaigns": times("take of a campaign"),
      "places that ended with an offer": times("place ended: offered"),
      "a second": Math.round(done.perSecond),
      repeat: repeatCommand(first),
    });
  },
  RUNS_MS_MAX,
);

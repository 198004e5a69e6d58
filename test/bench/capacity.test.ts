import { describe, expect, test } from "bun:test";
import { capacityPage, ENDED_SECONDS, Figures, limitsOf, needsOf } from "#bench/capacity-model";
import { textOf } from "#test/packaging";

const measured = Figures.parse(JSON.parse(textOf("bench/capacity.json")));

/** Round figures: what follows from them is computed by heart. */
const ROUND: Figures = {
  ...measured,
  reserveUs: { api: 60, worker: 12, redis: 30, postgres: 18 },
  bytes: {
    request: 500,
    answer: 1_000,
    toRedis: 300,
    fromRedis: 200,
    together: 4_000,
    file: 600,
    wal: 1_500,
    ledger: 900,
    hold: 300,
    journal: 250,
  },
};

describe("docs/capacity.md", () => {
  test("is what its figures say: `bun bench/capacity.ts --computed --write`", () => {
    expect(textOf("docs/capacity.md")).toBe(capacityPage(measured));
  });

  test("keeps ended holds as long as the scripts do", () => {
    const { CONFIRMED, EXPIRED } = ENDED_SECONDS;
    expect(textOf("lua/lib/holds.lua")).toMatch(
      new RegExp(`CONFIRMED = ${CONFIRMED}000\\b.*EXPIRED = ${EXPIRED}000\\b`),
    );
  });

  test("computes what so many reservations a second need", () => {
    // 6, 1.2, 3 and 1.8 cores, used to 60 %.
    expect(needsOf(ROUND, 100_000)).toMatchObject({
      apis: 10,
      workers: 2,
      redis: 5,
      postgresCores: 3,
      partitions: 5,
      installations: 5,
      holdBytes: 100_000 * 1_800 * 300,
      soldBytesAMinute: 1.8e9,
      waitingBytesAMinute: 1.5e9,
      secondsWithoutLedger: 500,
      fileBytes: 6e7,
      walBytes: 1.5e8,
      ledgerBytesAnHour: 3.24e11,
      requestBits: 4e8,
      answerBits: 8e8,
      redisBits: 4e8,
      allBits: 3.2e9,
    });
    expect(needsOf(ROUND, 10_000)).toMatchObject({ apis: 1, redis: 1, partitions: 1 });
  });

  test("says what one product, one Redis and one worker can do", () => {
    const { redis, worker, drain, installation } = limitsOf(ROUND);
    expect(redis.planned).toBeCloseTo(20_000);
    expect(worker.most).toBeCloseTo(83_333.3, 0);
    expect(drain.most).toBeCloseTo(33_333.3, 0);
    expect(installation).toBeCloseTo(20_000);
    const page = capacityPage(ROUND);
    expect(page).toContain("20 000 reservations of one hot product a second");
    expect(page).toContain("| network: its answers | 80 Mbit/s | 800 Mbit/s | 8.0 Gbit/s |");
  });

  test("warns of figures that were taken beside others", () => {
    const warning = "replaces them";
    expect(capacityPage({ ...ROUND, othersShare: 0.05 })).not.toContain(warning);
    expect(capacityPage({ ...ROUND, othersShare: 0.3 })).toContain(warning);
  });
});

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
  confirmUs: { api: 40, worker: 8, redis: 20, postgres: 12 },
  endBytes: {
    request: 300,
    answer: 600,
    toRedis: 200,
    fromRedis: 100,
    together: 3_000,
    file: 400,
    wal: 1_000,
    ledger: 100,
    hold: 20,
    journal: 150,
  },
};

/** All of an end takes so many times as much. */
const withEnds = (times: number): Figures => {
  const { confirmUs, endBytes } = ROUND;
  const more = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value * times]));
  return Figures.parse({ ...ROUND, confirmUs: more(confirmUs), endBytes: more(endBytes) });
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

  test("computes what so many reservations a second need, each with its end", () => {
    // 10, 2, 5 and 3 cores, used to 60 %.
    expect(needsOf(ROUND, 100_000)).toEqual({
      apis: 17,
      workers: 4,
      redis: 9,
      postgresCores: 5,
      partitions: 9,
      installations: 9,
      holdBytes: 100_000 * (900 * 300 + 900 * 320),
      soldBytesAMinute: 1.92e9,
      waitingBytesAMinute: 2.4e9,
      secondsWithoutLedger: 450,
      fileBytes: 1e8,
      walBytes: 2.5e8,
      ledgerBytesAnHour: 3.6e11,
      requestBits: 6.4e8,
      answerBits: 1.28e9,
      redisBits: 6.4e8,
      allBits: 5.6e9,
    });
    expect(needsOf(ROUND, 10_000)).toMatchObject({ apis: 2, redis: 1, partitions: 1 });
  });

  test("leaves the end of a hold out of nothing that is needed", () => {
    const [once, twice] = [withEnds(1), withEnds(2)].map((figures) => ({
      ...needsOf(figures, 1_000_000),
      ...limitsOf(figures),
    }));
    const same = Object.entries(once ?? {}).filter(([name, value]) =>
      Bun.deepEquals(value, new Map(Object.entries(twice ?? {})).get(name)),
    );
    // Both fast enough for a sale that never ends: the drain of these figures keeps up with Redis.
    expect(same.map(([name]) => name)).toEqual(["saleSeconds"]);
    // A reservation and its end are two movements: half the time of one.
    const none = needsOf(withEnds(0), 100_000);
    expect(none.secondsWithoutLedger).toBe((10_000_000 * none.partitions) / 200_000);
  });

  test("says what one product, one Redis and one worker can do", () => {
    const { redis, worker, drain, installation } = limitsOf(ROUND);
    expect(redis.planned).toBeCloseTo(12_000);
    expect(worker.most).toBeCloseTo(50_000);
    expect(drain.most).toBeCloseTo(20_000);
    expect(installation).toBeCloseTo(12_000);
    const page = capacityPage(ROUND);
    expect(page).toContain(
      "that lasts has 12 000 reservations a second as planned, and 20 000 where",
    );
    expect(page).toContain("**Beyond 12 000 a second**");
    expect(page).toContain("| network: its answers | 128 Mbit/s | 1.3 Gbit/s | 13 Gbit/s |");
  });

  test("says how long one product sells faster than its drain writes", () => {
    const slow = { ...ROUND, confirmUs: { ...ROUND.confirmUs, postgres: 62 } };
    const { redis, drain, saleSeconds } = limitsOf(slow);
    expect(redis.planned).toBeCloseTo(12_000);
    expect(drain.planned).toBeCloseTo(6_000);
    // 6 000 reservations a second that are not written yet, with as many ends.
    expect(saleSeconds).toBeCloseTo(10_000_000 / 12_000);
    const page = capacityPage(slow);
    expect(page).toContain("that lasts has 6 000 reservations a second as planned");
    expect(page).toContain("(10 000 000 movements) for 13 minutes");
  });

  test("warns of figures that were taken beside others", () => {
    const warning = "replaces them";
    expect(capacityPage({ ...ROUND, othersShare: 0.05 })).not.toContain(warning);
    expect(capacityPage({ ...ROUND, othersShare: 0.3 })).toContain(warning);
  });
});

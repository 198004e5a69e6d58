/** Clocks that are wrong: that of Redis decides about due times, and no other one does. */
import { readdirSync } from "node:fs";
import { expect, test } from "bun:test";
import { z } from "zod";
import type { Reservation } from "#inventory/model";
import { audit, type Acknowledged } from "#test/audit";
import { codeIn, inventoryOf, type Answer } from "#test/caller";
import { evidence } from "#test/evidence";
import { falseClock, offsetBy } from "#test/false-clock";
import { startInstallation, type Installation } from "#test/installation";
import { counted } from "#test/scale";
import { endsOf, makeHolds, makeProduct, wrongEnds } from "#test/short-holds";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const HOLDS = counted(300, 20_000);
/** One hold in so many is confirmed while it lives. */
const CONFIRMED_EACH = 10;
const HOUR = 3_600;
const HALF_HOUR = HOUR / 2;
const HOLD_SECONDS = 900;
const SHORT_SECONDS = 3;
/** A sweep comes every 5 s; wake-ups count on the worker's clock. */
const SWEPT_MS_MAX = 7_000;
const ALL_MS_MAX = counted(10_000, 120_000);
/** Two looks of the watch. */
const NOTICED_MS_MAX = 6_000;
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

const Health = z.object({ timestamp: z.string() });

const confirm = ({ caller, admin }: Installation, { reservationId }: Reservation) =>
  caller.call({ method: "POST", path: `/reservation/${reservationId}/confirm`, token: admin });

const saleOf = ({ requestId }: Answer, { reservationId }: Reservation): Acknowledged => {
  return { requestId, type: "SALE", units: 1, reservationId };
};

async function reservedOf({ caller, admin }: Installation, productId: string): Promise<number> {
  const request = { method: "GET", path: `/product/${productId}`, token: admin } as const;
  return inventoryOf(await caller.call(request)).reservedStock;
}

const untilReleased = (all: Installation, productId: string, withinMs: number) =>
  until(async () => (await reservedOf(all, productId)) === 0, {
    withinMs,
    what: "every hold has ended",
  });

/** `holdfast_clock_lead_seconds` as the API has it. */
async function clockLead({ api }: Installation): Promise<number> {
  const text = await (await fetch(`${api.url}/metrics`)).text();
  const [, value = "0"] = /^holdfast_clock_lead_seconds\{partition="0"\} (\S+)/m.exec(text) ?? [];
  return Number(value);
}

/** What libfaketime would leave behind of a process that is killed. */
function expectNoClockNames(...pids: readonly number[]): void {
  const own = (name: string): boolean => pids.some((pid) => name.endsWith(`_${pid}`));
  expect(readdirSync("/dev/shm").filter(own)).toEqual([]);
}

test(
  "Redis's clock jumps an hour ahead and back: time never goes back, holds expire once, none is sold late",
  async () => {
    const clock = await falseClock();
    await using all = await startInstallation({ redis: clock.redis });
    expectNoClockNames(all.redis.pid);
    await using stores = await openStoresOf(all.servers.redisUrl, all.servers.databaseUrl);
    const acknowledged: Acknowledged[] = [];
    await makeProduct(stores, "jumped", 3 * HOLDS, acknowledged);
    const what = { productId: "jumped", count: HOLDS, seconds: HOLD_SECONDS };

    // Ahead: all of them are due at once, and none can be sold any more.
    const first = await makeHolds(stores, what, acknowledged);
    clock.set(HOUR);
    const jumpedAt = performance.now();
    for (const hold of first.slice(0, 3)) {
      const late = await confirm(all, hold);
      expect([late.status, codeIn(late)]).toEqual([410, "reservation_expired"]);
    }
    await untilReleased(all, "jumped", ALL_MS_MAX);
    const releasedMs = Math.round(performance.now() - jumpedAt);

    // Back: time stands still, which is said; what is made now lives, and is sold or kept.
    clock.set(0);
    const second = await makeHolds(stores, what, acknowledged);
    const earliest = Math.min(...second.map(({ expiresAt }) => expiresAt));
    expect(earliest).toBeGreaterThanOrEqual(Math.max(...first.map(({ expiresAt }) => expiresAt)));
    expect(earliest - Date.now()).toBeGreaterThan(HOUR * 1_000);
    await until(async () => (await clockLead(all)) > HOUR - HALF_HOUR, {
      withinMs: NOTICED_MS_MAX,
      what: "the metric tells of the clock",
    });
    const said = "the clock of Redis went back: time stands still";
    await until(() => all.api.output().includes(said) && all.worker.output().includes(said), {
      withinMs: NOTICED_MS_MAX,
      what: "the log tells of the clock",
    });
    const chosen = second.filter((_, i) => i % CONFIRMED_EACH === 0);
    for (const hold of chosen) {
      const answer = await confirm(all, hold);
      expect(answer.status).toBe(200);
      acknowledged.push(saleOf(answer, hold));
    }
    expect(await reservedOf(all, "jumped")).toBe(second.length - chosen.length);

    // Back further, below every time it ever had, and ahead for good: the rest expires.
    clock.set(-HOUR);
    const third = await makeHolds(stores, { ...what, count: 10 }, acknowledged);
    clock.set(2 * HOUR);
    await untilReleased(all, "jumped", ALL_MS_MAX);
    await until(() => all.api.output().includes("the clock of Redis has caught up"), {
      withinMs: NOTICED_MS_MAX,
      what: "the log tells that the clock has caught up",
    });
    expect(await clockLead(all)).toBe(0);

    const audited = await audit({ ...all.servers, acknowledged });
    const holds = [...first, ...second, ...third];
    const ends = await endsOf(stores, "jumped");
    expect(wrongEnds(holds, ends)).toEqual([]);
    const sold = ends.filter(({ type }) => type === "SALE");
    expect([sold.length, ends.length]).toEqual([chosen.length, holds.length]);
    const [backwards] = await stores.sql`
      SELECT count(*)::integer AS count FROM (
        SELECT at < lag(at) OVER (PARTITION BY partition ORDER BY seq) AS is_back FROM movements
      ) AS steps WHERE is_back`;
    expect(backwards?.["count"]).toBe(0);
    evidence("Redis's clock jumps by hours: time never goes back, each hold ends once", {
      holds: holds.length,
      sold: sold.length,
      "expired after the jump (ms)": releasedMs,
      "movements audited": audited.movements,
    });
  },
  TEST_MS_MAX,
);

test.each([
  [HALF_HOUR, -HALF_HOUR],
  [-HALF_HOUR, HALF_HOUR],
])(
  "the api's clock is %d s off and the worker's %d s: holds are due, sold and released by Redis's",
  async (apiSeconds, workerSeconds) => {
    await using all = await startInstallation({
      api: async () => ({ env: await offsetBy(apiSeconds) }),
      worker: async () => ({ env: await offsetBy(workerSeconds) }),
    });
    expectNoClockNames(all.api.pid, all.worker.pid);
    await using stores = await openStoresOf(all.servers.redisUrl, all.servers.databaseUrl);
    const acknowledged: Acknowledged[] = [];
    await makeProduct(stores, "skewed", HOLDS, acknowledged);
    const health = await fetch(`${all.api.url}/health`);
    const { timestamp } = Health.parse(await health.json());
    const offMs = Date.parse(timestamp) - Date.now();
    expect(Math.abs(offMs - apiSeconds * 1_000)).toBeLessThan(60_000);
    const count = Math.floor(HOLDS / 2);
    const what = { productId: "skewed", count, seconds: SHORT_SECONDS };
    const holds = await makeHolds(stores, what, acknowledged);
    const [early] = holds;
    if (!early) throw new Error("there are no holds");
    const sold = await confirm(all, early);
    expect(sold.status).toBe(200);
    acknowledged.push(saleOf(sold, early));

    const due = Math.max(...holds.map(({ expiresAt }) => expiresAt));
    await until(() => Date.now() >= due, { withinMs: ALL_MS_MAX, what: "all of them are due" });
    const late = await confirm(all, holds.at(-1) ?? early);
    expect([late.status, codeIn(late)]).toEqual([410, "reservation_expired"]);
    await untilReleased(all, "skewed", SWEPT_MS_MAX);
    const request = {
      method: "POST",
      path: "/product/skewed/reserve",
      token: all.admin,
      body: { quantity: 1, orderId: "kept", expirationMinutes: 1 },
    } as const;
    expect((await all.caller.call(request)).status).toBe(201);

    const audited = await audit({ ...all.servers, acknowledged });
    const ends = await endsOf(stores, "skewed");
    expect(wrongEnds(holds, ends)).toEqual([]);
    const delayMs =
      Math.max(...ends.filter(({ type }) => type === "EXPIRE").map(({ at }) => at)) - due;
    expect(delayMs).toBeLessThan(SWEPT_MS_MAX);
    evidence("the clocks of api and worker are wrong: expiry is by Redis's alone", {
      "api off (s)": apiSeconds,
      "worker off (s)": workerSeconds,
      holds: holds.length,
      "released after (ms, max)": delayMs,
      "movements audited": audited.movements,
    });
  },
  TEST_MS_MAX,
);

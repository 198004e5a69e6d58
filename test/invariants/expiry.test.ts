import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { Reservation } from "#inventory/model";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { ownConnection } from "#postgres/client";
import { audit, type Acknowledged } from "#test/audit";
import { Caller, codeIn, inventoryOf } from "#test/caller";
import { evidence } from "#test/evidence";
import { contextOf, withinMs } from "#test/expiring-load";
import { keysLike } from "#test/keyspace";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { endCommand, initializeCommand, reserveCommand } from "#test/store";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const HOLDS = 5_000;
/** One hold in so many is confirmed around its due time. */
const CONFIRMED_EACH = 5;
const BEFORE_MS = 250;
const AFTER_MS = 30;
/** Enough to make all holds before they are due. */
const AHEAD_SECONDS = 5;
const CHUNK = 500;
const RELEASED_MS_MAX = 1_000;
const SWEEP_MS = 5_000;
const TEST_MS_MAX = 60_000;

async function startAll() {
  const [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const api = await startService({ ...servers, role: "api" });
  const stores = await openStoresOf(redis.url, database.url);
  const admin = await tokenOf("admin", "administrator");
  return { redis, database, servers, api, stores, admin, caller: new Caller(api.url) };
}

let all: Awaited<ReturnType<typeof startAll>>;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startAll();
}, TEST_MS_MAX);
afterAll(async () => {
  await all.stores.close();
  await all.api[Symbol.asyncDispose]();
  await all.redis.stop();
  await all.database.drop();
});

async function initialize(productId: string, units: number): Promise<void> {
  const requestId = randomId(16);
  const more = { context: contextOf(requestId), deadline: withinMs() };
  const outcome = await all.stores.store.initialize(initializeCommand(productId, units, more));
  if (outcome.kind !== "initialized") throw new Error(`initialize answered ${outcome.kind}`);
  acknowledged.push({ requestId, type: "INITIAL", units, reservationId: null });
}

async function hold(productId: string, seconds: number): Promise<Reservation> {
  const requestId = randomId(16);
  const more = { context: contextOf(requestId), deadline: withinMs(), holdSeconds: seconds };
  const command = reserveCommand(requestId, { [productId]: 1 }, more);
  const outcome = await all.stores.store.reserve(command);
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  const { reservationId } = outcome.reservation;
  acknowledged.push({ requestId, type: "RESERVE", units: 1, reservationId });
  return outcome.reservation;
}

async function confirm({ reservationId }: Reservation): Promise<boolean> {
  const requestId = randomId(16);
  const more = { context: contextOf(requestId), deadline: withinMs() };
  const outcome = await all.stores.store.confirm(endCommand(reservationId, more));
  if (outcome.kind === "done") {
    acknowledged.push({ requestId, type: "SALE", units: 1, reservationId });
    return true;
  }
  if (outcome.kind !== "expired") throw new Error(`confirm answered ${outcome.kind}`);
  return false;
}

/** Waits until so many milliseconds are left (or, below zero, have passed) by Redis's clock. */
async function untilDueIn(ms: number, { expiresAt }: Pick<Reservation, "expiresAt">) {
  await until(() => all.stores.store.msUntil(0, (expiresAt ?? Infinity) / 1_000) <= ms, {
    withinMs: 10_000,
    what: `a hold is due in ${ms} ms`,
  });
}

/** How each hold of a product ended: the type of its last movement, and when. */
async function endsOf(productId: string) {
  // One that was silent for long may be ended just as it is used.
  const sql = ownConnection(all.stores.sql, () => undefined);
  const rows = await sql`
    SELECT reservation_id AS id, type, (extract(epoch FROM at) * 1000)::float8 AS at
    FROM movements WHERE product_id = ${productId} AND type IN ('SALE', 'EXPIRE', 'RELEASE')`;
  await sql.end();
  return rows.map((row) => ({
    id: String(row["id"]),
    type: String(row["type"]),
    at: Number(row["at"]),
  }));
}

const reservedOf = async (productId: string): Promise<number> => {
  const request = { method: "GET", path: `/product/${productId}`, token: all.admin } as const;
  return inventoryOf(await all.caller.once(request)).reservedStock;
};

test(
  "while no worker runs, expiry is exact on touch: stock that is due is sold, and confirm gets 410",
  async () => {
    const { caller, admin } = all;
    await initialize("touched", 2);
    const [one, two] = await Promise.all([hold("touched", 1), hold("touched", 1)]);
    const reserve = {
      method: "POST",
      path: "/product/touched/reserve",
      token: admin,
      body: { quantity: 2, orderId: "needs-both" },
    } as const;
    expect((await caller.once(reserve)).status).toBe(409);
    await untilDueIn(0, (one.expiresAt ?? 0) > (two.expiresAt ?? 0) ? one : two);
    const path = `/reservation/${one.reservationId}/confirm`;
    const late = await caller.once({ method: "POST", path, token: admin });
    expect([late.status, codeIn(late)]).toEqual([410, "reservation_expired"]);
    expect((await caller.once(reserve)).status).toBe(201);
    expect(await reservedOf("touched")).toBe(2);
  },
  TEST_MS_MAX,
);

test(
  "5 000 holds due in the same second are all released within the next, and none is confirmed late",
  async () => {
    await using worker = await startService({ ...all.servers, role: "worker" });
    await initialize("rush", 2 * HOLDS);
    const second = Math.ceil(processClock.now() / 1_000) + AHEAD_SECONDS;
    const due = second * 1_000;
    const holds: Reservation[] = [];
    while (holds.length < HOLDS) {
      // A second may end while they are made: those that came too late are due in the next one.
      const seconds = Math.floor(all.stores.store.msUntil(0, second) / 1_000);
      const chunk = Array.from({ length: CHUNK }, () => hold("rush", seconds));
      const made = await Promise.all(chunk);
      holds.push(...made.filter(({ expiresAt }) => expiresAt === due));
    }
    // Small groups from a little before the due time to a little after it.
    const chosen = holds.filter((_, i) => i % CONFIRMED_EACH === 0);
    const groups = Map.groupBy(chosen, (_, i) => BEFORE_MS - (i % (BEFORE_MS + AFTER_MS)));
    const confirms: Promise<{ id: string; isConfirmed: boolean }>[] = [];
    for (const [beforeMs, group] of groups) {
      await untilDueIn(beforeMs, { expiresAt: due });
      for (const reservation of group) {
        const id = reservation.reservationId;
        confirms.push(confirm(reservation).then((isConfirmed) => ({ id, isConfirmed })));
      }
    }
    const answers = await Promise.all(confirms);
    const confirmed = answers.filter(({ isConfirmed }) => isConfirmed).length;
    const late = answers.flatMap(({ id, isConfirmed }) => (isConfirmed ? [] : [id]));
    await until(async () => (await reservedOf("rush")) === 0, {
      withinMs: 10_000,
      what: "every hold has ended",
    });
    const audited = await audit({ ...all.servers, acknowledged });

    const ids = new Set<string>(holds.map(({ reservationId }) => reservationId));
    const ends = (await endsOf("rush")).filter(({ id }) => ids.has(id));
    const sold = ends.filter(({ type }) => type === "SALE");
    const expired = ends.filter(({ type }) => type === "EXPIRE");
    expect(new Set(ends.map(({ id }) => id)).size).toBe(ends.length);
    expect([sold.length, sold.length + expired.length]).toEqual([confirmed, holds.length]);
    expect(holds.length).toBeGreaterThanOrEqual(HOLDS);
    expect(sold.filter(({ at }) => at >= due)).toEqual([]);
    const expiredIds = new Set(expired.map(({ id }) => id));
    expect(late.filter((id) => !expiredIds.has(id))).toEqual([]);
    expect(confirmed).toBeGreaterThan(0);
    expect(late.length).toBeGreaterThan(0);
    const delays = expired.map(({ at }) => at - due).toSorted((a, b) => a - b);
    const at = (share: number) => delays[Math.floor((delays.length - 1) * share)] ?? -1;
    expect(worker.hasExited()).toBe(false);
    expect(at(0)).toBeGreaterThanOrEqual(0);
    expect(at(1)).toBeLessThan(RELEASED_MS_MAX);
    evidence("holds due in the same second are all released within the next, none is sold late", {
      released: expired.length,
      "after (ms, p50)": at(0.5),
      "after (ms, p99)": at(0.99),
      "after (ms, max)": at(1),
      "confirmed in time": confirmed,
      "refused as expired": late.length,
      "movements audited": audited.movements,
    });
  },
  TEST_MS_MAX,
);

test(
  "a lost wake-up costs no more than the sweep's period: what is due is released all the same",
  async () => {
    await using worker = await startService({ ...all.servers, role: "worker" });
    await initialize("forgotten", 10);
    const lost = await Promise.all(Array.from({ length: 10 }, () => hold("forgotten", 1)));
    const redis = new Redis(all.redis.url);
    const keys = await until(
      async () => {
        const found = await keysLike(redis, "{bull}:");
        return found.some((key) => key.includes("expire-0-")) && found;
      },
      { withinMs: 900, what: "a wake-up was asked for" },
    );
    await redis.del(...keys);
    redis.disconnect();
    const due = Math.max(...lost.map(({ expiresAt }) => expiresAt ?? Infinity));
    const waitMs = due - processClock.now() + SWEEP_MS + RELEASED_MS_MAX;
    await until(async () => (await reservedOf("forgotten")) === 0, {
      withinMs: waitMs,
      what: "the sweep has released what was due",
    });
    const audited = await audit({ ...all.servers, acknowledged });
    const ends = await endsOf("forgotten");
    expect(ends.map(({ type }) => type)).toEqual(Array.from({ length: 10 }, () => "EXPIRE"));
    expect(worker.hasExited()).toBe(false);
    const delayMs = Math.max(...ends.map(({ at }) => at)) - due;
    console.log(`wake-ups lost: released ${delayMs} ms after they were due`, audited);
  },
  TEST_MS_MAX,
);

/** Who wakes the worker may fail, and the worker too: what is due is due all the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { Stores } from "#compose/stores";
import { audit, type Acknowledged } from "#test/audit";
import { codeIn, inventoryOf } from "#test/caller";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { keysLike } from "#test/keyspace";
import { counted } from "#test/scale";
import { endsOf, makeHolds, makeProduct, wrongEnds } from "#test/short-holds";
import { spreadOf } from "#test/spread";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const HOLDS = counted(1_000, 5_000);
const ROUNDS = counted(1, 10);
/** Long enough to make all of them before the first is due. */
const HOLD_SECONDS = counted(3, 6);
/** Who ask at once, of all that is due. */
const TAKEN = 20;
/** The sweep comes every 5 s. */
const SWEPT_MS_MAX = counted(7_000, 30_000);
const WOKEN_MS_MAX = 1_000;
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

let all: Installation;
let stores: Stores & AsyncDisposable;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  all = await startInstallation();
  stores = await openStoresOf(all.servers.redisUrl, all.servers.databaseUrl);
}, TEST_MS_MAX);
afterAll(async () => {
  await stores[Symbol.asyncDispose]();
  await all[Symbol.asyncDispose]();
});

async function reservedOf(productId: string): Promise<number> {
  const request = { method: "GET", path: `/product/${productId}`, token: all.admin } as const;
  return inventoryOf(await all.caller.call(request)).reservedStock;
}

const untilReserved = (productId: string, units: number, withinMs: number) =>
  until(async () => (await reservedOf(productId)) === units, {
    withinMs,
    what: `${units} units of ${productId} are held`,
  });

/** As Redis has it: no process of these tests has another clock. */
const untilPast = (ms: number) =>
  until(() => Date.now() > ms, { withinMs: 30_000, what: "the holds are due" });

test(
  "the worker is killed: what is due is never sold, its units are there for who asks, each hold ends once",
  async () => {
    const takenMs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const productId = `killed-${round}`;
      await makeProduct(stores, productId, HOLDS, acknowledged);
      const what = { productId, count: HOLDS, seconds: HOLD_SECONDS };
      const holds = await makeHolds(stores, what, acknowledged);
      await all.worker.kill();
      const due = Math.max(...holds.map(({ expiresAt }) => expiresAt));
      await untilPast(due);
      for (const { reservationId } of holds.slice(0, 5)) {
        const path = `/reservation/${reservationId}/confirm`;
        const late = await all.caller.call({ method: "POST", path, token: all.admin });
        expect([late.status, codeIn(late)]).toEqual([410, "reservation_expired"]);
      }
      // All units were held: each of these finds its own among what is due.
      const askedAt = performance.now();
      const path = `/product/${productId}/reserve`;
      const taken = Array.from({ length: TAKEN }, (_, i) => {
        const body = { quantity: 1, orderId: `order-${i}` };
        return all.caller.once({ method: "POST", path, token: all.admin, body });
      });
      expect((await Promise.all(taken)).filter(({ status }) => status !== 201)).toEqual([]);
      takenMs.push(Math.round(performance.now() - askedAt));
      await all.worker.restart();
      await untilReserved(productId, TAKEN, SWEPT_MS_MAX);

      await audit({ ...all.servers, acknowledged });
      const ends = await endsOf(stores, productId);
      expect(wrongEnds(holds, ends)).toEqual([]);
      expect(ends.map(({ type }) => type)).toEqual(holds.map(() => "EXPIRE"));
    }
    evidence(
      "the worker is killed: due units are there for who asks, each hold ends once",
      {
        kills: ROUNDS,
        holds: ROUNDS * HOLDS,
        "taken by touch": ROUNDS * TAKEN,
        "all of one kill's after (ms, max)": spreadOf(takenMs).max,
      },
      { trials: ROUNDS },
    );
  },
  TEST_MS_MAX,
);

test(
  "the data of BullMQ are wiped while holds come due: the sweep releases them, and wake-ups go on",
  async () => {
    const redis = new Redis(all.servers.redisUrl);
    const late: number[] = [];
    const wokenLate: number[] = [];
    const wiped: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const productId = `wiped-${round}`;
      await makeProduct(stores, productId, HOLDS, acknowledged);
      const what = { productId, count: HOLDS, seconds: HOLD_SECONDS };
      const holds = await makeHolds(stores, what, acknowledged);
      const due = Math.max(...holds.map(({ expiresAt }) => expiresAt));
      let wipedNow = 0;
      await until(
        async () => {
          const keys = await keysLike(redis, "{bull}:");
          wipedNow += keys.length;
          if (keys.length > 0) await redis.unlink(...keys);
          return Date.now() > due;
        },
        { withinMs: 30_000, what: "the holds are due" },
      );
      expect(wipedNow).toBeGreaterThan(0);
      wiped.push(wipedNow);
      await untilReserved(productId, 0, SWEPT_MS_MAX);

      // Later seconds, which nobody asked for yet: a sweep comes for one in five of them at most.
      const later = [];
      for (const seconds of [2, 3, 4, 5]) {
        later.push(...(await makeHolds(stores, { ...what, count: 1, seconds }, acknowledged)));
      }
      await untilReserved(productId, 0, SWEPT_MS_MAX + 5_000);
      await audit({ ...all.servers, acknowledged });
      const ends = await endsOf(stores, productId);
      expect(wrongEnds([...holds, ...later], ends)).toEqual([]);
      const laterIds = new Set<string>(later.map(({ reservationId }) => reservationId));
      const delays = ends.filter(({ id }) => laterIds.has(id)).map((end) => end.at - end.due);
      expect(Math.max(...delays)).toBeLessThan(WOKEN_MS_MAX);
      late.push(...ends.map((end) => end.at - end.due));
      wokenLate.push(...delays);
    }
    evidence(
      "BullMQ's data are wiped: the sweep releases what is due, and wake-ups go on",
      {
        rounds: ROUNDS,
        holds: late.length,
        "keys wiped": wiped.reduce((sum, keys) => sum + keys, 0),
        "released after (ms, p99)": spreadOf(late).p99,
        "released after (ms, max)": spreadOf(late).max,
        "the next wake-ups after (ms, max)": spreadOf(wokenLate).max,
      },
      { trials: ROUNDS },
    );
    redis.disconnect();
  },
  TEST_MS_MAX,
);

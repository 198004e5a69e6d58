import { describe, expect, test } from "bun:test";
import { loadScript, runScript } from "#redis/script";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  extendCommand,
  initialize,
  product,
  reserve,
  reserveCommand,
  type TestStore,
  type TimedHold,
} from "#test/store";

const { redis, open } = await redisOfFile();
const SCRIPT = loadScript("stock/next-due.lua");

/** Seconds by Redis's clock, "" for none, of each product. */
const nextDue = (...products: string[]): Promise<unknown> =>
  runScript(redis, SCRIPT, "{p0}:meta", products);

const second = ({ expiresAt }: TimedHold): string => String(expiresAt / 1_000);

async function started(): Promise<TestStore["store"]> {
  const { store } = await open();
  await initialize(store, "p1", 1_000);
  await initialize(store, "p2", 1_000);
  return store;
}

describe("the next due time of a product", () => {
  test("is that of its first live hold, whatever else is due before", async () => {
    const store = await started();
    await reserve(store, "o1", { p2: 1 }, { holdSeconds: 30 });
    const second2 = await reserve(store, "o2", { p1: 1 }, { holdSeconds: 60 });
    await reserve(store, "o3", { p1: 1 }, { holdSeconds: 90 });
    expect(await nextDue("p1")).toEqual([second(second2)]);
    expect(await nextDue("p3", "p1")).toEqual(["", second(second2)]);
  });

  test("passes over a hold that was extended, ended or replaced since", async () => {
    const store = await started();
    const extended = await reserve(store, "o1", { p1: 1 }, { holdSeconds: 30 });
    await store.extend(extendCommand(extended.reservationId, 300));
    const ended = await reserve(store, "o2", { p1: 1 }, { holdSeconds: 30 });
    await store.confirm(endCommand(ended.reservationId));
    await reserve(store, "o3", { p1: 1 }, { holdSeconds: 30 });
    const replacing = await reserve(store, "o3", { p1: 2 }, { holdSeconds: 60 });
    expect(await nextDue("p1")).toEqual([second(replacing)]);
    await store.cancel(endCommand(replacing.reservationId));
    expect(await nextDue("p1")).toEqual([String(Number(second(extended)) + 270)]);
  });

  test("passes over a hold that has nothing left of that product", async () => {
    const store = await started();
    const cart = await reserve(store, "o1", { p1: 1, p2: 1 }, { holdSeconds: 30 });
    const lines = [{ productId: product("p1"), quantity: 1 }];
    await store.cancel(endCommand(cart.reservationId, { lines }));
    expect(await nextDue("p1", "p2")).toEqual(["", second(cart)]);
  });

  test("is not looked for among standing holds, nor behind the next 128 holds", async () => {
    const store = await started();
    await store.reserve(reserveCommand("standing", { p1: 1 }, { holdSeconds: null }));
    expect(await nextDue("p1")).toEqual([""]);
    for (let i = 0; i < 128; i += 1) await reserve(store, `o${i}`, { p2: 1 }, { holdSeconds: 30 });
    const behind = await reserve(store, "behind", { p1: 1 }, { holdSeconds: 90 });
    expect(await nextDue("p1")).toEqual([""]);
    expect(await nextDue("p2", "p1")).toEqual([expect.stringMatching(/^\d+$/), ""]);
    expect(behind.status).toBe("ACTIVE");
  });

  test("costs a look at whole windows, and at the seconds of the one that has a hold", async () => {
    const store = await started();
    const far = await reserve(store, "o1", { p1: 1 }, { holdSeconds: 890 });
    await redis.config("RESETSTAT");
    expect(await nextDue("p1")).toEqual([second(far)]);
    const stats = await redis.info("commandstats");
    const calls = (name: string) =>
      Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    expect(calls("exists")).toBeLessThanOrEqual(4);
    expect(calls("lrange")).toBeLessThanOrEqual(500);
    await clockAt(redis, far.expiresAt);
  });
});

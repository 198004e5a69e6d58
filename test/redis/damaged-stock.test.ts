/** Stock that something else than our scripts has changed: no verb makes it worse, or believes it. */
import { describe, expect, test } from "bun:test";
import { stockKey } from "#redis/keys";
import { dump } from "#test/keyspace";
import { redisOfFile } from "#test/redis";
import { endCommand, initialize, reserve, reserveCommand, sellCommand, totals } from "#test/store";

const { redis, open } = await redisOfFile();

describe.each(["confirm", "cancel"] as const)("%s", (verb) => {
  test("of a hold that has more than its product fails alone, and writes nothing of it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50);
    const broken = await reserve(store, "o1", { p1: 5 });
    const sound = await reserve(store, "o2", { p2: 7 });
    await redis.hset(stockKey(0, "p1"), "reserved:Warehouse A", "4");
    const before = await dump(redis);
    await expect(store[verb](endCommand(broken.reservationId))).rejects.toThrow(
      "would break the stock of product p1",
    );
    expect(await dump(redis)).toEqual(before);
    // They come in one batch, and only the damaged one fails.
    const ends = [broken, sound].map(({ reservationId }) => store[verb](endCommand(reservationId)));
    const [again, beside] = await Promise.allSettled(ends);
    expect(again?.status).toBe("rejected");
    expect(beside).toMatchObject({ status: "fulfilled", value: { kind: "done" } });
    expect((await totals(store, "p2")).reserved).toBe(0);
    // Mended, it ends like any other.
    await redis.hset(stockKey(0, "p1"), "reserved:Warehouse A", "5");
    expect(await store[verb](endCommand(broken.reservationId))).toMatchObject({ kind: "done" });
  });
});

describe.each(["reserve", "sell"] as const)("%s", (verb) => {
  test("of a product whose sums promise more than its levels have fails, and takes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const ask = (quantity: number) =>
      verb === "sell"
        ? store.sell(sellCommand("p1", quantity))
        : store.reserve(reserveCommand("o1", { p1: quantity }));
    // A safety stock below zero counts as units that are nowhere.
    await redis.hset(stockKey(0, "p1"), "safetyStock", "-2");
    const before = await dump(redis);
    await expect(ask(7)).rejects.toThrow("fewer units could be taken of product p1");
    expect(await dump(redis)).toEqual(before);
    await redis.hset(stockKey(0, "p1"), "safetyStock", "0");
    expect(await ask(7)).toMatchObject({ kind: "insufficient" });
    expect(await ask(5)).toMatchObject({ kind: verb === "sell" ? "sold" : "reserved" });
  });
});

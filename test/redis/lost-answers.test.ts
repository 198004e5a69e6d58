import { describe, expect, test } from "bun:test";
import { redisOfFile } from "#test/redis";
import { startRedisProxy } from "#test/redis-proxy";
import {
  adjustCommand,
  endCommand,
  initialize,
  openStore,
  reserve,
  reserveCommand,
  totals,
} from "#test/store";

const { redis, server } = await redisOfFile();

describe("an answer that was lost", () => {
  test("of an adjust without a key: repeated under the batch's name, one effect", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    for (let i = 1; i <= 3; i += 1) {
      proxy.loseNextAnswer();
      expect((await store.adjust(adjustCommand("p1", 3))).kind).toBe("adjusted");
      expect((await totals(store, "p1")).onHand).toBe(50 + 3 * i);
    }
  });

  test("of a whole batch of reserves: each has its hold, and one", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.loseNextAnswer();
    const holds = await Promise.all(
      Array.from({ length: 20 }, (_, i) => reserve(store, `o${i}`, { p1: 2 })),
    );
    expect(new Set(holds.map(({ reservationId }) => reservationId)).size).toBe(20);
    expect((await totals(store, "p1")).reserved).toBe(40);
  });

  test("of a confirm and of a cancel: done once", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    const sold = await reserve(store, "o1", { p1: 2 });
    const dropped = await reserve(store, "o2", { p1: 2 });
    proxy.loseNextAnswer();
    expect((await store.confirm(endCommand(sold.reservationId))).kind).toBe("done");
    proxy.loseNextAnswer();
    expect((await store.cancel(endCommand(dropped.reservationId))).kind).toBe("done");
    expect(await totals(store, "p1")).toEqual({ onHand: 48, reserved: 0, available: 48 });
  });
});

describe("a copy that was slow on its way", () => {
  test("arrives after its repeat: it changes nothing", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.keepNextCommand();
    expect((await store.adjust(adjustCommand("p1", 3))).kind).toBe("adjusted");
    expect(await proxy.release()).toContain("ok\t");
    expect((await totals(store, "p1")).onHand).toBe(53);
  });

  test("arrives after newer batches: it changes nothing", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.keepNextCommand();
    expect((await store.adjust(adjustCommand("p1", 3))).kind).toBe("adjusted");
    for (let i = 0; i < 4; i += 1) await store.adjust(adjustCommand("p1", 1));
    expect(await proxy.release()).toContain("superseded");
    expect((await totals(store, "p1")).onHand).toBe(57);
  });

  test("of a batch that was refused on its repeat: it may run, so the outcome is unknown", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url, { journalEntriesMax: 1 });
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.keepNextCommand();
    await expect(store.adjust(adjustCommand("p1", 3))).rejects.toMatchObject({
      code: "outcome_unknown",
    });
    // Its slot is haunted: the next batch keeps its answer, though it changes nothing.
    await redis.hset("{p0}:meta", "drained", "1");
    for (let i = 0; i < 2; i += 1) {
      expect((await store.adjust(adjustCommand("nothing", 1))).kind).toBe("unknown_product");
    }
    expect(await proxy.release()).toContain("superseded");
    expect((await totals(store, "p1")).onHand).toBe(50);
  });

  test("of a reserve whose owner has reserved anew since: it takes nothing", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.keepNextCommand();
    const first = await reserve(store, "o1", { p1: 10 });
    await store.cancel(endCommand(first.reservationId));
    await reserve(store, "o1", { p1: 20 });
    await store.reserve(reserveCommand("o2", { p1: 1 }));
    expect(await proxy.release()).toContain("superseded");
    expect((await totals(store, "p1")).reserved).toBe(21);
  });

  test("of a reserve that was refused: it takes nothing, though units came back meanwhile", async () => {
    await using proxy = await startRedisProxy(server.url);
    await using opened = await openStore(proxy.url);
    const { store } = opened;
    await initialize(store, "p1", 50);
    proxy.copyNextCommand();
    const refused = await store.reserve(reserveCommand("o1", { p1: 60 }));
    expect(refused.kind).toBe("insufficient");
    expect((await store.adjust(adjustCommand("p1", 50))).kind).toBe("adjusted");
    expect(await proxy.release()).toContain("ok\t");
    expect((await totals(store, "p1")).reserved).toBe(0);
  });
});

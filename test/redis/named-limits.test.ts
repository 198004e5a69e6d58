/** Limits that have a name: over a group of products or over all, for good or within a window of time. */
import { describe, expect, test } from "bun:test";
import { LIMITS_MAX, LIMITS_OF_PRODUCT_MAX } from "#inventory/limits";
import { limitedKey, metaKey, recordKey, ruleKey } from "#redis/keys";
import { carol, countsIn, dan, group, held, putLimit, stocked, take } from "#test/limits";
import { invariants } from "#test/invariants";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  putLimitCommand,
  removeLimitCommand,
  reserve,
  returnCommand,
  sellCommand,
  soon,
} from "#test/store";

const { redis, open } = await redisOfFile();
const { counts, unitsOf } = countsIn(redis);
const put = (
  ...args: Parameters<typeof putLimit> extends [unknown, ...infer Rest] ? Rest : never
) => putLimit(redis, ...args);
const HOUR_MS = 3_600_000;

describe("a limit over a group of products", () => {
  test("counts what a customer holds and bought of all of them, over all of its orders", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2", "p3");
    await put(store, "drop", group("p1", "p2"));
    const first = await held(store, carol, "o1", { p1: 2 });
    await store.confirm(endCommand(first.reservationId));
    await store.sell(sellCommand("p2", 1, { customerId: carol }));
    await held(store, carol, "o2", { p3: 9 });
    expect(await unitsOf(carol, "drop")).toBe(3);
    const refused = await take(store, carol, "o3", { p2: 3 });
    expect(refused).toEqual({
      kind: "above_quota",
      lines: [
        expect.objectContaining({
          productId: product("p2"),
          requested: 3,
          largest: 2,
          quota: { maxPerCustomer: 5, left: 2, limitId: "drop" },
        }),
      ],
    });
    await held(store, carol, "o3", { p2: 2 });
    expect(await store.sell(sellCommand("p1", 1, { customerId: carol }))).toMatchObject({
      kind: "above_quota",
    });
    await held(store, dan, "o4", { p1: 5 });
    await reserve(store, "o5", { p1: 9 }, { customerId: null });
    expect([await unitsOf(carol, "drop"), await unitsOf(dan, "drop")]).toEqual([5, 5]);
    await invariants(redis);
  });

  test("sums the lines of a cart: two of them below it and above it together are refused", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2", "p3");
    await put(store, "drop", group("p1", "p2"));
    expect(await take(store, carol, "o1", { p1: 3, p2: 3, p3: 1 })).toMatchObject({
      kind: "above_quota",
      lines: [{ productId: "p2", requested: 3, largest: 2, quota: { left: 2, limitId: "drop" } }],
    });
    expect(await counts("drop")).toEqual({});
    const effort = await take(store, carol, "o1", { p1: 3, p2: 3, p3: 1 }, { mode: "best_effort" });
    expect(effort).toMatchObject({ kind: "reserved", short: [{ productId: "p2", largest: 2 }] });
    expect(await unitsOf(carol, "drop")).toBe(5);
  });

  test("gets back what is cancelled, expires, is replaced or returned; then no key is left", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2");
    const limit = await put(store, "drop", group("p1", "p2"));
    const one = await held(store, carol, "o1", { p1: 2, p2: 2 });
    await held(store, carol, "o1", { p2: 1 });
    expect(await unitsOf(carol, "drop")).toBe(1);
    await store.cancel(endCommand(one.reservationId));
    const two = await held(store, carol, "o2", { p1: 4 }, { holdSeconds: 60 });
    await clockAt(redis, two.expiresAt ?? 0);
    expect(await store.expire(0)).toMatchObject({ expired: 1 });
    const late = { ...endCommand(two.reservationId), reacquireAs: "saleaaaa" };
    expect((await store.confirm(late)).kind).toBe("done");
    expect(await unitsOf(carol, "drop")).toBe(5);
    const { seq } = await productOf(store, "p1");
    const steps = [
      { at: limit.since - 1, units: 9 },
      { at: limit.since, units: 4 },
    ];
    const sales = { seq, sold: 13, returned: 0, limit: { customerId: carol, steps } };
    expect((await store.return(returnCommand("p1", 6, sales))).kind).toBe("returned");
    expect(await unitsOf(carol, "drop")).toBe(1);
    const rest = await take(store, carol, "o1", { p2: 1 });
    if (!("reservation" in rest)) throw new Error(`reserve answered ${rest.kind}`);
    await store.cancel(endCommand(rest.reservation.reservationId));
    expect(await redis.exists(ruleKey(0, "drop", "always"))).toBe(0);
    await invariants(redis);
  });

  test("is one of several: what may be had is the least of them, and the one that says so is told", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50, { maxPerCustomer: 4 });
    await stocked(store, "p2");
    await put(store, "drop", group("p1", "p2"));
    await put(store, "shop", { maxUnits: 6 });
    await held(store, carol, "o1", { p2: 2 });
    expect(await take(store, carol, "o2", { p1: 9 })).toMatchObject({
      lines: [{ largest: 3, quota: { limitId: "drop", maxPerCustomer: 5, left: 3 } }],
    });
    expect(await take(store, dan, "o3", { p1: 9 })).toMatchObject({
      lines: [{ largest: 4, quota: { maxPerCustomer: 4, left: 4 } }],
    });
    await put(store, "shop", { maxUnits: 3 });
    expect(await take(store, carol, "o2", { p1: 9 })).toMatchObject({
      lines: [{ largest: 1, quota: { limitId: "shop", maxPerCustomer: 3, left: 1 } }],
    });
    await invariants(redis);
  });

  test("goes on counting where its number changes, and begins anew where it is about something else", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2");
    const made = await put(store, "drop", group("p1"));
    const before = await held(store, carol, "o1", { p1: 3 });
    await clockAt(redis, before.createdAt + 10);
    const more = await put(store, "drop", { ...group("p1"), maxUnits: 7 });
    expect(more).toMatchObject({ since: made.since, createdAt: made.createdAt });
    expect(more.version).toBeGreaterThan(made.version);
    expect(await take(store, carol, "o2", { p1: 5 })).toMatchObject({ lines: [{ largest: 4 }] });
    const wider = await put(store, "drop", { ...group("p1", "p2"), maxUnits: 7 });
    expect(wider.since).toBeGreaterThan(made.since);
    expect(await counts("drop")).toEqual({});
    await held(store, carol, "o2", { p1: 4, p2: 3 });
    await store.cancel(endCommand(before.reservationId));
    expect(await unitsOf(carol, "drop")).toBe(7);
    await put(store, "drop", { ...group("p2"), maxUnits: 7 });
    expect((await take(store, carol, "o3", { p1: 90, p2: 7 })).kind).toBe("reserved");
    await invariants(redis);
  });

  test("that is removed leaves no key and binds nobody", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2");
    await put(store, "drop", group("p1", "p2"));
    await put(store, "shop", { maxUnits: 6 });
    await held(store, carol, "o1", { p1: 5 });
    expect((await store.removeLimit(removeLimitCommand("drop"))).kind).toBe("removed");
    expect(await redis.exists(ruleKey(0, "drop", "always"), limitedKey(0))).toBe(0);
    expect(await redis.hget(metaKey(0), "limits")).toBe("shop");
    expect(await store.removeLimit(removeLimitCommand("drop"))).toEqual({ kind: "unknown_limit" });
    await store.removeLimit(removeLimitCommand("shop"));
    expect(await redis.exists(ruleKey(0, "shop", "always"), recordKey(0, "limit"))).toBe(0);
    expect(await redis.hget(metaKey(0), "limits")).toBeNull();
    expect((await take(store, carol, "o2", { p1: 90 })).kind).toBe("reserved");
    await invariants(redis);
  });
});

describe("a limit over all products", () => {
  test("counts everything that a customer takes", async () => {
    const { store } = await open();
    await put(store, "shop");
    await stocked(store, "p1", "p2");
    await held(store, carol, "o1", { p1: 2, p2: 2 });
    expect(await take(store, carol, "o2", { p2: 2 })).toMatchObject({
      kind: "above_quota",
      lines: [{ largest: 1, quota: { limitId: "shop", left: 1 } }],
    });
    expect(await redis.exists(limitedKey(0))).toBe(0);
    await invariants(redis);
  });

  test("is refused where products live in several partitions, as is one over products of several", async () => {
    const { store } = await open({ partitions: 2 });
    const ids = Array.from({ length: 8 }, (_, i) => product(`p${i}`));
    const [one = product("p0")] = ids;
    const other = ids.find((id) => store.partitionOf(id) !== store.partitionOf(one));
    if (other === undefined) throw new Error("all products are in one partition");
    for (const id of [one, other]) await initialize(store, id, 50);
    const spans = { kind: "spans_partitions" } as const;
    expect(await store.putLimit(putLimitCommand("shop"))).toEqual(spans);
    expect(await store.putLimit(putLimitCommand("drop", { products: [one, other] }))).toEqual(
      spans,
    );
    expect(await store.putLimit(putLimitCommand("drop", { products: [one] }))).toMatchObject({
      kind: "made",
    });
    expect(await store.putLimit(putLimitCommand("drop", { products: [other] }))).toEqual(spans);
    expect((await store.limits(soon())).map(({ limitId }) => limitId)).toEqual(["drop"]);
    expect((await store.removeLimit(removeLimitCommand("drop"))).kind).toBe("removed");
  });
});

describe("a limit within a window", () => {
  const windowOf = (at: number, hours: number): number => Math.floor(at / (hours * HOUR_MS));

  test("counts what was begun in it, and begins with nothing in the next one", async () => {
    const { store } = await open();
    await stocked(store, "p1");
    const { since } = await put(store, "daily", { ...group("p1"), windowHours: 24 });
    const first = windowOf(since, 24);
    const endsAt = (first + 1) * 24 * HOUR_MS;
    await clockAt(redis, endsAt - 60_000);
    const early = await held(store, carol, "o1", { p1: 4 }, { holdSeconds: 3_600 });
    expect(await unitsOf(carol, "daily", String(first))).toBe(4);
    expect(await take(store, carol, "o2", { p1: 2 })).toMatchObject({
      lines: [{ largest: 1, quota: { limitId: "daily", left: 1, windowEndsAt: endsAt } }],
    });
    await clockAt(redis, endsAt);
    await held(store, carol, "o2", { p1: 5 });
    expect(await unitsOf(carol, "daily", String(first + 1))).toBe(5);
    // What an earlier window counted comes back to nobody, and is not missed.
    await store.cancel(endCommand(early.reservationId));
    expect(await unitsOf(carol, "daily", String(first + 1))).toBe(5);
    expect((await take(store, carol, "o3", { p1: 1 })).kind).toBe("above_quota");
    await invariants(redis);
  });

  test("has a key that ends with it", async () => {
    const { store } = await open();
    await stocked(store, "p1");
    const { since } = await put(store, "hourly", { ...group("p1"), windowHours: 1 });
    await clockAt(redis, (windowOf(since, 1) + 3) * HOUR_MS);
    await held(store, carol, "o1", { p1: 4 });
    const key = ruleKey(0, "hourly", String(windowOf(since, 1) + 3));
    expect(await redis.pexpiretime(key)).toBe((windowOf(since, 1) + 4) * HOUR_MS);
  });
});

describe("putting a limit", () => {
  test("is answered as it is when it is so already, and by its version when that is asked for", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2");
    const terms = group("p2", "p1", "p2");
    const made = await store.putLimit(putLimitCommand("drop", terms));
    if (made.kind !== "made") throw new Error(`put answered ${made.kind}`);
    expect(made.limit).toMatchObject({ ...group("p1", "p2"), maxUnits: 5, windowHours: null });
    const { seq } = await productOf(store, "p1");
    expect(await store.putLimit(putLimitCommand("drop", terms))).toEqual({ ...made, kind: "kept" });
    const stale = { ...terms, maxUnits: 6, expectedVersion: made.limit.version + 1 };
    expect(await store.putLimit(putLimitCommand("drop", stale))).toEqual({
      kind: "expected_mismatch",
      limit: made.limit,
    });
    const right = { ...stale, expectedVersion: made.limit.version, operation: operation("k1") };
    const put1 = await store.putLimit(putLimitCommand("drop", right));
    expect(put1).toMatchObject({ kind: "put", limit: { maxUnits: 6 }, replayed: false });
    expect(await store.putLimit(putLimitCommand("drop", right))).toMatchObject({
      kind: "put",
      replayed: true,
    });
    const unknown = { ...right, operation: null };
    expect(await store.putLimit(putLimitCommand("none", unknown))).toEqual({
      kind: "unknown_limit",
    });
    // It is no change of the product.
    expect((await productOf(store, "p1")).seq).toBe(seq);
    expect(await store.limits(soon())).toMatchObject([{ limitId: "drop", maxUnits: 6 }]);
    await invariants(redis);
  });

  test("is refused over a product that is not there, or above what may be", async () => {
    const { store } = await open();
    await stocked(store, "p1");
    expect(await store.putLimit(putLimitCommand("drop", group("p1", "p9")))).toEqual({
      kind: "unknown_product",
      productId: product("p9"),
    });
    for (let i = 0; i < LIMITS_OF_PRODUCT_MAX; i += 1) await put(store, `of-p1-${i}`, group("p1"));
    expect(await store.putLimit(putLimitCommand("more", group("p1")))).toEqual({
      kind: "too_many_of_product",
      productId: product("p1"),
    });
    await put(store, "of-p1-0", { ...group("p1"), maxUnits: 9 });
    for (let i = 0; i < LIMITS_OF_PRODUCT_MAX; i += 1) await put(store, `all-${i}`);
    expect(await store.putLimit(putLimitCommand("more"))).toEqual({
      kind: "too_many_of_product",
      productId: null,
    });
    const ids = Array.from({ length: LIMITS_MAX / LIMITS_OF_PRODUCT_MAX }, (_, i) => `q${i}`);
    await stocked(store, ...ids);
    for (let i = 2 * LIMITS_OF_PRODUCT_MAX; i < LIMITS_MAX; i += 1) {
      await put(store, `of-${i}`, group(ids[i % ids.length] ?? ""));
    }
    await stocked(store, "p2");
    expect(await store.putLimit(putLimitCommand("more", group("p2")))).toEqual({
      kind: "too_many_limits",
    });
    await invariants(redis);
  });
});

import { describe, expect, test } from "bun:test";
import { Location, QUANTITY_MAX, STOCK_MAX, type CustomerId, type OrderId } from "#inventory/model";
import { decodeEntry } from "#redis/journal";
import { journalKey } from "#redis/keys";
import { reserveLine } from "#redis/lines";
import { recorded } from "#redis/recorded";
import { wordsOfHeader } from "#test/answers";
import { refusedByCampaigns } from "#test/campaigns";
import { dump, withoutClock } from "#test/keyspace";
import { redisOfFile, repliesOf, sendBatch } from "#test/redis";
import { limited } from "#test/rates";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  reserve,
  reserveCommand,
  soon,
  totals,
} from "#test/store";
import { until } from "#test/until";

const { redis, answers, open } = await redisOfFile();
const here = Location.parse("Warehouse A");
const there = Location.parse("Warehouse B");

describe("reserve", () => {
  test("holds units until a full second, and counts them as reserved", async () => {
    const { store, dueSeconds } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 5, available: 45 });
    expect(hold).toMatchObject({ status: "ACTIVE", endReason: "", orderId: "o1", seq: 2 });
    expect(hold.allocations).toEqual([
      { productId: product("p1"), location: here, held: 5, confirmed: 0, released: 0 },
    ]);
    // Rounded up: never less than was asked for, and less than a second more.
    const lifeMs = hold.expiresAt - hold.createdAt;
    expect(hold.expiresAt % 1_000).toBe(0);
    expect(lifeMs).toBeGreaterThanOrEqual(60_000);
    expect(lifeMs).toBeLessThan(61_000);
    expect([...dueSeconds]).toEqual([hold.expiresAt / 1_000]);
    expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
  });

  test("takes the last unit and refuses the next, and a refusal changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 2);
    await reserve(store, "o1", { p1: 2 });
    const before = await withoutClock(redis);
    const refused = await store.reserve(reserveCommand("o2", { p1: 1 }));
    expect(refused).toMatchObject({
      kind: "insufficient",
      lines: [{ productId: product("p1"), requested: 1, available: 0 }],
    });
    expect(await withoutClock(redis)).toEqual(before);
  });

  test("takes a cart whole or not at all, and names every line that is short", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await initialize(store, "p2", 1);
    await initialize(store, "p3", 0);
    expect(await store.reserve(reserveCommand("o1", { p1: 5, p2: 2, p3: 1 }))).toMatchObject({
      kind: "insufficient",
      lines: [
        { productId: product("p2"), requested: 2, available: 1 },
        { productId: product("p3"), requested: 1, available: 0 },
      ],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
    await reserve(store, "o1", { p1: 5, p2: 1 });
    expect(await totals(store, "p2")).toEqual({ onHand: 1, reserved: 1, available: 0 });
  });

  test("names the product it does not know, and takes nothing of the others", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const before = await dump(redis);
    expect(await store.reserve(reserveCommand("o1", { p1: 1, nothing: 1 }))).toEqual({
      kind: "unknown_product",
      productId: product("nothing"),
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("leaves the safety stock alone", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10, { safetyStock: 4 });
    expect(await store.reserve(reserveCommand("o1", { p1: 7 }))).toMatchObject({
      kind: "insufficient",
      lines: [{ requested: 7, available: 6 }],
    });
    await reserve(store, "o1", { p1: 6 });
    expect(await store.reserve(reserveCommand("o2", { p1: 1 }))).toMatchObject({
      kind: "insufficient",
      lines: [{ available: 0 }],
    });
  });

  test("undone leaves Redis as it was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 12);
    await initialize(store, "p2", 12, { location: there });
    const before = [await productOf(store, "p1"), await productOf(store, "p2")];
    const lowBefore = await store.lowStock(10, soon());
    const hold = await reserve(store, "o1", { p1: 5, p2: 12 });
    expect(await store.lowStock(10, soon())).not.toEqual(lowBefore);
    await store.cancel(endCommand(hold.reservationId));
    const after = [await productOf(store, "p1"), await productOf(store, "p2")];
    const timeless = { seq: 0, updatedAt: 0 };
    expect(after.map((it) => ({ ...it, ...timeless }))).toEqual(
      before.map((it) => ({ ...it, ...timeless })),
    );
    expect(await store.lowStock(10, soon())).toEqual(lowBefore);
  });
});

describe("reserve from several locations", () => {
  test("takes from the home first, then from the others in their order", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    await store.adjust(adjustCommand("p1", 4, { location: there }));
    const hold = await reserve(store, "o1", { p1: 5 });
    expect(hold.allocations.map(({ location, held }) => [location, held])).toEqual([
      [here, 3],
      [there, 2],
    ]);
    const { levels } = await productOf(store, "p1");
    expect(levels.map(({ reserved }) => reserved)).toEqual([3, 2]);
  });

  test("takes from the named location alone, and refuses if others have what it lacks", async () => {
    const { store } = await open();
    await initialize(store, "p1", 30);
    await store.adjust(adjustCommand("p1", 4, { location: there }));
    const from = (quantity: number, location: Location) => [
      { productId: product("p1"), quantity, location },
    ];
    expect(await store.reserve(reserveCommand("o1", {}, { lines: from(5, there) }))).toMatchObject({
      kind: "insufficient",
      lines: [{ productId: product("p1"), requested: 5, available: 4 }],
    });
    const nowhere = Location.parse("nowhere");
    expect(
      await store.reserve(reserveCommand("o1", {}, { lines: from(1, nowhere) })),
    ).toMatchObject({ kind: "insufficient", lines: [{ available: 0 }] });
    const hold = await reserve(store, "o1", {}, { lines: from(4, there) });
    expect(hold.allocations).toMatchObject([{ location: there, held: 4 }]);
  });

  test("keeps the safety stock over all of them, wherever it lies", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3, { safetyStock: 5 });
    await store.adjust(adjustCommand("p1", 4, { location: there }));
    const lines = [{ productId: product("p1"), quantity: 3, location: there }];
    expect(await store.reserve(reserveCommand("o1", {}, { lines }))).toMatchObject({
      kind: "insufficient",
      lines: [{ available: 2 }],
    });
  });
});

describe("reserve at its limits", () => {
  test("moves 10^9 units of 10^12 without losing one", async () => {
    const { store } = await open();
    await initialize(store, "p1", STOCK_MAX);
    const hold = await reserve(store, "o1", { p1: QUANTITY_MAX });
    expect(hold.allocations[0]?.held).toBe(QUANTITY_MAX);
    const left = STOCK_MAX - QUANTITY_MAX;
    expect(await totals(store, "p1")).toEqual({
      onHand: STOCK_MAX,
      reserved: QUANTITY_MAX,
      available: left,
    });
  });

  test("gives hostile texts back unchanged", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    // Doors refuse control characters; the record and the journal must stand them all the same.
    const hostile = "a\tb\nc\"d'e\\{p1}={},;=x\u0000\u2028\u{1f600} é | %s \\t";
    const hold = await reserve(
      store,
      "o1",
      { p1: 1 },
      {
        customerId: recorded<CustomerId>(hostile),
        orderId: recorded<OrderId>(hostile),
        context: { actor: hostile, reason: hostile, reference: hostile, requestId: hostile },
      },
    );
    expect(hold).toMatchObject({ customerId: hostile, orderId: hostile });
    expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
    const [id = "", fields = []] = (await redis.xrevrange(journalKey(0), "+", "-"))[0] ?? [];
    expect(decodeEntry(0, id, fields).movements).toMatchObject([
      { actor: hostile, reason: hostile, reference: hostile, requestId: hostile, orderId: hostile },
    ]);
  });
});

describe("reserve under an Idempotency-Key", () => {
  test("gives a repeat the first answer, also after the hold ended, and takes nothing again", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const more = { operation: operation("k1") };
    const hold = await reserve(store, "o1", { p1: 2 }, more);
    const again = await store.reserve(reserveCommand("o1", { p1: 2 }, more));
    expect(again).toEqual({ kind: "held", short: [], reservation: hold, replayed: true });
    await store.cancel(endCommand(hold.reservationId));
    const before = await dump(redis);
    const late = await store.reserve(reserveCommand("o1", { p1: 2 }, more));
    expect(late).toEqual(again);
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await reserve(store, "o1", { p1: 2 }, { operation: operation("k1") });
    const before = await dump(redis);
    const other = { operation: operation("k1", "another body") };
    expect(await store.reserve(reserveCommand("o1", { p1: 3 }, other))).toEqual({
      kind: "key_reused",
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("knows a late repeat however many changes came since: it does not undo the last", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const first = { operation: operation("k1") };
    const reservation = await reserve(store, "o1", { p1: 10 }, first);
    for (const [i, quantity] of [30, 25, 20].entries()) {
      await reserve(store, "o1", { p1: quantity }, { operation: operation(`later ${i}`) });
    }
    expect(await store.reserve(reserveCommand("o1", { p1: 10 }, first))).toEqual({
      kind: "held",
      short: [],
      reservation,
      replayed: true,
    });
    expect((await totals(store, "p1")).reserved).toBe(20);
  });
});

test("a reserve that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  await initialize(store, "p2", 5);
  const before = await dump(redis);
  const good = reserveLine(reserveCommand("o1", { p1: 1 }));
  const lines = "p1=1=,";
  expect(good).toContain(`\t${lines}\t`);
  const malformed = [
    "",
    "garbage",
    good.replace("\t", " "),
    good.replace("\t900\t", "\t-1\t"),
    good.replace("\t900\t", "\t1e3\t"),
    good.replace("\t900\t", "\t99999999999\t"),
    ...[
      "garbage",
      "p1=0=,",
      "p1=-1=,",
      "p1=1.5=,",
      "p1=1e3=,",
      "p1=0x1=,",
      "p1=nan=,",
      "p1=1000000001=,",
      "p1=1=",
      "p1=1=,garbage",
      "p1=1=,,p2=1=,",
      "p1=1=,p1=1=,",
      "p1=1={p1},",
      "p1:x=1=,",
    ].map((text) => good.replace(lines, text)),
    good.slice(0, good.lastIndexOf("\t") + 1),
  ];
  for (const line of malformed) {
    const sent = sendBatch(redis, "reserve", {}, [
      reserveLine(reserveCommand("o2", { p2: 1 })),
      line,
    ]);
    await expect(sent, line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

describe("reserve where units are due for release", () => {
  test("has them released first and succeeds, though no worker ran", async () => {
    const { store } = await open();
    await initialize(store, "p1", 1);
    const hold = await reserve(store, "o1", { p1: 1 }, { holdSeconds: 1 });
    const line = reserveLine(reserveCommand("o2", { p1: 1 }));
    await until(async () => Number((await redis.time())[0]) * 1_000 >= hold.expiresAt, {
      withinMs: 5_000,
      what: "the hold is due by the clock of Redis",
    });
    const before = await dump(redis);
    expect(repliesOf(await sendBatch(redis, "reserve", {}, [line]))).toEqual(["due"]);
    expect(await dump(redis)).toEqual(before);
    const next = await reserve(store, "o3", { p1: 1 });
    expect(next.allocations).toMatchObject([{ held: 1 }]);
    expect(await store.reservation(hold.reservationId, soon())).toMatchObject({
      status: "EXPIRED",
      endReason: "expired",
    });
    expect(answers.of("stock/reserve.lua").items).toContain("due");
  });
});

test("reserve raced by 40 copies of one order from 4 processes makes one hold", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [first] = stores;
  await initialize(first.store, "p1", 50);
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, () =>
      stores.map(({ store }) => store.reserve(reserveCommand("o1", { p1: 3 }))),
    ).flat(),
  );
  const kinds = outcomes.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "reserved")).toHaveLength(1);
  expect(kinds.filter((kind) => kind === "held")).toHaveLength(39);
  expect(await totals(first.store, "p1")).toEqual({ onHand: 50, reserved: 3, available: 47 });
});

test("reserve produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1);
  const hold = await reserve(store, "o1", { p1: 1 });
  await store.confirm(endCommand(hold.reservationId));
  const again = await store.reserve(reserveCommand("o1", { p1: 1 }));
  expect(again.kind).toBe("already_confirmed");
  await initialize(store, "p2", 1);
  for (const dryRun of [true, false, false]) {
    await store.reserve(reserveCommand("o2", { p2: 2 }, { mode: "best_effort", dryRun }));
  }
  await limited((charge) => store.reserve(reserveCommand("o2", { p2: 1 }, { charge })));
  await initialize(store, "p3", 9, { maxPerCustomer: 1 });
  const above = await store.reserve(reserveCommand("o3", { p3: 2 }));
  expect(above.kind).toBe("above_quota");
  await refusedByCampaigns(store);
  expect(answers.of("stock/reserve.lua").items).toEqual([
    ...wordsOfHeader("stock/reserve.lua").items,
  ]);
});

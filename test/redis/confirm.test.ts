import { describe, expect, test } from "bun:test";
import { CustomerId, Location, type ReservationId } from "#inventory/model";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { changeLine, confirmText } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import { limited } from "#test/rates";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  reserve,
  reserveBigCarts,
  soon,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();

async function confirmed(store: Awaited<ReturnType<typeof open>>["store"], id: ReservationId) {
  const outcome = await store.confirm(endCommand(id));
  if (outcome.kind !== "done") throw new Error(`confirm answered ${outcome.kind}`);
  return outcome.reservation;
}

describe("confirm", () => {
  test("sells all that is held: it leaves onHand and reserved", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 9);
    const hold = await reserve(store, "o1", { p1: 5, p2: 9 });
    const sold = await confirmed(store, hold.reservationId);
    expect(sold).toMatchObject({ status: "CONFIRMED", endReason: "confirmed" });
    expect(sold.allocations).toMatchObject([
      { held: 0, confirmed: 5, released: 0 },
      { held: 0, confirmed: 9, released: 0 },
    ]);
    expect(await totals(store, "p1")).toEqual({ onHand: 45, reserved: 0, available: 45 });
    expect(await totals(store, "p2")).toEqual({ onHand: 0, reserved: 0, available: 0 });
    expect(await store.reservation(hold.reservationId, soon())).toEqual(sold);
    const { owner } = splitReservationId(hold.reservationId);
    const keptMs = await redis.pttl(`{p0}:reservation:${owner}`);
    expect(keptMs).toBeGreaterThan(86_390_000);
    expect(keptMs).toBeLessThanOrEqual(86_400_000);
  });

  test("sells from the locations that the units were taken at", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    await store.adjust(adjustCommand("p1", 4, { location: Location.parse("B") }));
    const hold = await reserve(store, "o1", { p1: 5 });
    const lines = [{ productId: product("p1"), quantity: 4 }];
    await store.confirm(endCommand(hold.reservationId, { lines }));
    const { levels } = await productOf(store, "p1");
    expect(levels).toMatchObject([
      { onHand: 0, reserved: 0 },
      { onHand: 3, reserved: 1 },
    ]);
  });

  test("of a part leaves the rest held, and ends as confirmed whatever happens to that", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    const lines = [{ productId: product("p1"), quantity: 2 }];
    expect(await store.confirm(endCommand(hold.reservationId, { lines }))).toMatchObject({
      kind: "done",
      reservation: { status: "ACTIVE", allocations: [{ held: 3, confirmed: 2 }] },
    });
    expect(await store.cancel(endCommand(hold.reservationId))).toMatchObject({
      kind: "done",
      reservation: {
        status: "CONFIRMED",
        endReason: "confirmed",
        allocations: [{ held: 0, confirmed: 2, released: 3 }],
      },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 48, reserved: 0, available: 48 });
  });

  test.each(["confirm", "cancel"] as const)(
    "of a part, here as %s, is another each time: only under a key is a repeat the same",
    async (verb) => {
      const { store } = await open();
      await initialize(store, "p1", 50);
      const { reservationId } = await reserve(store, "o1", { p1: 9 });
      const lines = [{ productId: product("p1"), quantity: 2 }];
      const part = endCommand(reservationId, { lines });
      const known = endCommand(reservationId, { lines, operation: operation("k1") });
      const held: number[] = [];
      for (const command of [part, part, known, known]) {
        expect((await store[verb](command)).kind).toBe("done");
        held.push((await totals(store, "p1")).reserved);
      }
      expect(held).toEqual([7, 5, 3, 3]);
      expect((await totals(store, "p1")).onHand).toBe(verb === "confirm" ? 44 : 50);
    },
  );

  test("of more than is held says what is held, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    const before = await dump(redis);
    for (const [id, quantity, held] of [
      ["p1", 6, 5],
      ["p2", 1, 0],
    ] as const) {
      const lines = [{ productId: product(id), quantity }];
      expect(await store.confirm(endCommand(hold.reservationId, { lines }))).toEqual({
        kind: "exceeds_held",
        productId: product(id),
        held,
      });
    }
    expect(await dump(redis)).toEqual(before);
  });

  test("twice sells once, and answers the same reservation", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    const reservation = await confirmed(store, hold.reservationId);
    const before = await dump(redis);
    expect(await store.confirm(endCommand(hold.reservationId))).toEqual({
      kind: "confirmed",
      reservation,
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a cancelled hold answers that, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    await store.cancel(endCommand(hold.reservationId));
    const before = await dump(redis);
    expect(await store.confirm(endCommand(hold.reservationId))).toMatchObject({
      kind: "cancelled",
      reservation: { status: "CANCELLED", endReason: "cancelled" },
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a hold past its due time is refused, though nobody ran expire, and releases it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    await clockAt(redis, hold.expiresAt);
    expect(await store.confirm(endCommand(hold.reservationId))).toMatchObject({
      kind: "expired",
      reservation: { status: "EXPIRED", allocations: [{ held: 0, confirmed: 0, released: 5 }] },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
    const before = await dump(redis);
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("expired");
    expect(await dump(redis)).toEqual(before);
  });

  test("knows neither another's hold, nor another owner, nor another partition", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const { owner, generation } = splitReservationId(reservationId);
    const before = await dump(redis);
    const foreign = { customerId: CustomerId.parse("customer-2") };
    expect(await store.confirm(endCommand(reservationId, foreign))).toEqual({
      kind: "unknown_reservation",
    });
    for (const id of [
      reservationIdOf(0, owner.replaceAll(/./g, "0"), generation),
      reservationIdOf(7, owner, generation),
    ]) {
      expect(await store.confirm(endCommand(id))).toEqual({ kind: "unknown_reservation" });
    }
    expect(await store.confirm(endCommand(reservationIdOf(0, owner, "00000000")))).toEqual({
      kind: "superseded",
    });
    expect(await dump(redis)).toEqual(before);
    const own = { customerId: CustomerId.parse("customer-1") };
    expect((await store.confirm(endCommand(reservationId, own))).kind).toBe("done");
  });
});

describe("confirm under an Idempotency-Key", () => {
  test("of a part has one effect", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const lines = [{ productId: product("p1"), quantity: 2 }];
    const command = endCommand(reservationId, { lines, operation: operation("k1") });
    await store.confirm(command);
    const before = await dump(redis);
    expect(await store.confirm(command)).toMatchObject({
      kind: "done",
      replayed: true,
      reservation: { allocations: [{ held: 3, confirmed: 2 }] },
    });
    expect(await dump(redis)).toEqual(before);
    // Its record keeps the last two keys.
    await store.confirm(endCommand(reservationId, { lines, operation: operation("k2") }));
    expect(await store.confirm(command)).toMatchObject({ kind: "done", replayed: true });
    expect(await totals(store, "p1")).toEqual({ onHand: 46, reserved: 1, available: 45 });
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const lines = [{ productId: product("p1"), quantity: 2 }];
    await store.confirm(endCommand(reservationId, { lines, operation: operation("k1") }));
    const before = await dump(redis);
    const other = endCommand(reservationId, { operation: operation("k1", "another body") });
    expect(await store.confirm(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });
});

test("a confirm or cancel that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 5 });
  const other = await reserve(store, "o2", { p1: 5 });
  const before = await dump(redis);
  const malformed = [
    "",
    "garbage",
    changeLine(endCommand(reservationId), "").split("\t").slice(0, -1).join("\t"),
    changeLine(endCommand(reservationId), "").replace("p0", "xyz").replace(/^\w/, "g"),
    ...[
      "garbage",
      ",",
      "p1",
      "p1=",
      "p1=0",
      "p1=-1",
      "p1=1.5",
      "p1=1e3",
      "p1=nan",
      "p1=1,",
      "p1=1,garbage",
      "p1=1;p1=1",
      "p1=two\nlines",
    ].map((argument) => changeLine(endCommand(reservationId), argument)),
  ];
  for (const [verb, start] of [
    ["confirm", ";"],
    ["cancel", ""],
  ] as const) {
    const good = changeLine(endCommand(other.reservationId), start);
    const lines = malformed.map((line) => line.replace("\t\t\t", `\t${start}\t\t`));
    for (const line of verb === "confirm" ? [...malformed, ...lines] : malformed) {
      await expect(sendBatch(redis, verb, {}, [good, line]), line).rejects.toThrow();
      expect(await dump(redis), line).toEqual(before);
    }
  }
});

test("confirm raced by 40 callers from 4 processes sells once", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 5 });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      stores[i % stores.length]?.store.confirm(endCommand(reservationId)),
    ),
  );
  expect(outcomes.filter((it) => it?.kind === "done")).toHaveLength(1);
  expect(outcomes.filter((it) => it?.kind === "confirmed")).toHaveLength(39);
  expect(await totals(store, "p1")).toEqual({ onHand: 45, reserved: 0, available: 45 });
});

test("confirm of more lines than one call may touch goes on in further calls, each hold once", async () => {
  const { store } = await open();
  const holds = await reserveBigCarts(store, 8);
  const outcomes = await Promise.all(
    holds.map(({ reservationId }) => store.confirm(endCommand(reservationId))),
  );
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["done"]));
});

test("confirm produced each word that its header promises", async () => {
  const { store, redis: listened } = await open();
  await initialize(store, "p1", 1);
  const [first, second] = [
    await expired(store, "o1"),
    await reserve(store, "o2", { p1: 1 }, { holdSeconds: 1 }),
  ];
  await clockAt(redis, second.expiresAt);
  const sale = await store.confirm(endCommand(first.reservationId, { reacquireAs: "saleaaaa" }));
  expect(sale.kind).toBe("done");
  const none = await store.confirm(endCommand(second.reservationId, { reacquireAs: "salebbbb" }));
  expect(none.kind).toBe("insufficient");
  const late = endCommand(second.reservationId, { reacquireAs: "salebbbb" });
  const line = changeLine(late, confirmText(late));
  const full = await sendBatch(listened, "confirm", { journalEntriesMax: 1 }, [line]);
  expect(repliesOf(full)).toEqual(["full"]);
  await limited((charge) => store.confirm(endCommand(first.reservationId, { charge })));
  await initialize(store, "p2", 9, { maxPerCustomer: 1 });
  const third = await reserve(store, "o3", { p2: 1 }, { holdSeconds: 1 });
  await clockAt(redis, third.expiresAt);
  await reserve(store, "o4", { p2: 1 });
  const above = await store.confirm(endCommand(third.reservationId, { reacquireAs: "salecccc" }));
  expect(above.kind).toBe("above_quota");
  const { items } = wordsOfHeader("stock/confirm.lua");
  expect(answers.of("stock/confirm.lua").items).toEqual([...items]);
});

/** A hold on the one unit of p1 that was released when it was due. */
async function expired(store: Awaited<ReturnType<typeof open>>["store"], order: string) {
  const hold = await reserve(store, order, { p1: 1 }, { holdSeconds: 1 });
  await clockAt(redis, hold.expiresAt);
  await store.expire(0);
  return hold;
}

import { describe, expect, test } from "bun:test";
import { CustomerId } from "#inventory/model";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { decodeEntry } from "#redis/journal";
import { changeLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile, sendBatch } from "#test/redis";
import { limited } from "#test/rates";
import {
  endCommand,
  extendCommand,
  initialize,
  operation,
  product,
  reserve,
  reserveBigCarts,
  reserveCommand,
  soon,
  timed,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();

describe("extend", () => {
  test("lets a hold live longer, from now on, and tells whoever wakes the sweep", async () => {
    const { store, dueSeconds } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50);
    const hold = await reserve(store, "o1", { p1: 5, p2: 1 }, { holdSeconds: 10 });
    const outcome = await store.extend(extendCommand(hold.reservationId, 3_600));
    const extended = await store.reservation(hold.reservationId, soon());
    if (!extended) throw new Error("the hold is gone");
    expect(outcome).toEqual({ kind: "done", reservation: extended, replayed: false });
    const { expiresAt } = timed(extended);
    expect(expiresAt - hold.expiresAt).toBeGreaterThanOrEqual(3_590_000);
    expect(expiresAt - hold.expiresAt).toBeLessThanOrEqual(3_591_000);
    expect([...dueSeconds]).toContain(expiresAt / 1_000);
    const [id = "", fields = []] = (await redis.xrevrange("{p0}:journal", "+", "-"))[0] ?? [];
    const { movements, reservations } = decodeEntry(0, id, fields);
    expect(movements).toMatchObject([
      { type: "EXTEND", productId: product("p1"), reservedBefore: 5, reservedAfter: 5 },
      { type: "EXTEND", productId: product("p2"), reservedBefore: 1, reservedAfter: 1 },
    ]);
    expect(reservations).toEqual([extended]);
  });

  test("never shortens a hold: it answers it as it is, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 3_600 });
    const before = await dump(redis);
    expect(await store.extend(extendCommand(hold.reservationId, 60))).toEqual({
      kind: "done",
      reservation: hold,
      replayed: false,
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("never lets a hold live longer than the longest life, counted from when it was made", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId, createdAt } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    const latest = Math.ceil(createdAt / 1_000 + 120) * 1_000;
    const extendBy = async (holdSeconds: number) =>
      await store.extend(extendCommand(reservationId, holdSeconds, { holdSecondsMax: 120 }));
    await clockAt(redis, createdAt + 50_000);
    expect(await extendBy(30)).toMatchObject({
      reservation: { expiresAt: Math.ceil(createdAt / 1_000 + 80) * 1_000 },
    });
    expect(await extendBy(120)).toMatchObject({ reservation: { expiresAt: latest } });
    await clockAt(redis, latest - 1);
    const before = await dump(redis);
    expect(await extendBy(120)).toMatchObject({
      kind: "done",
      reservation: { expiresAt: latest, status: "ACTIVE" },
    });
    expect(await dump(redis)).toEqual(before);
    await clockAt(redis, latest);
    expect(await extendBy(120)).toMatchObject({ kind: "expired" });
  });

  test("extends a hold as often as may be and no more, told how often that was; each hold for itself", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    const other = await reserve(store, "o2", { p1: 5 }, { holdSeconds: 60 });
    const extend = (holdSeconds: number, extensionsMax: number, id = reservationId) =>
      store.extend(extendCommand(id, holdSeconds, { extensionsMax }));
    expect((await extend(100, 2)).kind).toBe("done");
    // It is as it was asked for: nothing was extended.
    expect((await extend(60, 2)).kind).toBe("done");
    expect((await extend(200, 2)).kind).toBe("done");
    const before = await dump(redis);
    const refused = await extend(300, 2);
    expect(refused).toMatchObject({
      kind: "too_often",
      extensions: 2,
      reservation: { reservationId },
    });
    expect((await extend(100, 2)).kind).toBe("done");
    expect(await dump(redis)).toEqual(before);
    expect((await extend(300, 2, other.reservationId)).kind).toBe("done");
    expect((await extend(300, 3)).kind).toBe("done");
    expect((await extend(900, 0)).kind).toBe("done");
    // Another hold of that owner begins anew.
    await store.cancel(endCommand(reservationId));
    const again = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    expect((await extend(300, 1, again.reservationId)).kind).toBe("done");
  });

  test("counts every one of many at once", async () => {
    const stores = await Promise.all([open(), open()]);
    const [{ store }] = stores;
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        (stores[i % 2] ?? stores[0]).store.extend(
          extendCommand(reservationId, 100 + i, { extensionsMax: 5 }),
        ),
      ),
    );
    const last = Math.max(...outcomes.map((it) => ("extensions" in it ? it.extensions : 0)));
    expect(last).toBe(5);
    const journal = await redis.xrange("{p0}:journal", "-", "+");
    const moves = journal.flatMap(([id, fields]) => decodeEntry(0, id, fields).movements);
    expect(moves.filter(({ type }) => type === "EXTEND")).toHaveLength(5);
  });

  test("leaves a hold alone that was made when the longest life was longer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 3_600 });
    const before = await dump(redis);
    const shorter = { holdSecondsMax: 60 };
    expect(await store.extend(extendCommand(hold.reservationId, 60, shorter))).toEqual({
      kind: "done",
      reservation: hold,
      replayed: false,
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a standing hold is refused, for it has no due time, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const outcome = await store.reserve(reserveCommand("o1", { p1: 5 }, { holdSeconds: null }));
    if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
    const { reservationId } = outcome.reservation;
    const before = await dump(redis);
    const keyed = { operation: operation("k1") };
    for (const more of [{}, keyed, keyed]) {
      const extended = await store.extend(extendCommand(reservationId, 60, more));
      expect(extended).toEqual({ kind: "standing" });
    }
    expect(await dump(redis)).toEqual(before);
  });

  test("of an ended hold answers how it ended, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const sold = await reserve(store, "o1", { p1: 5 });
    const dropped = await reserve(store, "o2", { p1: 5 });
    await store.confirm(endCommand(sold.reservationId));
    await store.cancel(endCommand(dropped.reservationId));
    const before = await dump(redis);
    expect(await store.extend(extendCommand(sold.reservationId, 60))).toMatchObject({
      kind: "confirmed",
      reservation: { status: "CONFIRMED" },
    });
    expect(await store.extend(extendCommand(dropped.reservationId, 60))).toMatchObject({
      kind: "cancelled",
      reservation: { status: "CANCELLED" },
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("does not bring a hold back that is past its due time", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    await clockAt(redis, hold.expiresAt);
    expect(await store.extend(extendCommand(hold.reservationId, 60))).toMatchObject({
      kind: "expired",
      reservation: { status: "EXPIRED" },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
  });

  test("knows neither another's hold nor one that never was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const { owner } = splitReservationId(reservationId);
    const before = await dump(redis);
    const foreign = { customerId: CustomerId.parse("customer-2") };
    expect(await store.extend(extendCommand(reservationId, 3_600, foreign))).toEqual({
      kind: "unknown_reservation",
    });
    expect(await store.extend(extendCommand(reservationIdOf(0, owner, "00000000"), 60))).toEqual({
      kind: "superseded",
    });
    expect(await dump(redis)).toEqual(before);
  });
});

test("extend under an Idempotency-Key has one effect, and refuses another body", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 10 });
  const command = extendCommand(reservationId, 3_600, { operation: operation("k1") });
  await store.extend(command);
  const before = await dump(redis);
  expect(await store.extend({ ...command, holdSeconds: 7_200 })).toMatchObject({
    kind: "done",
    replayed: true,
  });
  const other = extendCommand(reservationId, 7_200, { operation: operation("k1", "another") });
  expect(await store.extend(other)).toEqual({ kind: "key_reused" });
  expect(await dump(redis)).toEqual(before);
});

test("an extend that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 10 });
  const before = await dump(redis);
  const good = changeLine(endCommand(reservationId), "3600;86400;0");
  const malformed = ["", "0", "-1", "1.5", "1e3", "0x10", "nan", "inf", "86401", "x"];
  const seconds = malformed.flatMap((part) => [`${part};3600;0`, `3600;${part};0`]);
  const isNoCount = (part: string): boolean => !/^\d+$/.test(part);
  const counts = malformed.filter(isNoCount).map((part) => `3600;3600;${part}`);
  for (const argument of [...malformed, ...seconds, ...counts, "3600", "1;2", "1;2;3;4"]) {
    const line = changeLine(endCommand(reservationId), argument);
    await expect(sendBatch(redis, "extend", {}, [good, line]), argument).rejects.toThrow();
    expect(await dump(redis), argument).toEqual(before);
  }
});

test("extend raced by 40 callers from 4 processes ends at the longest of them", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 50);
  const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 10 });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      stores[i % stores.length]?.store.extend(
        extendCommand(hold.reservationId, 1_000 + 100 * ((i * 7) % 40)),
      ),
    ),
  );
  const dueTimes = outcomes.map((it) =>
    it?.kind === "done" ? timed(it.reservation).expiresAt : 0,
  );
  const found = await store.reservation(hold.reservationId, soon());
  expect(found?.expiresAt).toBe(Math.max(...dueTimes));
  expect((await totals(store, "p1")).reserved).toBe(5);
});

test("extend of more lines than one call may touch goes on in further calls, each hold once", async () => {
  const { store } = await open();
  const holds = await reserveBigCarts(store, 8);
  const outcomes = await Promise.all(
    holds.map(({ reservationId }) => store.extend(extendCommand(reservationId, 3_000))),
  );
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["done"]));
});

test("extend produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  await limited((charge) => store.extend(extendCommand(reservationId, 900, { charge })));
  const { items } = wordsOfHeader("stock/extend.lua");
  expect(answers.of("stock/extend.lua").items).toEqual([...items]);
});

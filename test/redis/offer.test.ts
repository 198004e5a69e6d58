/** Free units are offered to those who wait: one after the other, each unit once. */
import { describe, expect, test } from "bun:test";
import { CustomerId, Location } from "#inventory/model";
import { decodeEntry } from "#redis/journal";
import { waitingKey } from "#redis/keys";
import { clockAt, redisOfFile } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  endCommand,
  initialize,
  putLimitCommand,
  reassignCommand,
  register,
  reserve,
  reserveCommand,
  soon,
  totals,
  waiting,
} from "#test/store";
import { asWaiting, join, lastEntry, offer, place, soldOut } from "#test/waitlist";

const { redis, open } = await redisOfFile();

describe("offer", () => {
  test("gives what is due before it gives less, though nobody released it", async () => {
    const of = await soldOut(open, 3);
    await join(of, "a", 3);
    await clockAt(redis, of.hold.expiresAt);
    await of.store.adjust(adjustCommand("p1", 1));
    expect(await offer(of)).toMatchObject({ offered: 1 });
    expect(await place(of, "a")).toMatchObject({ reservation: { allocations: [{ held: 3 }] } });
  });

  test("comes to an end where a line is gone though somebody should wait in it", async () => {
    const of = await soldOut(open, 3);
    await join(of, "a");
    await of.store.adjust(adjustCommand("p1", 1));
    await redis.rename(waitingKey(0, "p1"), "kept");
    expect(await offer(of)).toMatchObject({ offered: 0, more: false });
    await redis.rename("kept", waitingKey(0, "p1"));
    expect(await offer(of)).toMatchObject({ offered: 1 });
  });

  test("lets nobody go for a hold of its own that has lapsed, though nobody released it", async () => {
    const of = await soldOut(open, 3);
    const customerId = CustomerId.parse("carol");
    await of.store.putLimit(putLimitCommand("pair", { maxUnits: 1 }));
    await initialize(of.store, "p2", 1);
    await join(of, "a", 1, { customer: "carol" });
    const { expiresAt } = await reserve(of.store, "own", { p2: 1 }, { customerId });
    await clockAt(redis, expiresAt - 1);
    await of.store.expire(0);
    await clockAt(redis, expiresAt);
    await of.store.adjust(adjustCommand("p1", 1));
    expect(await offer(of)).toMatchObject({ offered: 1, left: 0 });
  });

  test("gives the first in line a hold of what it asks for, in the step in which it leaves", async () => {
    const of = await soldOut(open, 3);
    const { waiter } = await join(of, "a", 2);
    await join(of, "b", 2);
    expect(await offer(of)).toMatchObject({ offered: 0, left: 0, more: false });
    await of.store.cancel(endCommand(of.hold.reservationId));
    expect(await offer(of)).toMatchObject({ offered: 2, left: 0, more: false });
    const told = await place(of, "a");
    expect(told).toMatchObject({
      kind: "offered",
      reservation: { reservationId: waiter.reservationId, allocations: [{ held: 2 }] },
    });
    // The next one gets what is left: an offer is what there is.
    expect(await place(of, "b")).toMatchObject({ reservation: { allocations: [{ held: 1 }] } });
    const { movements, records, reservations } = await lastEntry(redis);
    expect(movements.map(({ type, orderId, reason }) => [type, orderId, reason])).toEqual([
      ["RESERVE", "a", "offered"],
      ["RECORD", "a", "offered"],
      ["RESERVE", "b", "offered"],
      ["RECORD", "b", "offered"],
    ]);
    expect(new Set(movements.map(({ reference }) => reference))).toEqual(new Set(["waiting:p1"]));
    expect(records.map(({ text }) => text)).toEqual([null, null]);
    expect(reservations).toHaveLength(2);
    // It is that owner's hold: who reserves the same finds it, and confirms it.
    expect(await of.store.reserve(asWaiting("a", 2))).toMatchObject({ kind: "held" });
    const confirmed = await of.store.confirm(endCommand(waiter.reservationId));
    expect(confirmed.kind).toBe("done");
    expect(await offer(of)).toMatchObject({ offered: 0 });
  });

  test("that lapses goes to the next in line", async () => {
    const of = await soldOut(open, 1);
    await join(of, "a", 1, { holdSeconds: 30 });
    await join(of, "b", 1);
    await of.store.cancel(endCommand(of.hold.reservationId));
    of.dueSeconds.clear();
    const { dueSeconds } = await offer(of);
    expect([...of.dueSeconds]).toEqual([...dueSeconds]);
    const offered = await place(of, "a");
    if (offered.kind !== "offered") throw new Error(offered.kind);
    await clockAt(redis, offered.reservation.expiresAt ?? 0);
    expect(await of.store.expire(0)).toMatchObject({ expired: 1 });
    expect(await offer(of)).toMatchObject({ offered: 1 });
    expect(await place(of, "a")).toEqual({ kind: "absent", waiting: 0 });
    expect(await place(of, "b")).toMatchObject({ kind: "offered" });
  });

  test("takes neither safety stock nor units at inactive locations, which a sweep finds later", async () => {
    const of = await soldOut(open, 3);
    await join(of, "a", 3);
    await of.store.amend(amendCommand("p1", { safetyStock: 2 }));
    await of.store.cancel(endCommand(of.hold.reservationId));
    expect(await offer(of)).toMatchObject({ offered: 1 });
    expect(await place(of, "a")).toMatchObject({ reservation: { allocations: [{ held: 1 }] } });
    await join(of, "b", 2);
    await of.store.amend(amendCommand("p1", { safetyStock: 0 }));
    await register(of.store, "Warehouse A", { active: false });
    expect(await offer(of)).toMatchObject({ offered: 0 });
    await of.store.amendLocation({
      ...adjustCommand("p1", 1),
      location: Location.parse("Warehouse A"),
      changes: { active: true },
      expectedVersion: null,
    });
    expect(await offer(of)).toMatchObject({ offered: 0 });
    expect(await of.waitlist.offer(0, 0, soon())).toMatchObject({ offered: 1 });
    expect(await place(of, "b")).toMatchObject({ reservation: { allocations: [{ held: 2 }] } });
  });

  test("passes over who may have none, who has a hold already, and says why", async () => {
    const of = await open();
    await initialize(of.store, "p1", 3);
    const hold = await reserve(of.store, "first", { p1: 3 });
    await join(of, "a", 1, { customer: "carol" });
    await join(of, "b", 1);
    await join(of, "c", 1, { customer: "dan" });
    await of.store.amend(amendCommand("p1", { maxPerCustomer: 1 }));
    const owner = waiting("p1", "b").owner;
    const to = reassignCommand(hold.reservationId, "b").to;
    await of.store.reassign(reassignCommand(hold.reservationId, "b", { to: { ...to, owner } }));
    await of.store.adjust(adjustCommand("p1", 2));
    expect(await offer(of)).toMatchObject({ offered: 1, left: 1, more: true });
    const { movements } = await lastEntry(redis);
    const left = movements.filter(({ type }) => type === "RECORD");
    expect(left.map(({ orderId, reason }) => [orderId, reason])).toEqual([
      ["a", "offered"],
      ["b", "held"],
    ]);
    expect(await offer(of)).toMatchObject({ offered: 1, left: 0, more: false });
    expect(await place(of, "c", "dan")).toMatchObject({ kind: "offered" });
  });

  test("lets who may have none any more leave the line", async () => {
    const of = await open();
    await initialize(of.store, "p1", 3, { maxPerCustomer: 2 });
    await reserve(of.store, "first", { p1: 1 });
    await reserve(of.store, "other", { p1: 2 }, { customerId: CustomerId.parse("dan") });
    await join(of, "a", 1);
    await join(of, "b", 1, { customer: "carol" });
    await of.store.amend(amendCommand("p1", { maxPerCustomer: 1 }));
    await of.store.adjust(adjustCommand("p1", 1));
    expect(await offer(of)).toMatchObject({ offered: 0, left: 1, more: true });
    expect((await lastEntry(redis)).movements).toMatchObject([
      { orderId: "a", reason: "above_quota" },
    ]);
    expect(await offer(of)).toMatchObject({ offered: 1, left: 0, more: false });
    expect(await place(of, "b", "carol")).toMatchObject({ kind: "offered" });
  });

  test("of many goes on in bounded steps, first come, first served", async () => {
    const of = await soldOut(open, 200);
    const orders = Array.from({ length: 150 }, (_, i) => `o${i}`);
    for (const order of orders) await join(of, order, 1, { customer: `c${order}` });
    await of.store.cancel(endCommand(of.hold.reservationId));
    const steps: number[] = [];
    for (let more = true; more;) {
      const step = await offer(of);
      steps.push(step.offered);
      more = step.more;
    }
    expect(steps).toEqual([64, 64, 22]);
    const entries = (await redis.xrange("{p0}:journal", "-", "+")).map(([id, fields]) =>
      decodeEntry(0, id, fields),
    );
    const offered = entries
      .flatMap(({ movements }) => movements)
      .filter(({ type, reason }) => type === "RESERVE" && reason === "offered");
    expect(offered.map(({ orderId }) => String(orderId))).toEqual(orders);
    expect(await totals(of.store, "p1")).toMatchObject({ reserved: 150, available: 50 });
    expect((await of.store.reserve(reserveCommand("x", { p1: 50 }))).kind).toBe("reserved");
  });
});

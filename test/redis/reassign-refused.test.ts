/** What reassign refuses, what its repeats hear, and what it does not read. */
import { describe, expect, test } from "bun:test";
import {
  CART_LINES_MAX,
  CustomerId,
  PLACES_MAX,
  Location,
  LOCATIONS_MAX,
  QUANTITY_MAX,
} from "#inventory/model";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { changeLine, reassignText } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile, sendBatch } from "#test/redis";
import { limited } from "#test/rates";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  reassignCommand,
  reserve,
  reserveBigCarts,
  reserveCommand,
  totals,
  type TestStore,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();

type Store = TestStore["store"];

async function standing(store: Store, order: string) {
  const outcome = await store.reserve(reserveCommand(order, { p1: 1 }, { holdSeconds: null }));
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

/** Asks once without and twice with a key, and finds nothing changed. */
async function refused(store: Store, ...of: Parameters<typeof reassignCommand>): Promise<object> {
  const before = await dump(redis);
  const outcome: object = await store.reassign(reassignCommand(...of));
  const keyed = { ...reassignCommand(...of), operation: operation("refused") };
  for (const command of [keyed, keyed]) {
    const again: object = await store.reassign(command);
    expect(again).toEqual(outcome);
  }
  expect(await dump(redis)).toEqual(before);
  return outcome;
}

describe("reassign is refused, and changes nothing,", () => {
  test("where the hold or the one of the new owner stands for good", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const { reservationId } = await reserve(store, "guest", { p1: 1 });
    const stands = await standing(store, "account");
    const found = { kind: "standing", reservation: stands };
    expect(await refused(store, stands.reservationId, "guest")).toEqual(found);
    expect(await refused(store, stands.reservationId, "account")).toEqual(found);
    expect(await refused(store, reservationId, "account")).toEqual(found);
  });

  test("where units of one of the two orders are sold, as reserve is", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const guest = await reserve(store, "guest", { p1: 2 });
    const sold = await reserve(store, "sold", { p1: 2 });
    const partly = await reserve(store, "partly", { p1: 2 });
    await store.confirm(endCommand(sold.reservationId));
    const lines = [{ productId: product("p1"), quantity: 1 }];
    await store.confirm(endCommand(partly.reservationId, { lines }));
    const of = (order: string) => ({ kind: "already_confirmed", reservation: { orderId: order } });
    expect(await refused(store, guest.reservationId, "sold")).toMatchObject(of("sold"));
    expect(await refused(store, guest.reservationId, "partly")).toMatchObject(of("partly"));
    expect(await refused(store, partly.reservationId, "account")).toMatchObject(of("partly"));
    expect(await store.reserve(reserveCommand("sold", { p1: 1 }))).toMatchObject(of("sold"));
  });

  test("of a hold that ended: with how it did", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const [sold, dropped, due, replaced] = [
      await reserve(store, "sold", { p1: 1 }),
      await reserve(store, "dropped", { p1: 1 }),
      await reserve(store, "due", { p1: 1 }, { holdSeconds: 10 }),
      await reserve(store, "replaced", { p1: 1 }),
    ];
    await store.confirm(endCommand(sold.reservationId));
    await store.cancel(endCommand(dropped.reservationId));
    await reserve(store, "replaced", { p1: 2 });
    await clockAt(redis, due.expiresAt);
    expect(await store.reassign(reassignCommand(due.reservationId, "x"))).toMatchObject({
      kind: "expired",
    });
    for (const [{ reservationId }, kind] of [
      [sold, "confirmed"],
      [dropped, "cancelled"],
      [due, "expired"],
      [replaced, "superseded"],
    ] as const) {
      expect(await refused(store, reservationId, "x")).toMatchObject({ kind });
    }
    expect(await totals(store, "p1")).toEqual({ onHand: 8, reserved: 2, available: 6 });
  });

  test("of one that nobody knows, that is another customer's, or whose new owner nobody can tell", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const { reservationId } = await reserve(store, "guest", { p1: 1 });
    const { owner } = splitReservationId(reservationId);
    const unknown = { kind: "unknown_reservation" };
    const nobody = reservationIdOf(0, "0".repeat(32), "00000000");
    expect(await refused(store, nobody, "x")).toEqual(unknown);
    expect(await refused(store, reservationIdOf(0, owner, "00000000"), "x")).toEqual({
      kind: "superseded",
    });
    const customerId = CustomerId.parse("another");
    expect(await refused(store, reservationId, "x", { customerId })).toEqual(unknown);
    const to = { ...reassignCommand(reservationId, "x").to, owner: null };
    expect(await refused(store, reservationId, "x", { to })).toEqual(unknown);
    expect(await refused(store, reservationIdOf(7, owner, "00000000"), "x")).toEqual(unknown);
  });
});

describe("a hold takes in no more than a cart may have:", () => {
  test("so many products", async () => {
    const { store } = await open();
    const ids = Array.from({ length: CART_LINES_MAX + 1 }, (_, i) => `p${i}`);
    await Promise.all(ids.map((id) => initialize(store, id, 9)));
    const cart = (from: number, to: number) =>
      Object.fromEntries(ids.slice(from, to).map((id) => [id, 1]));
    await reserve(store, "account", cart(0, CART_LINES_MAX - 1));
    const more = await reserve(store, "more", cart(CART_LINES_MAX - 1, CART_LINES_MAX + 1));
    expect(await refused(store, more.reservationId, "account")).toMatchObject({
      kind: "above_hold_limit",
      limit: "products",
      reservation: { orderId: "account" },
    });
    const one = await reserve(store, "one", cart(0, 1));
    const last = await reserve(store, "last", cart(CART_LINES_MAX, CART_LINES_MAX + 1));
    for (const { reservationId } of [one, last]) {
      const outcome = await store.reassign(reassignCommand(reservationId, "account"));
      expect(outcome.kind).toBe("done");
    }
  });

  test("so many units of a product", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3 * QUANTITY_MAX);
    const most = await reserve(store, "account", { p1: QUANTITY_MAX - 1 });
    const two = await reserve(store, "two", { p1: 2 });
    expect(await refused(store, two.reservationId, "account")).toMatchObject({
      kind: "above_hold_limit",
      limit: "units",
      reservation: most,
    });
    const one = await reserve(store, "one", { p1: 1 });
    const outcome = await store.reassign(reassignCommand(one.reservationId, "account"));
    expect(outcome).toMatchObject({ reservation: { allocations: [{ held: QUANTITY_MAX }] } });
  });

  test("so many places, a product at a location each", async () => {
    const { store } = await open();
    const count = Math.ceil((PLACES_MAX + 1) / LOCATIONS_MAX);
    const ids = Array.from({ length: count }, (_, i) => `wide-${i}`);
    const places = Array.from({ length: LOCATIONS_MAX }, (_, i) => Location.parse(`L${i}`));
    for (const id of ids) {
      await initialize(store, id, 2, { location: Location.parse("L0") });
      await Promise.all(
        places.slice(1).map((location) => store.adjust(adjustCommand(id, 2, { location }))),
      );
    }
    const [last = "", ...others] = ids.toReversed();
    const left = PLACES_MAX - others.length * LOCATIONS_MAX;
    const all = Object.fromEntries(others.map((id) => [id, 2 * LOCATIONS_MAX]));
    const full = await reserve(store, "account", { ...all, [last]: 2 * left });
    expect(full.allocations).toHaveLength(PLACES_MAX);
    const more = await reserve(store, "more", { [last]: 1 });
    expect(await refused(store, more.reservationId, "account")).toMatchObject({
      kind: "above_hold_limit",
      limit: "places",
    });
  });
});

describe("a repeat of reassign", () => {
  test("hears what the first one was answered, with a key and without, and moves nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const { reservationId } = await reserve(store, "guest", { p1: 3 });
    const keyed = reassignCommand(reservationId, "account", { operation: operation("k1") });
    const first = await store.reassign(keyed);
    const again = { ...first, replayed: true };
    const before = await dump(redis);
    expect(await store.reassign({ ...keyed, generation: "anewaaaa" })).toEqual(again);
    expect(await store.reassign(reassignCommand(reservationId, "account"))).toEqual(again);
    // Who did not find the hold any more cannot tell the owner, and hears it as well.
    const { to } = keyed;
    const blind = { ...keyed, operation: null, to: { ...to, owner: null } };
    expect(await store.reassign(blind)).toEqual(again);
    const other = { ...keyed, operation: operation("k1", "another") };
    expect(await store.reassign(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });

  test("puts nothing back that happened since: neither an end nor another owner", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const { reservationId } = await reserve(store, "guest", { p1: 3 });
    const keyed = reassignCommand(reservationId, "account", { operation: operation("k1") });
    const first = await store.reassign(keyed);
    if (first.kind !== "done") throw new Error(`reassign answered ${first.kind}`);
    await store.cancel(endCommand(first.reservation.reservationId));
    await reserve(store, "account", { p1: 1 });
    await reserve(store, "guest", { p1: 2 });
    const before = await dump(redis);
    for (const command of [keyed, reassignCommand(reservationId, "account")]) {
      expect(await store.reassign(command)).toEqual({ ...first, replayed: true });
    }
    expect(await store.reassign(reassignCommand(reservationId, "x"))).toEqual({
      kind: "superseded",
    });
    expect(await dump(redis)).toEqual(before);
  });
});

test("a reassign that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 9);
  const { reservationId } = await reserve(store, "guest", { p1: 3 });
  const before = await dump(redis);
  const command = reassignCommand(reservationId, "account");
  const good = changeLine(command, reassignText(command));
  const owner = "0".repeat(32);
  const malformed = [
    "",
    `${owner};aaaaaaaa;60`,
    `${owner};aaaaaaaa;60;`,
    `${owner};aaaaaaaa;60;\x1f`,
    `${owner};;60;"c"\x1f`,
    `${owner};aaaaaaaa;0;"c"\x1f`,
    `${owner};aaaaaaaa;86401;"c"\x1f`,
    `${owner};aaaaaaaa;x;"c"\x1f`,
    `{p1};aaaaaaaa;60;"c"\x1f`,
    `${owner};aaaaaaaa;60;"c"\x1f"o"\x1f`,
  ];
  for (const argument of malformed) {
    const line = changeLine(command, argument);
    await expect(sendBatch(redis, "reassign", {}, [good, line]), argument).rejects.toThrow();
    expect(await dump(redis), argument).toEqual(before);
  }
});

test("reassign of more lines than one call may touch goes on in further calls, each hold once", async () => {
  const { store } = await open();
  const holds = await reserveBigCarts(store, 8);
  const outcomes = await Promise.all(
    holds.map(({ reservationId }) => store.reassign(reassignCommand(reservationId, "account"))),
  );
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["done"]));
});

test("reassign produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  await limited((charge) => store.reassign(reassignCommand(reservationId, "o1", { charge })));
  const { items } = wordsOfHeader("stock/reassign.lua");
  expect(answers.of("stock/reassign.lua").items).toEqual([...items]);
});

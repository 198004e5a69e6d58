/** What the journal tells of products that cross a bound. test/model holds it for every verb. */
import { expect, test } from "bun:test";
import type { Crossing } from "#inventory/event-ports";
import { decodeEntry } from "#redis/journal";
import { redisOfFile } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  amendLocationCommand,
  endCommand,
  initialize,
  product,
  productOf,
  register,
  reserve,
  reserveCommand,
  sellCommand,
  transferCommand,
} from "#test/store";

const { redis, open } = await redisOfFile();
const productId = product("p1");

/** Of each journal entry, in order. */
async function crossings(): Promise<readonly (readonly Omit<Crossing, "at">[])[]> {
  const entries = await redis.xrange("{p0}:journal", "-", "+");
  return entries.map(([id, fields]) =>
    decodeEntry(0, id, fields).crossings.map((line) => {
      return { seq: line.seq, kind: line.kind, productId: line.productId, units: line.units };
    }),
  );
}
const last = async () => (await crossings()).at(-1);

test("a product that falls to its threshold is low, once, and above it back in stock", async () => {
  const { store } = await open();
  await initialize(store, "p1", 12, { lowStockThreshold: 10 });
  expect(await last()).toEqual([]);
  await store.sell(sellCommand("p1", 1));
  expect(await last()).toEqual([]);
  await store.sell(sellCommand("p1", 1));
  const { seq } = await productOf(store, "p1");
  expect(await last()).toEqual([{ seq, kind: "low", productId, units: 10 }]);
  await store.sell(sellCommand("p1", 1));
  expect(await last()).toEqual([]);
  await store.adjust(adjustCommand("p1", 2));
  expect(await last()).toEqual([{ seq: seq + 2, kind: "back_in_stock", productId, units: 11 }]);
});

test("holds count: the last unit held is out, a cancelled one makes it low again", async () => {
  const { store } = await open();
  await initialize(store, "p1", 20, { lowStockThreshold: 10 });
  const hold = await reserve(store, "order-1", { p1: 12 });
  await reserve(store, "order-2", { p1: 8 });
  expect(await last()).toMatchObject([{ kind: "out", units: 0 }]);
  await store.confirm(endCommand(hold.reservationId, { lines: null }));
  expect(await last()).toEqual([]);
  await store.adjust(adjustCommand("p1", 5));
  expect(await last()).toMatchObject([{ kind: "low", units: 5 }]);
});

test("of a batch the end counts, with the seq of the movement that brought it there", async () => {
  const { store } = await open();
  await initialize(store, "p1", 12, { lowStockThreshold: 10 });
  const deltas = [-2, 2, -3, -1, 1];
  await Promise.all(deltas.map((delta) => store.adjust(adjustCommand("p1", delta))));
  // Movement 1 made the product; 2 took it below, 3 brought it back, 4 took it below for good.
  expect(await crossings()).toEqual([[], [{ seq: 4, kind: "low", productId, units: 9 }]]);
  await Promise.all([5, -5].map((delta) => store.adjust(adjustCommand("p1", delta))));
  expect(await last()).toEqual([]);
});

test("a hold that is replaced, and units that move, cross nothing on the way", async () => {
  const { store } = await open();
  await initialize(store, "p1", 20, { lowStockThreshold: 5 });
  await reserve(store, "order-1", { p1: 10 });
  await store.reserve(reserveCommand("order-1", { p1: 12 }));
  await store.transfer(transferCommand("p1", 8));
  expect(await crossings()).toEqual([[], [], [], []]);
});

test("a threshold that rises over what is there makes it low", async () => {
  const { store } = await open();
  await initialize(store, "p1", 20);
  await store.amend(amendCommand("p1", { lowStockThreshold: 20 }));
  expect(await last()).toMatchObject([{ seq: 2, kind: "low", units: 20 }]);
  await store.amend(amendCommand("p1", { lowStockThreshold: 0, safetyStock: 20 }));
  expect(await last()).toMatchObject([{ seq: 3, kind: "out", units: 0 }]);
});

test("what stands at an inactive location is not available: the last one elsewhere is out", async () => {
  const { store } = await open();
  await initialize(store, "p1", 20, { lowStockThreshold: 5 });
  await store.transfer(transferCommand("p1", 12));
  await register(store, "Warehouse B");
  await store.amendLocation(amendLocationCommand("Warehouse B", { active: false }));
  await store.sell(sellCommand("p1", 8));
  expect(await last()).toMatchObject([{ kind: "out", units: 0 }]);
});

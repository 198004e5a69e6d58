/** Bulk calls over a real Redis: what they do to stock, in which order, and how often. */
import { describe, expect, test } from "bun:test";
import { BULK_ITEMS_MAX } from "#http/wire/bodies";
import { Fault } from "#inventory/faults";
import type { StockStore } from "#inventory/ports";
import { steadyClock } from "#lib/clock";
import { openApp, type Answered } from "#test/http-app";
import { redisOfFile } from "#test/redis";
import { initialize, reserve, totals, type TestStore } from "#test/store";

const { redis, open } = await redisOfFile();

/** The app on that store; `change` may stand between the two. */
function appOn({ store }: TestStore, change: Partial<StockStore> = {}) {
  const { send } = openApp({
    clock: steadyClock,
    config: { requestDeadlineMs: 5_000 },
    store: {
      initialize: (command) => store.initialize(command),
      adjust: (command) => store.adjust(command),
      confirm: (command) => store.confirm(command),
      cancel: (command) => store.cancel(command),
      product: (id, deadline) => store.product(id, deadline),
      ...change,
    },
  });
  return (verb: string, items: readonly object[], key?: string) =>
    send(`/api/inventory/bulk/${verb}`, {
      as: "admin",
      body: { items },
      headers: key === undefined ? {} : { "idempotency-key": key },
    });
}

function resultsOf({ body, text }: Answered): Record<string, unknown>[] {
  if (!Array.isArray(body["results"])) throw new Error(`no results: ${text}`);
  return body["results"];
}
const statusesOf = (answer: Answered) => resultsOf(answer).map(({ status }) => status);
const movements = async () => Number(await redis.hget("{p0}:meta", "seq"));

describe("items of one product", () => {
  test("are done in their order, however many batches they fill", async () => {
    const opened = await open();
    await initialize(opened.store, "p1", 0);
    const items = Array.from({ length: BULK_ITEMS_MAX }, (_, i) => {
      return { productId: "p1", quantity: i % 2 === 0 ? 10 : -10 };
    });
    const answer = await appOn(opened)("adjust", items);
    expect(answer.body).toMatchObject({ succeeded: BULK_ITEMS_MAX, failed: 0 });
    expect(await totals(opened.store, "p1")).toMatchObject({ onHand: 0 });
    const versions = resultsOf(answer).map(({ inventory }) => Object(inventory).version);
    expect(versions).toEqual(items.map((_, i) => i + 2));
  });

  test("made twice is made once: the second finds it there", async () => {
    const bulk = appOn(await open());
    const answer = await bulk("initialize", [
      { productId: "p1", sku: "SKU-1", initialStock: 5 },
      { productId: "p1", sku: "SKU-1", initialStock: 9 },
      { productId: "p2", sku: "SKU-1", initialStock: 9 },
      { productId: "p3", sku: "SKU-3", initialStock: 1 },
    ]);
    expect(statusesOf(answer)).toEqual([201, 409, 409, 201]);
    expect(answer.body).toMatchObject({ succeeded: 2, failed: 2 });
    for (const index of [1, 2]) {
      expect(resultsOf(answer)[index]).toMatchObject({
        code: "already_exists",
        inventory: { productId: "p1", totalStock: 5 },
      });
    }
  });
});

describe("500 items", () => {
  test("of as many products and holds are done at once, each with its own outcome", async () => {
    const opened = await open();
    const bulk = appOn(opened);
    const ids = Array.from({ length: BULK_ITEMS_MAX }, (_, i) => `p${i}`);
    const made = await bulk(
      "initialize",
      ids.map((productId) => ({ productId, sku: `SKU-${productId}`, initialStock: 5 })),
    );
    expect(made.body).toMatchObject({ succeeded: BULK_ITEMS_MAX });
    const holds = await Promise.all(
      ids.map((id) => reserve(opened.store, `order ${id}`, { [id]: 2 })),
    );
    const items = holds.map(({ reservationId }) => ({ reservationId }));
    const sold = await bulk("confirm", items.slice(0, 300));
    expect(sold.body).toMatchObject({ succeeded: 300, failed: 0 });
    const ended = await bulk("cancel", items);
    expect(statusesOf(ended)).toEqual(items.map((_, i) => (i < 300 ? 409 : 200)));
    expect(await totals(opened.store, "p0")).toMatchObject({ onHand: 3, reserved: 0 });
    expect(await totals(opened.store, "p499")).toMatchObject({ onHand: 5, reserved: 0 });
  });
});

describe("a hold that is named twice", () => {
  test("is ended part by part, in order", async () => {
    const opened = await open();
    await initialize(opened.store, "p1", 10);
    const { reservationId } = await reserve(opened.store, "order", { p1: 5 });
    const part = (quantity: number) => ({ reservationId, lines: [{ productId: "p1", quantity }] });
    const answer = await appOn(opened)("confirm", [part(2), part(4), part(3), part(1)]);
    expect(statusesOf(answer)).toEqual([200, 409, 200, 200]);
    expect(resultsOf(answer)[1]).toMatchObject({ code: "exceeds_held", requested: 4, held: 3 });
    expect(await totals(opened.store, "p1")).toMatchObject({ onHand: 5, reserved: 0 });
  });
});

describe("a repeat under the same Idempotency-Key", () => {
  const items = ["p1", "p2", "p3", "none"].map((productId, i) => ({ productId, quantity: i + 1 }));
  const makeThree = async (opened: TestStore) => {
    for (const id of ["p1", "p2", "p3"]) await initialize(opened.store, id, 10);
  };

  test("replays every item, and changes nothing", async () => {
    const opened = await open();
    await makeThree(opened);
    const bulk = appOn(opened);
    const first = await bulk("adjust", items.slice(0, 3), "k");
    const seq = await movements();
    const again = await bulk("adjust", items.slice(0, 3), "k");
    expect(await movements()).toBe(seq);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(resultsOf(again)).toEqual(
      resultsOf(first).map((result) => ({ ...result, replayed: true })),
    );
  });

  test("does only what is missing of a call that was done in part", async () => {
    const opened = await open();
    await makeThree(opened);
    const failing = appOn(opened, {
      adjust: async (command) => {
        if (command.productId === "p2") throw new Fault("redis_unavailable", "away");
        return opened.store.adjust(command);
      },
    });
    expect(statusesOf(await failing("adjust", items, "k"))).toEqual([200, 503, 200, 404]);
    const again = await appOn(opened)("adjust", items, "k");
    expect(statusesOf(again)).toEqual([200, 200, 200, 404]);
    expect(resultsOf(again).map(({ replayed }) => replayed ?? false)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(again.headers.get("idempotency-replayed")).toBeNull();
    const stock = ["p1", "p2", "p3"].map(async (id) => (await totals(opened.store, id)).onHand);
    expect(await Promise.all(stock)).toEqual([11, 12, 13]);
  });

  test("with another item where one was done: 422 for that item, and nothing of it", async () => {
    const opened = await open();
    await makeThree(opened);
    const bulk = appOn(opened);
    await bulk("adjust", items.slice(0, 3), "k");
    const seq = await movements();
    const [one, two, three] = items;
    const changed = await bulk("adjust", [one ?? {}, { ...two, quantity: 9 }, three ?? {}], "k");
    expect(statusesOf(changed)).toEqual([200, 422, 200]);
    expect(resultsOf(changed)[1]).toMatchObject({ code: "idempotency_key_reused" });
    const turned = await bulk("adjust", items.slice(0, 3).toReversed(), "k");
    expect(statusesOf(turned)).toEqual([422, 200, 422]);
    expect(await movements()).toBe(seq);
  });
});

/** What was there at an instant, asked over HTTP of real servers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { ProductId } from "#inventory/model";
import { randomId } from "#lib/ids";
import { startAsking, sumOf, type Movement } from "#test/asking";
import { codeIn } from "#test/caller";
import { makeHolds } from "#test/short-holds";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const SOON = { withinMs: 10_000 };

const Then = z.object({
  asOf: z.iso.datetime(),
  totalStock: z.int(),
  reservedStock: z.int(),
  availableStock: z.int().nullable(),
  locations: z.array(z.object({ location: z.string(), onHand: z.int(), reserved: z.int() })),
  version: z.int().nullable(),
});

let all: Awaited<ReturnType<typeof startAsking>>;
beforeAll(async () => {
  all = await startAsking();
}, TEST_MS_MAX);
afterAll(() => all[Symbol.asyncDispose]());

/** What the movements up to that time make of each location: the sum of their deltas. */
function folded(movements: readonly Movement[], end: number) {
  const levels = new Map<string, { location: string; onHand: number; reserved: number }>();
  for (const { location, delta, timestamp } of movements) {
    if (Date.parse(timestamp) > end) continue;
    const level = levels.get(location) ?? { location, onHand: 0, reserved: 0 };
    levels.set(location, {
      location,
      onHand: level.onHand + delta.totalStock,
      reserved: level.reserved + delta.reservedStock,
    });
  }
  return [...levels.values()].toSorted((one, other) => (one.location < other.location ? -1 : 1));
}

describe("what was there", () => {
  test(
    "at any instant is the sum of the movements until then",
    async () => {
      const { productId } = await all.withHistory();
      const movements = await all.list({ productId, order: "oldest" });
      expect(movements.length).toBeGreaterThan(10);
      const times = new Set(movements.map(({ timestamp }) => Date.parse(timestamp)));
      const created = Math.min(...times);
      let checked = 0;
      for (const at of [...times].flatMap((time) => [time - 1, time, time + 1])) {
        if (at < created) continue;
        const then = Then.parse((await all.stockAt(productId, at)).body);
        const locations = folded(movements, at);
        const [onHand, reserved] = [sumOf(locations, "onHand"), sumOf(locations, "reserved")];
        expect(then).toMatchObject({ locations, totalStock: onHand, reservedStock: reserved });
        expect(then.availableStock).toBe(onHand - reserved);
        checked += 1;
      }
      expect(checked).toBeGreaterThan(15);
      const [now, last] = [await all.get(`/product/${productId}`), movements.at(-1)?.seq];
      const then = Then.parse((await all.stockAt(productId, Date.now())).body);
      expect(now.body).toMatchObject({
        totalStock: then.totalStock,
        reservedStock: then.reservedStock,
        availableStock: then.availableStock,
        version: last,
      });
      expect(then.version).toBe(last ?? null);
    },
    TEST_MS_MAX,
  );

  test("says nothing of what was available before the safety stock changed", async () => {
    const productId = await all.initialize();
    const [initial] = await all.list({ productId });
    const at = initial?.timestamp ?? "";
    expect((await all.stockAt(productId, at)).body).toMatchObject({ availableStock: 50 });
    await all.change("PATCH", `/product/${productId}`, { safetyStock: 10 });
    expect((await all.stockAt(productId, at)).body).toMatchObject({ availableStock: null });
    const now = Then.parse((await all.stockAt(productId, Date.now())).body);
    expect([now.totalStock, now.availableStock]).toEqual([50, 40]);
  });

  test(
    "counts a hold that was due and not released, as a reader of that instant did",
    async () => {
      const productId = await all.initialize(5);
      await all.worker.kill();
      try {
        const [hold] = await makeHolds(all.stores, { productId, count: 1, seconds: 1 }, []);
        const due = hold?.expiresAt ?? 0;
        await until(() => Date.now() > due + 100, { ...SOON, what: "the hold is due" });
        // The hold is free for whoever asks: this takes its unit, so that it ends first.
        const orderId = randomId(10);
        await all.change("POST", `/product/${productId}/reserve`, { quantity: 5, orderId });
        await all.worker.restart();
        const movements = await all.list({ productId, order: "oldest" });
        expect(movements.map(({ type }) => type)).toEqual([
          "INITIAL",
          "RESERVE",
          "EXPIRE",
          "RESERVE",
        ]);
        const ended = Date.parse(movements[2]?.timestamp ?? "");
        expect(ended).toBeGreaterThan(due);
        expect((await all.stockAt(productId, due)).body).toMatchObject({ reservedStock: 1 });
        expect((await all.stockAt(productId, ended - 1)).body).toMatchObject({ reservedStock: 1 });
        expect((await all.stockAt(productId, Date.now())).body).toMatchObject({ reservedStock: 5 });
      } finally {
        if (all.worker.hasExited()) await all.worker.restart();
      }
    },
    TEST_MS_MAX,
  );

  test("is refused by name where it cannot be known", async () => {
    const productId = await all.initialize();
    const [initial] = await all.list({ productId });
    const created = Date.parse(initial?.timestamp ?? "");
    const before = await all.stockAt(productId, created - 1);
    expect([before.status, codeIn(before)]).toEqual([404, "product_not_yet_created"]);
    const unknown = await all.stockAt("nothing", created);
    expect([unknown.status, codeIn(unknown)]).toEqual([404, "product_not_found"]);
    for (const asOf of [
      new Date(Date.now() + 60_000).toISOString(),
      "yesterday",
      "2025-01-01",
      "",
    ]) {
      const answer = await all.stockAt(productId, asOf);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ errors: [{ path: "asOf" }] });
    }
    expect(
      (await all.stockAt(productId, `${new Date(created).toISOString().slice(0, -1)}+00:00`))
        .status,
    ).toBe(200);
    const path = `/product/${productId}?as_of=2025-01-01T00:00:00Z`;
    expect((await all.get(path)).status).toBe(400);
  });

  test("where its movements were put away is not guessed", async () => {
    const productId = await all.initialize();
    const at = Date.now();
    await until(() => Date.now() > at + 1, { ...SOON, what: "another millisecond has come" });
    await all.change("PATCH", `/product/${productId}/stock`, { quantity: 1 });
    await all.list({ productId });
    const { sql, store } = all.stores;
    const partition = store.partitionOf(ProductId.parse(productId));
    await sql.begin(async (tx) => {
      // As a detached range would be: nothing until then is there.
      await tx`CREATE TABLE put_away AS SELECT * FROM movements WHERE partition = ${partition}`;
      await tx`DELETE FROM movements WHERE partition = ${partition} AND at <= ${new Date(at)}`;
    });
    const answer = await all.stockAt(productId, at);
    await sql`INSERT INTO movements SELECT * FROM put_away ON CONFLICT DO NOTHING`;
    await sql`DROP TABLE put_away`;
    expect([answer.status, codeIn(answer)]).toEqual([404, "history_not_kept"]);
    expect((await all.stockAt(productId, at)).body).toMatchObject({ totalStock: 50 });
  });
});

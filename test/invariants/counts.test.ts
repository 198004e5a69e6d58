/** Counts of an earlier instant, over real servers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import type { RequestContext } from "#inventory/context";
import { countAt } from "#inventory/count-at";
import { CustomerId, ProductId } from "#inventory/model";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { Random } from "#test/random";
import { seed as seedOfRun } from "#test/scale";
import { until } from "#test/until";
import { soon, startExpecting } from "#test/expecting";

const TEST_MS_MAX = 60_000;
const DAY_MS = 86_400_000;
const COUNTS = 15;

const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
const Row = z.looseObject({
  index: z.int(),
  status: z.int(),
  replayed: z.literal(true).optional(),
});
const Counted = z.object({
  committed: z.boolean(),
  results: z.array(Row),
  succeeded: z.int(),
  failed: z.int(),
});

let all: Awaited<ReturnType<typeof startExpecting>>;
beforeAll(async () => {
  all = await startExpecting();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

interface Count {
  readonly productId: string;
  readonly quantity: number;
  readonly countedAt: string | number;
  readonly location?: string;
}

async function send(counts: readonly Count[], commit: boolean, key?: string) {
  const rows = counts.map((row) => ({ ...row, countedAt: isoOf(row.countedAt) }));
  const answer = await all.post("/counts", { counts: rows, commit, reference: "stocktake" }, key);
  expect(answer.status).toBe(200);
  return { answer, ...Counted.parse(answer.body) };
}
const isoOf = (at: string | number) => (typeof at === "number" ? new Date(at).toISOString() : at);
const tell = async (count: Count) => (await send([count], false)).results[0];
const commit = async (count: Count) => (await send([count], true)).results[0];

/** An instant behind all that was done, by Redis's clock, which is this machine's. */
async function instant(): Promise<number> {
  const at = Date.now();
  await until(() => Date.now() > at + 2, { withinMs: 1_000, what: "the instant is over" });
  return at;
}

const adjust = (productId: string, quantity: number) =>
  all.change("PATCH", `/product/${productId}/stock`, { quantity });
const countsOf = (productId: string) => all.list({ productId, type: "COUNT" });

describe("a count of an earlier instant", () => {
  test("is told against what was there, with what moved since; only a commit puts it right", async () => {
    const productId = await all.initialize(50);
    const at = await instant();
    await adjust(productId, -7);
    await all.change("POST", `/product/${productId}/sell`, { quantity: 3 });
    await all.change("POST", `/product/${productId}/reserve`, { quantity: 4, orderId: "o1" });
    const count = { productId, quantity: 48, countedAt: at };
    const told = {
      status: 200,
      productId,
      location: "A",
      counted: 48,
      expected: 50,
      delta: -2,
      moved: [
        { type: "ADJUSTMENT", quantity: -7 },
        { type: "SALE", quantity: -3 },
      ],
      totalStock: 38,
      reservedStock: 4,
    };
    expect(await tell(count)).toMatchObject(told);
    expect(await all.unitsOf(productId)).toBe(40);
    expect(await countsOf(productId)).toEqual([]);
    expect(await commit(count)).toMatchObject(told);
    expect(await all.unitsOf(productId)).toBe(38);
    expect(await countsOf(productId)).toMatchObject([
      { delta: { totalStock: -2, reservedStock: 0 }, reference: "stocktake", actor: "admin:ada" },
    ]);
  });

  test("is of what stands aside there for a campaign too, whenever that came and went", async () => {
    const productId = await all.initialize(50);
    const before = await instant();
    const planned = await all.post("/campaigns", {
      name: "counted amid",
      location: "A",
      startsAt: new Date(before).toISOString(),
      endsAt: new Date(before + DAY_MS).toISOString(),
      products: [{ productId, quantity: 20 }],
    });
    const { campaignId } = Planned.parse(planned.body).campaign;
    const body = { quantity: 3, orderId: "o1", campaign: campaignId };
    await all.change("POST", `/product/${productId}/reserve`, body);
    const during = await instant();
    expect(await tell({ productId, quantity: 49, countedAt: during })).toMatchObject({
      expected: 50,
      delta: -1,
    });
    const found = await commit({ productId, quantity: 48, countedAt: before });
    expect(found).toMatchObject({ expected: 50, delta: -2 });
    expect(await all.unitsOf(productId)).toBe(48);
    await all.change("POST", `/campaigns/${campaignId}/stop`, {});
    const after = await commit({ productId, quantity: 47, countedAt: during });
    expect(after).toMatchObject({ expected: 48, delta: -1 });
    expect(await all.unitsOf(productId)).toBe(47);
  });

  test("that finds what was there is a movement of no units", async () => {
    const productId = await all.initialize(50);
    const row = await commit({ productId, quantity: 50, countedAt: await instant() });
    expect(row).toMatchObject({ delta: 0, moved: [], totalStock: 50 });
    expect(await countsOf(productId)).toMatchObject([{ delta: { totalStock: 0 } }]);
  });

  test("is of one location, which may be one where nothing was known", async () => {
    const productId = await all.initialize(50);
    const at = await instant();
    await all.change("POST", `/product/${productId}/transfer`, { from: "A", to: "B", quantity: 9 });
    const found = await commit({ productId, quantity: 2, countedAt: at, location: "C" });
    expect(found).toMatchObject({ location: "C", expected: 0, delta: 2, totalStock: 2 });
    const there = await commit({ productId, quantity: 1, countedAt: at, location: "B" });
    expect(there).toMatchObject({ expected: 0, delta: 1, totalStock: 10 });
    expect(await all.unitsOf(productId)).toBe(53);
  });

  test("keeps live holds: a row that would take held units is refused, the others are not", async () => {
    const [held, free] = await Promise.all([all.initialize(10), all.initialize(10)]);
    const at = await instant();
    await all.change("POST", `/product/${held}/reserve`, { quantity: 8, orderId: "o1" });
    const rows = [
      { productId: held, quantity: 7, countedAt: at },
      { productId: free, quantity: 7, countedAt: at },
    ];
    for (const isCommit of [false, true]) {
      const { results, committed, succeeded, failed } = await send(rows, isCommit);
      expect([committed, succeeded, failed]).toEqual([isCommit, 1, 1]);
      expect(results).toMatchObject([
        { status: 409, code: "below_reserved", reservedStock: 8 },
        { status: 200, delta: -3 },
      ]);
    }
    expect(await Promise.all([held, free].map((id) => all.unitsOf(id)))).toEqual([10, 7]);
    expect(await commit({ ...at8(held, at) })).toMatchObject({ status: 200, totalStock: 8 });
  });
  const at8 = (productId: string, countedAt: number) => ({ productId, quantity: 8, countedAt });

  test("is refused where a later count is known, and taken where an earlier one is", async () => {
    const productId = await all.initialize(50);
    const first = await instant();
    await adjust(productId, -10);
    const second = await instant();
    await adjust(productId, -10);
    const third = await instant();
    expect(await commit({ productId, quantity: 38, countedAt: second })).toMatchObject({
      delta: -2,
    });
    const early = { productId, quantity: 45, countedAt: first };
    for (const row of [await tell(early), await commit(early)]) {
      expect(row).toMatchObject({ status: 409, code: "counted_since" });
    }
    // The earlier count counts: 28 were there at the third instant, not 30.
    const last = await commit({ productId, quantity: 28, countedAt: third });
    expect(last).toMatchObject({ expected: 28, delta: 0 });
    expect(await all.unitsOf(productId)).toBe(28);
    // The same instant may be counted again: somebody mistyped.
    const again = await commit({ productId, quantity: 29, countedAt: third });
    expect(again).toMatchObject({ expected: 28, delta: 1, totalStock: 29 });
  });

  test("that is not possible is refused row by row, and says why", async () => {
    const productId = await all.initialize(50);
    const at = await instant();
    const { results, succeeded, failed } = await send(
      [
        { productId, quantity: 1, countedAt: at },
        { productId, quantity: 2, countedAt: at, location: "A" },
        { productId: "nobody", quantity: 1, countedAt: at },
        { productId: await all.initialize(5), quantity: 1, countedAt: at - DAY_MS },
        { productId: await all.initialize(5), quantity: 1, countedAt: at + DAY_MS },
      ],
      false,
    );
    expect([succeeded, failed]).toEqual([1, 4]);
    expect(results).toMatchObject([
      { status: 200 },
      { status: 400, code: "validation_failed", errors: [{ path: "productId" }] },
      { status: 404, code: "product_not_found" },
      { status: 404, code: "product_not_yet_created" },
      { status: 400, code: "validation_failed", errors: [{ path: "countedAt" }] },
    ]);
  });
});

describe("a count that is sent again", () => {
  test("with a key or without has one effect, and the first answer", async () => {
    for (const key of [randomId(8), undefined]) {
      const productId = await all.initialize(50);
      const at = await instant();
      await adjust(productId, -5);
      const count = [{ productId, quantity: 47, countedAt: at }];
      const copies = await Promise.all(Array.from({ length: 6 }, () => send(count, true, key)));
      await adjust(productId, -1);
      copies.push(await send(count, true, key));
      const bodies = copies.map(({ results }) =>
        results.map((row) => ({ ...row, replayed: undefined })),
      );
      for (const body of bodies) expect(body).toEqual(bodies[0] ?? []);
      expect(copies.filter(({ results }) => results[0]?.replayed !== true)).toHaveLength(1);
      expect(await all.unitsOf(productId)).toBe(41);
      expect(await countsOf(productId)).toHaveLength(1);
    }
  });

  test("by a clock that is ahead has one effect, and an earlier count none behind it", async () => {
    const productId = await all.initialize(50);
    const ahead = Date.now() + 4_000;
    expect(await commit({ productId, quantity: 45, countedAt: ahead })).toMatchObject({
      delta: -5,
    });
    await adjust(productId, -10);
    const again = await commit({ productId, quantity: 45, countedAt: ahead });
    expect(again).toMatchObject({ delta: -5, replayed: true });
    const earlier = await commit({ productId, quantity: 40, countedAt: ahead - 1_000 });
    expect(earlier).toMatchObject({ status: 409, code: "counted_since" });
    expect(await all.unitsOf(productId)).toBe(35);
    expect(await countsOf(productId)).toHaveLength(1);
  });

  test("under its key with another quantity is refused", async () => {
    const productId = await all.initialize(50);
    const at = await instant();
    const key = randomId(8);
    await send([{ productId, quantity: 47, countedAt: at }], true, key);
    const { results } = await send([{ productId, quantity: 46, countedAt: at }], true, key);
    expect(results).toMatchObject([{ status: 422, code: "idempotency_key_reused" }]);
    expect(await all.unitsOf(productId)).toBe(47);
  });

  test("after its process ended behind Redis is answered by the ledger, whatever moved since", async () => {
    const productId = ProductId.parse(await all.initialize(50));
    const at = await instant();
    const deps = { ...all.stores, clock: processClock };
    const ctx = (): RequestContext => ({
      caller: { role: "admin", subject: CustomerId.parse("ada") },
      requestId: randomId(8),
      operation: null,
      deadline: soon(),
    });
    const counts = [{ productId, quantity: 40, countedAt: at, location: null }];
    const store = new Proxy(all.stores.store, {
      get: (real, name) => {
        if (name !== "adjust") {
          const member: unknown = Reflect.get(real, name);
          return typeof member === "function" ? member.bind(real) : member;
        }
        return async (command: Parameters<typeof real.adjust>[0]) => {
          await real.adjust(command);
          throw new Error("killed");
        };
      },
    });
    const ended = await countAt({ ...deps, store }, ctx(), { counts, commit: true });
    expect(ended).toMatchObject([{ kind: "failed" }]);
    await adjust(productId, -4);
    // As a day later, when Redis has forgotten the operation.
    await all.stores.redis.del(...(await all.stores.redis.keys("*:operation:*")));
    const again = await countAt(deps, ctx(), { counts, commit: true });
    expect(again).toMatchObject([
      { kind: "found", replayed: true, found: { expected: 50, delta: -10, onHand: 40 } },
    ]);
    expect(await all.unitsOf(productId)).toBe(36);
  });
});

test("counts raced with sales, restocks and each other leave what was counted and what moved", async () => {
  const random = new Random(seedOfRun());
  const productId = await all.initialize(100_000);
  let moved = 0;
  const work = { isOver: false };
  const move = async (): Promise<void> => {
    while (!work.isOver) {
      const quantity = random.pick([-3, -2, -1, 1, 2]);
      await adjust(productId, quantity);
      moved += quantity;
    }
  };
  const movers = [move(), move(), move()];
  // What is really there is 500 less than is known.
  const lost = 500;
  const thereAt = async (at: number): Promise<number> => {
    const earlier = await all.list({ productId, to: isoOf(at + 1) });
    const moves = earlier.filter(({ type }) => type !== "COUNT");
    return moves.reduce((sum, { delta }) => sum + delta.totalStock, 0) - lost;
  };
  const counts: Count[] = [];
  while (counts.length < COUNTS) {
    const countedAt = await instant();
    counts.push({ productId, quantity: await thereAt(countedAt), countedAt });
  }
  const rows = await Promise.all(counts.map(commit));
  work.isOver = true;
  await Promise.all(movers);
  const refused = rows.filter((row) => row?.status !== 200);
  expect(refused.filter((row) => row?.["code"] !== "counted_since")).toEqual([]);
  const deltas = (await countsOf(productId)).map(({ delta }) => delta.totalStock);
  expect(deltas.length).toBe(COUNTS - refused.length);
  expect(deltas.filter((delta) => delta !== 0)).toEqual([-lost]);
  expect(await all.unitsOf(productId)).toBe(100_000 + moved - lost);
});

import { describe, expect, test } from "bun:test";
import { LOCATIONS_MAX, DEFAULT_RULE, Location, STOCK_MAX } from "#inventory/model";
import type { JournalEntry } from "#inventory/ports";
import { decodeEntry } from "#redis/journal";
import { journalKey } from "#redis/keys";
import { countLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { campaignCommand, started } from "#test/campaigns";
import { dump } from "#test/keyspace";
import { redisOfFile, sendBatch } from "#test/redis";
import {
  adjustCommand,
  countCommand,
  endCommand,
  initialize,
  operation,
  productOf,
  reserve,
  reserveCommand,
  totals,
  transferCommand,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();
const here = Location.parse("Warehouse A");
const there = Location.parse("Warehouse B");

async function lastEntry(): Promise<JournalEntry> {
  const [last] = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1);
  if (!last) throw new Error("the journal is empty");
  return decodeEntry(0, ...last);
}

const lastMoved = async () => (await lastEntry()).movements;

describe("count", () => {
  test("sets the units on hand of the home, up and down, and answers the product", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const context = { actor: "admin:ada", reason: "stocktaking", reference: "C-1" };
    expect(await store.count(countCommand("p1", 47, { context }))).toEqual({
      kind: "counted",
      product: await productOf(store, "p1"),
      replayed: false,
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 47, reserved: 0, available: 47 });
    expect(await lastMoved()).toMatchObject([
      { seq: 2, type: "COUNT", location: here, onHandBefore: 50, onHandAfter: 47, ...context },
    ]);
    await store.count(countCommand("p1", STOCK_MAX));
    expect((await totals(store, "p1")).onHand).toBe(STOCK_MAX);
    await store.count(countCommand("p1", 0));
    expect((await productOf(store, "p1")).lastRestocked).toBe(
      (await productOf(store, "p1")).createdAt,
    );
    expect(await totals(store, "p1")).toEqual({ onHand: 0, reserved: 0, available: 0 });
  });

  test("counts what stands aside there for a campaign, and makes no units of it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await store.transfer(transferCommand("p1", 5));
    const { campaignId } = await started(store, { p1: 20 });
    await reserve(store, "o1", { p1: 4 });
    const counted = async (units: number) => (await store.count(countCommand("p1", units))).kind;
    expect(await counted(45)).toBe("counted");
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 4, available: 26 });
    expect(await counted(24)).toBe("counted");
    expect(await store.count(countCommand("p1", 23))).toEqual({
      kind: "below_reserved",
      onHand: 4,
      reserved: 4,
    });
    await store.count(countCommand("p1", 3, { location: there }));
    await store.campaigns.stop(campaignCommand(campaignId));
    expect(await totals(store, "p1")).toEqual({ onHand: 27, reserved: 4, available: 23 });
  });

  test("that finds what is known is a movement of no units", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { seq } = await productOf(store, "p1");
    expect(await store.count(countCommand("p1", 50))).toMatchObject({ kind: "counted" });
    expect(await lastMoved()).toMatchObject([
      { seq: seq + 1, type: "COUNT", onHandBefore: 50, onHandAfter: 50 },
    ]);
    expect((await productOf(store, "p1")).seq).toBe(seq + 1);
  });

  test("is of one location, and makes one that is new, be it empty", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await store.count(countCommand("p1", 3, { location: there }));
    // The ledger hears of a new location, though nothing else of the product changed.
    expect((await lastEntry()).products).toEqual([await productOf(store, "p1")]);
    await store.count(countCommand("p1", 0, { location: Location.parse("Yard") }));
    await store.count(countCommand("p1", 7, { location: there }));
    expect((await lastEntry()).products).toEqual([]);
    expect((await productOf(store, "p1")).levels).toEqual([
      { location: here, onHand: 50, reserved: 0, ...DEFAULT_RULE },
      { location: there, onHand: 7, reserved: 0, ...DEFAULT_RULE },
      { location: Location.parse("Yard"), onHand: 0, reserved: 0, ...DEFAULT_RULE },
    ]);
  });

  test("leaves what is held as it is, down to the last held unit", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    await store.count(countCommand("p1", 5));
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 5, available: 0 });
    expect((await store.confirm(endCommand(reservationId))).kind).toBe("done");
    expect(await totals(store, "p1")).toEqual({ onHand: 0, reserved: 0, available: 0 });
  });

  test("moves a product into the low set and out of it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await store.count(countCommand("p1", 4));
    expect(await redis.zscore("{p0}:low", "p1")).toBe("4");
    await store.count(countCommand("p1", 50));
    expect(await redis.zscore("{p0}:low", "p1")).toBeNull();
  });

  test("undone leaves the stock as it was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 12);
    const before = await productOf(store, "p1");
    await store.count(countCommand("p1", 5));
    await store.count(countCommand("p1", 12));
    const timeless = { seq: 0, updatedAt: 0 };
    expect({ ...(await productOf(store, "p1")), ...timeless }).toEqual({ ...before, ...timeless });
  });
});

describe("count refuses, and changes nothing, ", () => {
  test("fewer than the location has held", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.adjust(adjustCommand("p1", 9, { location: there }));
    await reserve(store, "o1", { p1: 3 });
    const before = await dump(redis);
    expect(await store.count(countCommand("p1", 2))).toEqual({
      kind: "below_reserved",
      onHand: 5,
      reserved: 3,
    });
    expect(await dump(redis)).toEqual(before);
    const elsewhere = await store.count(countCommand("p1", 2, { location: there }));
    expect(elsewhere).toMatchObject({ kind: "counted" });
  });

  test("a 65th location", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    for (let i = 1; i < LOCATIONS_MAX; i += 1) {
      await store.count(countCommand("p1", 1, { location: Location.parse(`L${i}`) }));
    }
    const before = await dump(redis);
    const oneMore = countCommand("p1", 1, { location: Location.parse("one-more") });
    expect(await store.count(oneMore)).toEqual({
      kind: "above_limit",
      limit: "locations",
      onHand: 0,
    });
    expect(await dump(redis)).toEqual(before);
    expect((await productOf(store, "p1")).levels).toHaveLength(LOCATIONS_MAX);
  });

  test("a product that nobody made", async () => {
    const { store } = await open();
    const before = await dump(redis);
    expect(await store.count(countCommand("p1", 1))).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("count under an Idempotency-Key", () => {
  test("has one effect, and gives a repeat the first answer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const command = countCommand("p1", 3, { operation: operation("k1") });
    const [first, second] = await Promise.all([store.count(command), store.count(command)]);
    expect([first, second]).toMatchObject([{ replayed: false }, { replayed: true }]);
    await store.adjust(adjustCommand("p1", 1));
    const before = await dump(redis);
    const again: unknown = await store.count(command);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await dump(redis)).toEqual(before);
    expect((await totals(store, "p1")).onHand).toBe(4);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await store.count(countCommand("p1", 3, { operation: operation("k1") }));
    const before = await dump(redis);
    const other = countCommand("p1", 4, { operation: operation("k1", "another body") });
    expect(await store.count(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });

  test("does not keep a refusal: the same key may succeed later", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 });
    const command = countCommand("p1", 4, { operation: operation("k1") });
    expect((await store.count(command)).kind).toBe("below_reserved");
    await store.cancel(endCommand(hold.reservationId));
    expect(await store.count(command)).toMatchObject({ kind: "counted", replayed: false });
  });
});

test("a count that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  const good = countLine(countCommand("p1", 1));
  const fields = good.split("\t");
  const withField = (index: number, text: string) => fields.with(index, text).join("\t");
  const malformed = [
    "",
    "garbage",
    fields.slice(0, -1).join("\t"),
    [...fields.slice(0, 3), "5", "2", ...fields.slice(3)].join("\t"),
    withField(0, "{p1}"),
    withField(1, "a,b"),
    withField(2, ""),
    withField(2, "-1"),
    withField(2, "1.5"),
    withField(2, "1e3"),
    withField(2, "0x10"),
    withField(2, String(STOCK_MAX + 1)),
    withField(3, "x"),
    withField(4, "x"),
    withField(5, "two\nlines"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "count", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("counts raced by reserves of 4 processes never leave fewer units than are held", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 60);
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const process = stores[i % stores.length]?.store ?? store;
      if (i % 4 < 3) return (await process.reserve(reserveCommand(`o${i}`, { p1: 2 }))).kind;
      return (await process.count(countCommand("p1", i % 8 === 3 ? 20 : 150))).kind;
    }),
  );
  // The laws that the file is held to say that no level was oversold.
  const { onHand, reserved } = await totals(store, "p1");
  expect(reserved).toBe(2 * outcomes.filter((kind) => kind === "reserved").length);
  expect(onHand).toBeGreaterThanOrEqual(reserved);
  expect(outcomes).toContain("counted");
  expect(outcomes).toContain("insufficient");
});

test("count produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/count.lua");
  expect(answers.of("stock/count.lua").items).toEqual([...items]);
});

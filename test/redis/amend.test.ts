import { describe, expect, test } from "bun:test";
import { decodeEntry } from "#redis/journal";
import { amendLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { redisOfFile, sendBatch } from "#test/redis";
import { amendCommand, initialize, operation, productOf, soon } from "#test/store";

const { redis, answers, open } = await redisOfFile();

describe("amend", () => {
  test("changes what is named and nothing else, with a movement without delta", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const before = await productOf(store, "p1");
    const changes = { name: "a=b, \"c\" 'd' é", price: 1.25, maxPerCustomer: 3 };
    const outcome = await store.amend(amendCommand("p1", changes));
    const after = await productOf(store, "p1");
    expect(outcome).toEqual({ kind: "amended", product: after, replayed: false });
    const { seq, updatedAt } = after;
    const limitSince = updatedAt + 1;
    expect(after).toEqual({ ...before, ...changes, limitSince, seq, updatedAt });
    expect(seq).toBe(before.seq + 1);
    const [id = "", fields = []] = (await redis.xrevrange("{p0}:journal", "+", "-"))[0] ?? [];
    const entry = decodeEntry(0, id, fields);
    expect(entry.products).toEqual([after]);
    expect(entry.movements).toMatchObject([
      { type: "ATTRIBUTE", onHandBefore: 50, onHandAfter: 50, reservedBefore: 0, reservedAfter: 0 },
    ]);
  });

  test("unsets what may be unset", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50, { name: "name", price: 1, maxPerCustomer: 1 });
    const changes = { name: null, price: null, maxPerCustomer: null };
    await store.amend(amendCommand("p1", changes));
    expect(await productOf(store, "p1")).toMatchObject(changes);
  });

  test("of thresholds and safety stock moves the product in and out of the low set", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    expect(await store.lowStock(10, soon())).toEqual([]);
    await store.amend(amendCommand("p1", { lowStockThreshold: 50 }));
    expect(await redis.zscore("{p0}:low", "p1")).toBe("50");
    await store.amend(amendCommand("p1", { safetyStock: 20 }));
    expect(await redis.zscore("{p0}:low", "p1")).toBe("30");
    await store.amend(amendCommand("p1", { safetyStock: 0, lowStockThreshold: 49 }));
    expect(await store.lowStock(10, soon())).toEqual([]);
  });

  test("undone leaves the product as it was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const before = await productOf(store, "p1");
    await store.amend(amendCommand("p1", { name: "x", safetyStock: 45 }));
    await store.amend(amendCommand("p1", { name: null, safetyStock: 0 }));
    const { seq, updatedAt } = await productOf(store, "p1");
    expect(await productOf(store, "p1")).toEqual({ ...before, seq, updatedAt });
  });

  test("of an older version is refused with the present one, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { seq } = await productOf(store, "p1");
    await store.amend(amendCommand("p1", { name: "one" }, { expectedSeq: seq }));
    const before = await dump(redis);
    const late = await store.amend(amendCommand("p1", { name: "two" }, { expectedSeq: seq }));
    expect(late).toEqual({ kind: "expected_mismatch", product: await productOf(store, "p1") });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a product that nobody made changes nothing", async () => {
    const { store } = await open();
    const before = await dump(redis);
    const outcome = await store.amend(amendCommand("p1", { name: "x" }));
    expect(outcome).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("amend under an Idempotency-Key", () => {
  test("gives a repeat the first answer, and does not undo what came after it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const command = amendCommand("p1", { name: "one" }, { operation: operation("k1") });
    const first = await store.amend(command);
    await store.amend(amendCommand("p1", { name: "two" }));
    const before = await dump(redis);
    const again: unknown = await store.amend(command);
    expect(again).toEqual({ ...first, replayed: true });
    expect(await dump(redis)).toEqual(before);
  });

  test("refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await store.amend(amendCommand("p1", { name: "one" }, { operation: operation("k1") }));
    const more = { operation: operation("k1", "another body") };
    expect(await store.amend(amendCommand("p1", { name: "two" }, more))).toEqual({
      kind: "key_reused",
    });
    expect(await productOf(store, "p1")).toMatchObject({ name: "one" });
  });
});

test("an amend that cannot be read fails, and changes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const before = await dump(redis);
  const good = amendLine(amendCommand("p1", { name: "x" }));
  const end = "\tname=x";
  expect(good.endsWith(end)).toBe(true);
  const withChanges = (text: string) => good.slice(0, -end.length) + text;
  const malformed = [
    "",
    "garbage",
    withChanges(""),
    withChanges("\t"),
    withChanges("\tgarbage"),
    withChanges("\tname=x\tgarbage"),
    withChanges("\tname=x\t"),
    withChanges("\tname=two\nlines"),
    withChanges("\tsku=x"),
    withChanges("\tseq=1"),
    withChanges("\tonHand:Warehouse A=1"),
    withChanges("\tprice=-1"),
    withChanges("\tprice=x"),
    withChanges("\tlowStockThreshold="),
    withChanges("\tlowStockThreshold=1e3"),
    withChanges("\tsafetyStock=-1"),
    withChanges("\tsafetyStock=nan"),
  ];
  for (const line of malformed) {
    await expect(sendBatch(redis, "amend", {}, [good, line]), line).rejects.toThrow();
    expect(await dump(redis), line).toEqual(before);
  }
});

test("amend raced by 40 callers from 4 processes with one version lets one of them win", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 50);
  const { seq: expectedSeq } = await productOf(store, "p1");
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      stores[i % stores.length]?.store.amend(
        amendCommand("p1", { name: `name ${i}` }, { expectedSeq }),
      ),
    ),
  );
  const winners = outcomes.flatMap((it) => (it?.kind === "amended" ? [it.product.name] : []));
  expect(winners).toEqual([(await productOf(store, "p1")).name]);
  expect(outcomes.filter((it) => it?.kind === "expected_mismatch")).toHaveLength(39);
});

test("amend produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/amend.lua");
  expect(answers.of("stock/amend.lua").items).toEqual([...items]);
});

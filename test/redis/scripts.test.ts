import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import * as keys from "#redis/keys";
import { expand, loadScript, runScript } from "#redis/script";
import { dump } from "#test/keyspace";
import { SCRIPT_PATHS, wordsOfHeader } from "#test/answers";
import { redisOfFile, sendBatch } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  countCommand,
  endCommand,
  extendCommand,
  initialize,
  initializeCommand,
  product,
  reserve,
  reserveCommand,
  returnCommand,
  sellCommand,
  soon,
  totals,
} from "#test/store";

const { redis, open } = await redisOfFile({ cluster: true });

/** Locals that every script may still have: one more in a library is one more in each that includes it. */
const LOCALS_SPARE = 8;

describe.each(SCRIPT_PATHS)("lua/%s", (path) => {
  test("loads with its fragments put in, and begins with #!lua", async () => {
    const script = loadScript(path);
    expect(script.text).toMatch(/^#!lua(?: flags=[\w,-]+)?\n/);
    expect(script.text).not.toContain("@include");
    expect(await redis.script("LOAD", script.text)).toBe(script.sha);
  });

  test("has room for more: Lua gives a script 200 locals, its libraries' names among them", async () => {
    const names = Array.from({ length: LOCALS_SPARE }, (_, i) => `local spare_${i}\n`).join("");
    const [first = "", ...rest] = loadScript(path).text.split("\n");
    const roomy = `${first}\n${names}${rest.join("\n")}`;
    expect(await redis.script("LOAD", roomy)).toMatch(/^[0-9a-f]{40}$/);
  });

  test("names its answers in its header", () => {
    expect(wordsOfHeader(path).items.length).toBeGreaterThan(0);
  });
});

test("scripts that end holds, and what they wait for, run when Redis is out of memory, no others", () => {
  const allowed = SCRIPT_PATHS.filter((path) => /^#!lua .*allow-oom/.test(expand(path)));
  expect(allowed).toEqual([
    "journal/settle.lua",
    "partition/begin.lua",
    "partition/claim.lua",
    "partition/empty.lua",
    "partition/lift.lua",
    "partition/rebuild.lua",
    "partition/reopen.lua",
    "stock/cancel.lua",
    "stock/confirm.lua",
    "stock/expire.lua",
  ]);
});

test("a fragment that several others name is put in once, before its first use", () => {
  const text = expand("stock/reserve.lua");
  for (const name of ["open_batch", "move", "load_holds", "close_holds", "take"]) {
    expect(text.split(`local function ${name}(`)).toHaveLength(2);
  }
  expect(text.indexOf("local function move(")).toBeLessThan(text.indexOf("local function take("));
});

describe("the names of keys", () => {
  // Names that Lua gets from its caller, or has no use for.
  const outside = ["partitionTag", "skuKey"];

  test("are the same in Lua and in TypeScript", async () => {
    const body = readFileSync(join(import.meta.dir, "all-keys.lua"), "utf8");
    const text = `#!lua\n${expand("lib/keys.lua")}\n${body}`;
    const sha = String(await redis.script("LOAD", text));
    const script = { path: "all-keys.lua", text, sha };
    const answer = String(await runScript(redis, script, keys.metaKey(12), []));
    const inLua = answer.split("\n").map((line) => line.split(" "));
    expect(inLua).toEqual([
      ["metaKey", keys.metaKey(12)],
      ["journalKey", keys.journalKey(12)],
      ["lowKey", keys.lowKey(12)],
      ["locationsKey", keys.locationsKey(12)],
      ["stockKey", keys.stockKey(12, "sample-1")],
      ["reservationKey", keys.reservationKey(12, "sample-1")],
      ["expiringKey", keys.expiringKey(12, 1_700_000_000)],
      ["batchKey", keys.batchKey(12, "sample-1", "sample.2")],
      ["operationKey", keys.operationKey(12, "sample-1")],
      ["returnKey", keys.returnKey(12, "sample-1")],
      ["limitKey", keys.limitKey(12, "sample-1")],
      ["ruleKey", keys.ruleKey(12, "sample-1", "1700000000")],
      ["campaignLimitKey", keys.campaignLimitKey(12, "sample.2", "sample-1")],
      ["limitedKey", keys.limitedKey(12)],
      ["recordKey", keys.recordKey(12, "limit")],
      ["waitingKey", keys.waitingKey(12, "sample-1")],
      ["waitedKey", keys.waitedKey(12)],
      ["waitsKey", keys.waitsKey(12)],
      ["rateKey", keys.rateKey(12, "sample-1")],
    ]);
    // A name that one of the twins alone has would be missing above.
    const named = inLua.map(([name = ""]) => name);
    expect(new Set([...named, ...outside])).toEqual(new Set(Object.keys(keys)));
    const builders = expand("lib/keys.lua").match(/^local (?:function )?\w+_key\b/gm) ?? [];
    expect(builders).toHaveLength(named.length);
  });

  test("are refused by a script whose first key is no meta", async () => {
    const script = loadScript("stock/expire.lua");
    for (const key of ["meta", "{p0}:stock:p1", "{p0}:metadata", "{x}:meta", "{p0}meta"]) {
      const sent = runScript(redis, script, key, ["1\t0\tw\texpire-0\t1\t0\t1"]);
      await expect(sent, key).rejects.toThrow("KEYS[1] must be the meta key");
    }
  });

  test("of one partition share a slot, so that one script may touch them all", async () => {
    const all = [
      keys.metaKey(3),
      keys.journalKey(3),
      keys.lowKey(3),
      keys.locationsKey(3),
      keys.stockKey(3, "p1"),
      keys.reservationKey(3, "a"),
      keys.expiringKey(3, 1),
      keys.batchKey(3, "w", "s"),
      keys.operationKey(3, "k"),
      keys.returnKey(3, "o"),
    ];
    const slots = await Promise.all(all.map((key) => redis.cluster("KEYSLOT", key)));
    expect(new Set(slots).size).toBe(1);
  });
});

test("every verb runs on a cluster of one node, also over several partitions", async () => {
  expect(await redis.cluster("INFO")).toContain("cluster_state:ok");
  const { store } = await open({ partitions: 3 });
  const ids = ["p1", "p2", "p3", "p4", "p5", "p6"];
  for (const id of ids) {
    await initialize(store, id, 50);
    expect((await store.count(countCommand(id, 48))).kind).toBe("counted");
    expect((await store.adjust(adjustCommand(id, 7))).kind).toBe("adjusted");
    const sale = await store.sell(sellCommand(id, 1));
    const seq = sale.kind === "sold" ? sale.product.seq : 0;
    const back = await store.return(returnCommand(id, 1, { seq, sold: 1, returned: 0 }));
    expect([sale.kind, back.kind]).toEqual(["sold", "returned"]);
    expect((await store.amend(amendCommand(id, { name: "x" }))).kind).toBe("amended");
    const first = await reserve(store, `first ${id}`, { [id]: 1 });
    const second = await reserve(store, `second ${id}`, { [id]: 2 });
    await reserve(store, `third ${id}`, { [id]: 50 });
    expect((await store.extend(extendCommand(first.reservationId, 3_600))).kind).toBe("done");
    expect((await store.confirm(endCommand(first.reservationId))).kind).toBe("done");
    expect((await store.cancel(endCommand(second.reservationId))).kind).toBe("done");
    expect(await totals(store, id)).toEqual({ onHand: 54, reserved: 50, available: 4 });
    expect(await store.productOfSku(initializeCommand(id, 0).sku, soon())).toBe(product(id));
  }
  for (const partition of [0, 1, 2]) {
    expect(await store.expire(partition)).toEqual({ expired: 0, more: false });
  }
  expect((await store.lowStock(10, soon())).toSorted()).toEqual(ids.map(product));
  const positions = await store.positions(soon());
  const seqs = [0, 1, 2].map((partition) => redis.hget(keys.metaKey(partition), "seq"));
  expect(positions.map(({ seq }) => String(seq))).toEqual((await Promise.all(seqs)).map(String));
  expect(new Set(positions.map(({ seq }) => seq)).size).toBeGreaterThan(1);
  const spanning = reserveCommand("cart", Object.fromEntries(ids.map((id) => [id, 1])));
  await expect(store.reserve(spanning)).rejects.toMatchObject({ code: "cart_spans_partitions" });
});

test("begin produced each word that its header promises", async () => {
  const script = loadScript("partition/begin.lua");
  const begin = async (...args: string[]): Promise<unknown> =>
    runScript(redis, script, keys.metaKey(0), args);
  // Data that somebody acknowledged are missing: fenced for all, until a rebuild lifts it.
  expect(await begin("store", "run-1", "1", "5", "0", "0", "0")).toEqual(["behind", "0"]);
  expect(await redis.hget(keys.metaKey(0), "fence")).toBe("behind:5");
  expect(await begin("store", "run-2", "2", "0", "0", "0", "0")).toEqual(["behind", "0"]);
  await redis.del(keys.metaKey(0));
  expect(await begin("store", "run-1", "1", "0", "0", "0", "0")).toEqual(["begun", "1", "0"]);
  expect(await begin("store", "run-1", "2", "0", "0", "0", "0")).toEqual(["current", "1", "0"]);
  expect(await begin("another", "run-1", "3", "0", "0", "0", "0")).toEqual(["foreign"]);
  expect(await begin("store", "run-2", "1", "0", "0", "0", "0")).toEqual(["used", "1"]);
  expect(await begin("store", "run-2", "4", "0", "0", "0", "0")).toEqual(["begun", "4", "0"]);
  expect(await begin("store", "run-2", "5", "1", "0", "0", "0")).toEqual(["behind", "0"]);
  expect(await sendBatch(redis, "expire", { epoch: 4 })).toBe("stale");
  expect(await begin("store", "run-3", "6", "0", "0", "0", "0")).toEqual(["behind", "0"]);
  expect(await redis.hget(keys.metaKey(0), "epoch")).toBe("4");
  for (const args of [["store", "run", "x", "0"], ["store", "run", "1", "nan"], ["store"]]) {
    await expect(begin(...args)).rejects.toThrow();
  }
  expect([...wordsOfHeader("partition/begin.lua").items]).toEqual([
    "begun",
    "behind",
    "current",
    "foreign",
    "used",
  ]);
});

test("claim produced each word that its header promises", async () => {
  const script = loadScript("sku/claim.lua");
  const claim = async (...args: string[]): Promise<unknown> =>
    runScript(redis, script, keys.skuKey("SKU-1"), args);
  expect(await claim("p1", "")).toEqual(["claimed"]);
  expect(await claim("p1", "")).toEqual(["claimed"]);
  const stood = await redis.get(keys.skuKey("SKU-1"));
  expect(await claim("p2", "")).toEqual(["taken", stood]);
  expect(await claim("p2", "another claim")).toEqual(["taken", stood]);
  expect(await claim("p2", stood ?? "")).toEqual(["claimed"]);
  expect(await redis.get(keys.skuKey("SKU-1"))).toMatch(/^p2\t\d{13}$/);
  await expect(claim("{p1}", "")).rejects.toThrow();
  expect([...wordsOfHeader("sku/claim.lua").items]).toEqual(["claimed", "taken"]);
});

test("settle produced each word that its header promises", async () => {
  const script = loadScript("journal/settle.lua");
  const settle = async (...args: string[]): Promise<unknown> =>
    runScript(redis, script, keys.metaKey(0), args);
  const id = "store-of-this-test";
  expect(await settle(id, "1", "0", "0", "located")).toBe("stale");
  const { store } = await open();
  await initialize(store, "p1", 50);
  for (let i = 0; i < 9; i += 1) await store.adjust(adjustCommand("p1", 1));
  const drained = async () => (await store.positions(soon())).map((at) => at.drained);
  expect(await settle(id, "1", "6", "100", "appended")).toBe("settled");
  expect(await settle(id, "1", "3", "100", "appended")).toBe("settled");
  expect(await drained()).toEqual([6]);
  // PostgreSQL was restored from a backup: the ledger does stand there again.
  expect(await settle(id, "1", "3", "100", "located")).toBe("settled");
  expect(await drained()).toEqual([3]);
  // Another store's cursor, and one that is ahead of this Redis, are never settled nor trimmed for.
  const before = await dump(redis);
  expect(await settle("another store", "1", "6", "0", "located")).toBe("stale");
  expect(await dump(redis)).toEqual(before);
  for (const [epoch, seq] of [
    ["1", "11"],
    ["2", "6"],
  ] as const) {
    expect(await settle(id, epoch, seq, "0", "located")).toBe("stale");
    // The ledger has what this server lacks: nothing more is sold from it.
    expect(await redis.hget(keys.metaKey(0), "fence")).toBe(`behind:${seq}`);
    expect(await settle(id, "1", "6", "0", "appended")).toBe("stale");
    await redis.hdel(keys.metaKey(0), "fence");
    expect(await dump(redis)).toEqual(before);
  }
  expect([...wordsOfHeader("journal/settle.lua").items]).toEqual(["settled", "stale"]);
});

/** Counts of limits that differ from the ledger are set to what it says. */
import { expect, test } from "bun:test";
import { limitedKey, limitKey, metaKey, recordKey, ruleKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
import { carol, group, held, putLimit, stocked } from "#test/limits";
import { redisOfFile } from "#test/redis";
import { initialize, productOf, reserve } from "#test/store";

const { redis, open } = await redisOfFile();

const STORE = "store-of-this-test";
const run = (...args: string[]): Promise<unknown> =>
  runScript(redis, loadScript("repair/limit.lua"), metaKey(0), args);

test("what customers have of a product with a limit is set to what the ledger says, unless it changed", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50, { maxPerCustomer: 9 });
  await reserve(store, "o1", { p1: 5 });
  const seq = String((await productOf(store, "p1")).seq);
  const before = await redis.hgetall(limitKey(0, "p1"));
  const [field = ""] = Object.keys(before);
  expect(before).toEqual({ [field]: "5" });
  const set = (...args: string[]) => run(STORE, "p1", ...args);
  expect(await set(seq, field, "0", "ab12", "7")).toBe("repaired");
  expect(await redis.hgetall(limitKey(0, "p1"))).toEqual({ ab12: "7" });
  expect(await set(String(Number(seq) + 1), field, "5")).toBe("moved");
  expect(await run("another", "p1", seq, field, "5")).toBe("stale");
  for (const bad of [[seq], [seq, field], [seq, "{x}", "1"], [seq, field, "-1"]]) {
    await expect(set(...bad)).rejects.toThrow("cannot be read");
  }
  expect(await set(seq, field, "5", "ab12", "0")).toBe("repaired");
  expect(await redis.hgetall(limitKey(0, "p1"))).toEqual(before);
  expect([...wordsOfHeader("repair/limit.lua").items]).toEqual(["moved", "repaired", "stale"]);
});

const runNamed = (...args: string[]): Promise<unknown> =>
  runScript(redis, loadScript("repair/recorded-limit.lua"), metaKey(0), args);

test("what customers have under a limit with a name is set, unless it or a product of it changed", async () => {
  const { store } = await open();
  await stocked(store, "p1", "p2");
  await putLimit(redis, store, "drop", group("p1", "p2"));
  await held(store, carol, "o1", { p1: 3, p2: 1 });
  const text = (await redis.hget(recordKey(0, "limit"), "drop")) ?? "";
  const seq = String((await productOf(store, "p2")).seq);
  const key = ruleKey(0, "drop", "always");
  const before = await redis.hgetall(key);
  const [field = ""] = Object.keys(before);
  const named = (found: string) => ["limit", "drop", found, "p1,p2", "drop", "always", ""];
  const set = (...args: string[]) => runNamed(STORE, ...named(text), ...args);
  expect(await set(seq, field, "0", "ab12:holds", "7")).toBe("repaired");
  expect(await redis.hgetall(key)).toEqual({ "ab12:holds": "7" });
  expect(await set(String(Number(seq) + 1), field, "4")).toBe("moved");
  expect(await runNamed(STORE, ...named(`${text},p3`), seq, field, "4")).toBe("moved");
  expect(await runNamed("another", ...named(text), seq, field, "4")).toBe("stale");
  for (const bad of [[seq], [seq, field], [seq, "{x}", "1"], [seq, field, "-1"]]) {
    await expect(set(...bad)).rejects.toThrow("cannot be read");
  }
  expect(await set(seq, field, "4", "ab12:holds", "0")).toBe("repaired");
  expect(await redis.hgetall(key)).toEqual(before);
  expect([...wordsOfHeader("repair/recorded-limit.lua").items]).toEqual([
    "moved",
    "repaired",
    "stale",
  ]);
  await redis.del(limitedKey(0));
  const limited = loadScript("repair/limited.lua");
  expect(await runScript(redis, limited, metaKey(0), ["another"])).toBe("stale");
  expect(await runScript(redis, limited, metaKey(0), [STORE])).toBe("repaired");
  expect(await redis.hgetall(limitedKey(0))).toEqual({ p1: "drop", p2: "drop" });
});

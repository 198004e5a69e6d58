/** Counts of limits that differ from the ledger are set to what it says. */
import { expect, test } from "bun:test";
import { limitKey, metaKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
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

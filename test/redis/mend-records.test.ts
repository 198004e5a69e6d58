/** Records that differ from the ledger are set to what it says. */
import { expect, test } from "bun:test";
import { metaKey, recordKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
import { redisOfFile } from "#test/redis";
import { putRecords } from "#test/put-record";
import { initialize } from "#test/store";

const { redis, open } = await redisOfFile();

const STORE = "store-of-this-test";
const KEY = recordKey(0, "campaign");
const run = (...args: string[]): Promise<unknown> =>
  runScript(redis, loadScript("repair/record.lua"), metaKey(0), args);

test("a record is set to what the ledger says, or removed, unless it changed", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  await putRecords(redis, [["campaign", "summer", "1\tfound"]]);
  const set = (...args: string[]) => run(STORE, "campaign", "summer", ...args);
  expect(await set("1\tother", "1\twanted")).toBe("moved");
  expect(await set("", "1\twanted")).toBe("moved");
  expect(await run("another", "campaign", "summer", "1\tfound", "1")).toBe("stale");
  for (const bad of [["1\tfound"], ["1\tfound", "two\nlines"], ["1\tfound", "1", "more"]]) {
    await expect(set(...bad)).rejects.toThrow("cannot be read");
  }
  expect(await redis.hgetall(KEY)).toEqual({ summer: "1\tfound" });
  expect(await set("1\tfound", "1\twanted")).toBe("repaired");
  expect(await redis.hgetall(KEY)).toEqual({ summer: "1\twanted" });
  expect(await set("1\twanted", "")).toBe("repaired");
  expect(await redis.exists(KEY)).toBe(0);
  // As the ledger has it, so that the next look finds nothing.
  expect(await set("", "1\tfound")).toBe("repaired");
  expect([...wordsOfHeader("repair/record.lua").items]).toEqual(["moved", "repaired", "stale"]);
});

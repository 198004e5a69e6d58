import { describe, expect, test } from "bun:test";
import { readRunId } from "#redis/run-id";
import { loadScript, runScript } from "#redis/script";
import { VERBS } from "#test/batches";
import { expectFenced } from "#test/fenced";
import { redisOfFile, sendBatch } from "#test/redis";
import { initialize, returnCommand, sellCommand } from "#test/store";
import { until } from "#test/until";

const { redis, open } = await redisOfFile();

/** What begin writes, and everything counts with. */
const NUMBERS = ["epoch", "seq", "beganAt", "lastNow", "swept", "drained"] as const;
const NUMBER = /^\d+$/;
const DAMAGES: readonly [field: string, value: string | null][] = [
  ["storeId", null],
  ...NUMBERS.flatMap((field): [string, string | null][] => [
    [field, null],
    [field, "1x2"],
  ]),
  ["drained", "99"],
  ["beganAt", "99"],
  ["rebuilt", "1x"],
];

describe.each(DAMAGES)("a meta whose %s became %p", (field, value) => {
  const damage = () =>
    value === null ? redis.hdel("{p0}:meta", field) : redis.hset("{p0}:meta", field, value);

  test("is fenced by who comes to it, with no script that fails", async () => {
    const { store, redis: connection, partitions } = await open();
    await initialize(store, "p1", 50);
    const before = await redis.hgetall("{p0}:meta");
    await damage();
    // A server that starts anew is looked at, and so is one whose connection was lost.
    await redis.hset("{p0}:meta", "runId", "another start");
    connection.disconnect(true);
    const isFenced = () => partitions[0]?.state === "fenced";
    await until(isFenced, { withinMs: 5_000, what: "the partition is fenced" });
    await expectFenced(redis, store);
    const { fence, ...after } = await redis.hgetall("{p0}:meta");
    expect(fence).toMatch(/^behind:\d+$/);
    // A rebuild can read all that is left.
    for (const name of NUMBERS) expect(after[name] ?? "0").toMatch(NUMBER);
    await redis.hset("{p0}:meta", before);
    await redis.hdel("{p0}:meta", "fence", ...(field === "rebuilt" ? ["rebuilt"] : []));
  });

  test("is fenced by the drain, and can be claimed by a restore", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const before = await redis.hgetall("{p0}:meta");
    const { storeId = "", epoch = "" } = before;
    const run = (path: string, args: readonly string[]) =>
      runScript(redis, loadScript(path), "{p0}:meta", args);
    const restored = async () => {
      await redis.hset("{p0}:meta", before);
      await redis.hdel("{p0}:meta", "fence", ...(field === "rebuilt" ? ["rebuilt"] : []));
    };
    await damage();
    expect(await run("journal/settle.lua", [storeId, epoch, "1", "100", "appended"])).toBe("stale");
    if (field !== "storeId") expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:1");
    await restored();
    await damage();
    const claim = await run("partition/claim.lua", [storeId, "token", "10000", "any"]);
    const number = expect.stringMatching(NUMBER);
    expect(claim).toEqual(["claimed", number, number, number, "0"]);
    // Who gives up leaves it fenced; who goes on opens it.
    expect(await run("partition/lift.lua", ["token"])).toBe("lifted");
    expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:0");
    await run("partition/claim.lua", [storeId, "token", "10000", "fenced"]);
    const runId = await readRunId(redis);
    const reopened = await run("partition/reopen.lua", ["token", runId, "9", "1", "0", "0", ""]);
    expect(reopened).toEqual(["begun", "9", "1"]);
    await restored();
  });
});

test("a number of the meta that is gone while all serve fences the partition", async () => {
  for (const field of ["seq", "lastNow", "swept", "drained"]) {
    const { store } = await open();
    await initialize(store, `p-${field}`, 50);
    const before = await redis.hgetall("{p0}:meta");
    await redis.hset("{p0}:meta", field, "1x2");
    for (const verb of VERBS) expect(await sendBatch(redis, verb, {})).toBe("stale");
    await expectFenced(redis, store);
    await redis.hset("{p0}:meta", before);
    await redis.hdel("{p0}:meta", "fence");
  }
});

test("a return, which counts with where the epoch began, is fenced where that is gone", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await store.sell(sellCommand("p1", 1));
  const before = await redis.hgetall("{p0}:meta");
  await redis.hset("{p0}:meta", "beganAt", "1x2");
  const back = store.return(returnCommand("p1", 1, { seq: 2, sold: 1, returned: 0 }));
  await expect(back).rejects.toMatchObject({ code: "partition_fenced" });
  await redis.hset("{p0}:meta", before);
  await redis.hdel("{p0}:meta", "fence");
});

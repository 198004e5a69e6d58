import { expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { ClaimLost } from "#inventory/rebuild-ports";
import { metaKey } from "#redis/keys";
import { createPartitionRebuild } from "#redis/rebuild";
import { readRunId } from "#redis/run-id";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
import { dump, keysLike } from "#test/keyspace";
import { redisOfFile } from "#test/redis";
import { startRedisProxy } from "#test/redis-proxy";
import { adjustCommand, initialize, openStore, reserve, totals } from "#test/store";
import { until } from "#test/until";

const { redis, server, open } = await redisOfFile();

/** What such a test leaves half rebuilt is no store that could be whole. */
const spoiling = (name: string, body: () => Promise<void>): void =>
  test(name, async () => {
    await body();
    await redis.flushall();
  });

const STORE = "store-of-this-test";
const run = (path: string, args: readonly string[]) =>
  runScript(redis, loadScript(path), metaKey(0), args);
const claim = async (token: string, which = "fenced", lastsMs = 10_000): Promise<unknown> =>
  run("partition/claim.lua", [STORE, token, String(lastsMs), which]);
const rebuild = (token: string, ...steps: string[]): Promise<unknown> =>
  run("partition/rebuild.lua", [token, "10000", ...steps]);
const reopen = async (token: string, epoch: string, runId?: string): Promise<unknown> => {
  const written = runId ?? (await readRunId(redis));
  return await run("partition/reopen.lua", [token, written, epoch, "5", "0", "0", ""]);
};

spoiling("claim produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  expect(await claim("a")).toEqual(["open"]);
  expect(await run("partition/claim.lua", ["another", "a", "1", "any"])).toEqual(["foreign"]);
  expect(await dump(redis)).toEqual(before);
  await redis.hset(metaKey(0), "fence", "behind:9");
  expect(await claim("a")).toEqual(["claimed", "1", "1", "0", "9"]);
  expect(await claim("b")).toEqual(["taken"]);
  // The same token renews, and what is missing is still known.
  expect(await claim("a", "fenced", 0)).toEqual(["claimed", "1", "1", "0", "9"]);
  expect(await claim("b")).toEqual(["claimed", "1", "1", "0", "9"]);
  await redis.hdel(metaKey(0), "fence");
  expect(await claim("a", "any", 0)).toEqual(["claimed", "1", "1", "0", ""]);
  const words = wordsOfHeader("partition/claim.lua").items;
  expect([...words]).toEqual(["claimed", "foreign", "open", "taken"]);
});

test("a partition that one rebuilds is not taken by another until its claim has run out", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const claimed = ["claimed", "1", "1", "0", ""];
  expect(await claim("a", "any")).toEqual(claimed);
  expect(await claim("b", "any")).toEqual(["taken"]);
  expect(await claim("a", "any", 0)).toEqual(claimed);
  expect(await claim("b", "any")).toEqual(claimed);
  expect(await run("partition/lift.lua", ["b"])).toBe("lifted");
});

spoiling("an empty Redis is claimed too, and then belongs to the store", async () => {
  expect(await claim("a", "any")).toEqual(["claimed", "0", "0", "0", ""]);
  expect(await redis.hgetall(metaKey(0))).toMatchObject({ storeId: STORE, seq: "0" });
});

spoiling(
  "rebuild produced each word: it writes for who has the claim, keys of the partition alone",
  async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await claim("a", "any");
    const before = await dump(redis);
    expect(await rebuild("b", "string", "operation:k", "1", "text")).toBe("lost");
    for (const name of ["meta", "other", "stock", "stock:", "}x:stock:p1", "metaphor:x"]) {
      await expect(rebuild("a", "string", name, "1", "text")).rejects.toThrow("cannot be read");
    }
    expect(await dump(redis)).toEqual(before);
    const many = Array.from({ length: 2_500 }, (_, i) => `owner-${i}`);
    const steps = [
      ["string", "operation:k", "2", "text", "60000"],
      ["string", "reservation:o", "1", "record"],
      ["list", "expiring:7", `${many.length}`, ...many],
      ["zset", "low", "2", "3", "p1"],
      ["hash", "locations", "2", "here", "a record"],
    ].flat();
    // A step that is sent twice leaves what one leaves.
    expect(await rebuild("a", ...steps)).toBe("written");
    expect(await rebuild("a", ...steps)).toBe("written");
    expect(await redis.get("{p0}:operation:k")).toBe("text");
    expect(await redis.pttl("{p0}:operation:k")).toBeGreaterThan(59_000);
    expect(await redis.pttl("{p0}:reservation:o")).toBe(-1);
    expect(await redis.lrange("{p0}:expiring:7", 0, -1)).toEqual(many);
    expect(await redis.zscore("{p0}:low", "p1")).toBe("3");
    expect(await redis.hget("{p0}:locations", "here")).toBe("a record");
    // More of what the step before wrote.
    expect(await rebuild("a", "list+", "expiring:7", "1", "one more")).toBe("written");
    expect(await redis.lrange("{p0}:expiring:7", 0, -1)).toEqual([...many, "one more"]);
    expect([...wordsOfHeader("partition/rebuild.lua").items]).toEqual(["lost", "written"]);
  },
);

spoiling("empty removes all but the meta, be a name no text, for who has the claim", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const strange = Buffer.from([0x7b, 0x70, 0x30, 0x7d, 0x3a, 0x73, 0xff, 0xfe, 0x00, 0x0a]);
  await redis.set(strange, "a name that a turned bit made");
  await redis.set("{p0}:limit:of-another-version", "x");
  await redis.set("{p1}:stock:p2", "of another partition");
  await claim("a", "any");
  const empty = (token: string) => run("partition/empty.lua", [token, "10000", "0", "1000"]);
  const before = await redis.dbsize();
  expect(await empty("b")).toEqual(["lost"]);
  expect(await redis.dbsize()).toBe(before);
  // A step that is sent twice leaves what one leaves.
  expect(await empty("a")).toEqual(["emptied", "0"]);
  expect(await empty("a")).toEqual(["emptied", "0"]);
  const left = await redis.keys("*");
  expect(left.toSorted()).toEqual(["sku:SKU-p1", "{p0}:meta", "{p1}:stock:p2"]);
  expect([...wordsOfHeader("partition/empty.lua").items]).toEqual(["emptied", "lost"]);
});

spoiling("reopen produced each word, and lifts the fence in an epoch of its own", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  expect(await reopen("a", "2")).toEqual(["lost"]);
  await claim("a", "any");
  expect(await reopen("b", "2")).toEqual(["lost"]);
  expect(await reopen("a", "1")).toEqual(["used", "1"]);
  // A server that took the place of the one that was written has its own run id.
  expect(await reopen("a", "2", "another")).toEqual(["lost"]);
  expect(await reopen("a", "2")).toEqual(["begun", "2", "5"]);
  const meta = await redis.hgetall(metaKey(0));
  expect(meta).toMatchObject({ epoch: "2", seq: "5", drained: "5", beganAt: "5", rebuilt: "2" });
  expect(meta).not.toHaveProperty("fence");
  expect(await reopen("a", "3")).toEqual(["lost"]);
  expect([...wordsOfHeader("partition/reopen.lua").items]).toEqual(["begun", "lost", "used"]);
});

spoiling("lift produced each word, and leaves what was claimed as it was found", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const before = await dump(redis);
  const lift = (token: string): Promise<unknown> => run("partition/lift.lua", [token]);
  expect(await lift("a")).toBe("lost");
  await claim("a", "any");
  expect(await lift("b")).toBe("lost");
  expect(await lift("a")).toBe("lifted");
  expect(await dump(redis)).toEqual(before);
  await redis.hset(metaKey(0), "fence", "behind:9");
  await claim("a");
  expect(await lift("a")).toBe("lifted");
  expect(await redis.hget(metaKey(0), "fence")).toBe("behind:9");
  expect([...wordsOfHeader("partition/lift.lua").items]).toEqual(["lifted", "lost"]);
});

spoiling("what is due in the past is still to be swept, and time does not go back", async () => {
  await claim("a", "any");
  const ahead = Date.now() + 60_000;
  const args = ["a", await readRunId(redis), "2", "5", String(ahead), "1000", "\nX=0=5"];
  await run("partition/reopen.lua", args);
  const { lastNow, swept, locations } = await redis.hgetall(metaKey(0));
  expect(lastNow).toBe(String(ahead));
  expect(swept).toBe("999");
  expect(locations).toBe("\nX=0=5");
});

spoiling("who has lost the claim writes nothing more", async () => {
  await using opened = await openStore(server.url);
  await initialize(opened.store, "p1", 5);
  await reserve(opened.store, "o1", { p1: 1 });
  const ours = createPartitionRebuild({ redis, storeId: STORE });
  const theirs = createPartitionRebuild({ redis, storeId: STORE });
  expect(await ours.claim(0, "any")).toMatchObject({ kind: "claimed", missing: null });
  expect(await theirs.claim(0, "any")).toEqual({ kind: "taken" });
  const before = await dump(redis);
  await expect(theirs.forget(0)).rejects.toThrow(ClaimLost);
  const end = { epoch: 9, seq: 9 };
  await expect(theirs.reopen(0, "run", end, 0)).rejects.toThrow(ClaimLost);
  expect(await dump(redis)).toEqual(before);
  await ours.forget(0);
  expect(Object.keys(await dump(redis)).toSorted()).toEqual(["sku:SKU-p1", "{p0}:meta"]);
  expect(await ours.runId()).toBe(await readRunId(redis));
});

test("a batch that may have run before a rebuild is not sent again after it", async () => {
  await using proxy = await startRedisProxy(server.url);
  await using opened = await openStore(proxy.url);
  const { store } = opened;
  await initialize(store, "p1", 0);
  const outcomes: string[] = [];
  for (let epoch = 2; !outcomes.includes("outcome_unknown") && epoch < 30; epoch += 1) {
    const units = (await totals(store, "p1")).onHand;
    proxy.loseNextAnswer();
    const adjusted = store.adjust(adjustCommand("p1", 1)).then(({ kind }) => kind, codeOf);
    await until(async () => (await onHandOf("p1")) > units, { withinMs: 5_000, what: "it ran" });
    // Most times before the process is connected again, and would send it again.
    await claim("a", "any");
    const seq = String(await redis.hget(metaKey(0), "seq"));
    const args = ["a", await readRunId(redis), String(epoch), seq, "0", "0", ""];
    expect(await run("partition/reopen.lua", args)).toEqual(["begun", String(epoch), seq]);
    await redis.del(await keysLike(redis, "{p0}:batch:"));
    outcomes.push(await adjusted);
    expect(await onHandOf("p1")).toBe(units + 1);
  }
  expect(outcomes.at(-1)).toBe("outcome_unknown");
});

const onHandOf = async (id: string): Promise<number> =>
  Number(await redis.hget(`{p0}:stock:${id}`, "onHand:Warehouse A"));
const codeOf = (error: unknown): string => (error instanceof Fault ? error.code : String(error));

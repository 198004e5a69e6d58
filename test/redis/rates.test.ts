/** Quotas in Redis: who is counted, for what, and that nobody is counted twice. */
import { beforeEach, describe, expect, test } from "bun:test";
import { Charge, type Quota } from "#inventory/rates";
import { reserveLine } from "#redis/lines";
import { metaKey, rateKey } from "#redis/keys";
import { COMMAND_TIMEOUT_MS } from "#redis/client";
import { encodeCharges, RedisRates } from "#redis/rates";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
import { dump, keysLike } from "#test/keyspace";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import {
  endCommand,
  extendCommand,
  initialize,
  reserve,
  reserveCommand,
  totals,
} from "#test/store";
import { until } from "#test/until";

const { redis, server, open } = await redisOfFile();

const HOUR = 3_600;
const customer: Quota = { name: "customer", requests: 3, seconds: HOUR };
const address: Quota = { name: "address", requests: 5, seconds: HOUR };
const of = (quota: Quota, identity: string) => ({ quota, identity });
const carol = (): Charge => new Charge([of(customer, "carol")]);

/** Where a second has passed since the partition was swept, units may be due: expire is asked for first. */
const NOTHING_SOLD = /^(?:insufficient\t|due$)/;

const ONE_UNIT = reserveLine(reserveCommand("o1", { p1: 1 }));

/** Requests that Redis could not count. */
let uncounted = 0;
const noted = (): void => void (uncounted += 1);

const charge = async (text: string, requests: number): Promise<string[]> => {
  const script = loadScript("rate/charge.lua");
  const answer = await runScript(redis, script, metaKey(0), [text, String(requests)]);
  return String(answer).split("\n");
};

describe("a quota", () => {
  // Laws are held against a partition in which something moved.
  beforeEach(async () => initialize((await open()).store, "p1", 1));

  test("is there at once, and comes back part by part", async () => {
    const text = "customer:a\t1000000\t3000000\n\n1=1 2=1 3=1 4=1";
    const [left, ...replies] = await charge(text, 4);
    expect(left).toMatch(/^0:(?:3000|29\d\d)$/);
    expect(replies.slice(0, 3)).toEqual(["charged", "charged", "charged"]);
    expect(replies[3]).toMatch(/^limited\t(?:1000|9\d\d)$/);
    // One is there again after a third of it; who was refused was not counted.
    const next = "customer:a\t1000000\t3000000\n\n1=1";
    await until(async () => (await charge(next, 1))[1] === "charged", {
      withinMs: 5_000,
      what: "one request is there again",
    });
    expect((await charge(next, 1))[1]).toMatch(/^limited\t\d+$/);
    expect([...wordsOfHeader("rate/charge.lua").items]).toEqual(["charged", "limited"]);
  });

  test("is forgotten when all of it is there again", async () => {
    await charge("customer:a\t1000\t3000\n\n1=1", 1);
    const isGone = async () => (await keysLike(redis, "{p0}:rate:")).length === 0;
    await until(isGone, { withinMs: 5_000, what: "the key is gone" });
  });

  test("of two kinds: a request is counted for both, or for none", async () => {
    const both = "customer:a\t1000000000\t1000000000\naddress:b\t1000000000\t2000000000\n\n";
    const [, first, second] = await charge(`${both}1=1,2 2=1,2`, 2);
    expect([first, second?.split("\t")[0]]).toEqual(["charged", "limited"]);
    // The refused one took nothing from the address: one more is there for somebody else.
    expect((await charge("address:b\t1000000000\t2000000000\n\n1=1", 1))[1]).toBe("charged");
    expect((await charge("address:b\t1000000000\t2000000000\n\n1=1", 1))[1]).not.toBe("charged");
  });

  test("that cannot be read is an error, and nobody is counted", async () => {
    for (const text of ["", "customer:a\t1\t1", "\n\n1=1", "{x}\t1\t1\n\n1=1"]) {
      await expect(charge(text, 1), text).rejects.toThrow("cannot be read");
    }
    expect(await keysLike(redis, "{p0}:rate:")).toEqual([]);
  });
});

describe("with its command", () => {
  test("a request is counted in the same call, and refused without any effect", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    for (let i = 0; i < 3; i += 1) {
      const mine = carol();
      await store.reserve({ ...reserveCommand(`o${i}`, { p1: 1 }), charge: mine });
      expect(mine).toMatchObject({ isSettled: true, waitMs: 0 });
      expect(mine.left.map(({ requests }) => requests)).toEqual([2 - i]);
    }
    const before = await dump(redis);
    const late = carol();
    const refused = store.reserve({ ...reserveCommand("o9", { p1: 1 }), charge: late });
    await expect(refused).rejects.toMatchObject({ code: "rate_limited", retryable: true });
    expect(late.waitMs).toBeGreaterThan((HOUR / 3 - 60) * 1_000);
    expect(late.waitMs).toBeLessThanOrEqual((HOUR / 3) * 1_000);
    expect(await dump(redis)).toEqual(before);
    // Somebody else goes on, and so does who is not counted.
    const bob = new Charge([of(customer, "bob")]);
    await store.reserve({ ...reserveCommand("o10", { p1: 1 }), charge: bob });
    await reserve(store, "o11", { p1: 1 });
    expect(await totals(store, "p1")).toMatchObject({ reserved: 5 });
  });

  test.each(["confirm", "cancel", "extend"] as const)("so it is with %s", async (verb) => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 });
    const mine = [carol(), carol(), carol(), carol()];
    const calls = mine.map((one) => {
      const command = { ...endCommand(hold.reservationId), charge: one };
      if (verb === "extend") {
        return store.extend(extendCommand(hold.reservationId, 900, { charge: one }));
      }
      return verb === "confirm" ? store.confirm(command) : store.cancel(command);
    });
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(outcomes[3]).toMatchObject({ reason: { code: "rate_limited" } });
  });

  test("one batch may carry the requests of many, each with its own quota", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const people = Array.from({ length: 12 }, (_, i) => `c${i % 3}`);
    const charges = people.map((who) => new Charge([of(customer, who), of(address, "shared")]));
    const outcomes = await Promise.allSettled(
      charges.map((one, i) =>
        store.reserve({ ...reserveCommand(`o${i}`, { p1: 1 }), charge: one }),
      ),
    );
    // Nine by their own quotas, five by the address that they share.
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(await totals(store, "p1")).toMatchObject({ reserved: 5 });
    const [, shared] = charges[0]?.left ?? [];
    expect(shared?.requests).toBe(0);
  });

  test("a batch that is sent again is not counted again, also where it changed nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 0);
    const { text } = encodeCharges([carol()]);
    const script = loadScript("stock/reserve.lua");
    const header = ["1", "0", "w", "reserve-0", "7", "0", "1000000"].join("\t");
    const send = () => runScript(redis, script, metaKey(0), [`${header}\n${text}`, ONE_UNIT]);
    const first = await send();
    expect(String(first).split("\n")[1]).toMatch(NOTHING_SOLD);
    const after = await dump(redis);
    expect(Object.keys(after)).toContain(rateKey(0, "customer:carol"));
    expect(await send()).toBe(first);
    expect(await dump(redis)).toEqual(after);
  });

  test("a batch without charges writes nothing when it changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 0);
    const before = await dump(redis);
    const answer = await sendBatch(redis, "reserve", { number: 3 }, [ONE_UNIT]);
    expect(repliesOf(answer)[0]).toMatch(NOTHING_SOLD);
    expect(await dump(redis)).toEqual(before);
  });

  test("time that is ahead of the server's counts as the partition's", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    for (let i = 0; i < 3; i += 1) {
      await store.reserve({ ...reserveCommand(`o${i}`, { p1: 1 }), charge: carol() });
    }
    await clockAt(redis, Date.now() + (HOUR / 3) * 1_000 + 5_000);
    await store.reserve({ ...reserveCommand("o5", { p1: 1 }), charge: carol() });
    const refused = store.reserve({ ...reserveCommand("o6", { p1: 1 }), charge: carol() });
    await expect(refused).rejects.toMatchObject({ code: "rate_limited" });
  });
});

describe("a value that no request made", () => {
  test.each(["9e99", "inf", "nan", "-5", "x", "12345678901234567890123"])(
    "such as %p costs at most one window",
    async (value) => {
      const { store } = await open();
      await initialize(store, "p1", 50);
      await redis.set(rateKey(0, "customer:carol"), value);
      const mine = carol();
      const call = store.reserve({ ...reserveCommand("o1", { p1: 1 }), charge: mine });
      await call.catch(() => undefined);
      expect(mine.isSettled).toBe(true);
      expect(mine.waitMs).toBeLessThanOrEqual(HOUR * 1_000);
    },
  );
});

describe("without a command", () => {
  test("time is the partition's too: a server whose clock went back takes no read away", async () => {
    const { store, redis: connection, partitions } = await open();
    const rates = new RedisRates(connection, partitions, noted);
    await initialize(store, "p1", 50);
    await clockAt(redis, Date.now() + 50 * HOUR * 1_000);
    await store.reserve({ ...reserveCommand("o1", { p1: 1 }), charge: carol() });
    const read = carol();
    await rates.count(read);
    expect(read).toMatchObject({ waitMs: 0 });
    expect(read.left.map(({ requests }) => requests)).toEqual([1]);
  });

  test("all that are counted in one turn share one call", async () => {
    const { redis: connection, partitions } = await open();
    const rates = new RedisRates(connection, partitions, noted);
    const calls = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
    await rates.count(new Charge([of(customer, "warm")]));
    const before = await calls();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => rates.count(carol())),
    );
    expect(await calls()).toBe(before + 1);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(await redis.exists(rateKey(0, "customer:carol"))).toBe(1);
  });

  test("nobody is refused while Redis is away, and nobody waits", async () => {
    const { redis: connection, partitions } = await open();
    const rates = new RedisRates(connection, partitions, noted);
    await server.kill();
    await until(() => partitions[0]?.state !== "open", {
      withinMs: 5_000,
      what: "the process knows that Redis is away",
    });
    uncounted = 0;
    for (let i = 0; i < 9; i += 1) await rates.count(carol());
    expect(uncounted).toBe(9);
    await server.restart();
  });

  test("nobody is refused where Redis stands still, or waits as long as for a change", async () => {
    const { redis: connection, partitions } = await open();
    const rates = new RedisRates(connection, partitions, noted);
    await rates.count(carol());
    uncounted = 0;
    server.pause();
    try {
      const startedAt = performance.now();
      const charges = Array.from({ length: 9 }, carol);
      await Promise.all(charges.map((each) => rates.count(each)));
      expect(performance.now() - startedAt).toBeLessThan(COMMAND_TIMEOUT_MS);
      expect(charges.map(({ waitMs }) => waitMs)).toEqual(charges.map(() => 0));
      expect(uncounted).toBeGreaterThan(0);
    } finally {
      server.resume();
    }
  });
});

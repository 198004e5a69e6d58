/**
 * The simulated Redis against a real one: every command of some runs again, in its order and at its
 * time, with the same replies, and in the end the same keys. Where a run lost its data, the real one
 * goes on with what the simulated one found. Not compared are SCAN, XREAD, INFO, what BullMQ asks,
 * commands of a server without memory or still loading, and what an error says.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Redis } from "ioredis";
import { z } from "zod";
import { loadScript } from "#redis/script";
import { AN_ERROR, Recordings, type Held, type Recording } from "#simulation/recording";
import { counted, seed } from "#test/scale";
import { startRedis, type TestServer } from "#test/servers";

const RUNS = counted(4, 100);

let server: TestServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** Both ask for the time and the server's name in this way: what they are is said before each call. */
const stand = (text: string): string =>
  text
    .replaceAll('redis.call("TIME")', 'redis.call("LRANGE", "of-the-test:now", 0, 1)')
    .replaceAll('redis.call("INFO", "server")', 'redis.call("GET", "of-the-test:server")');
const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex");

const byText = (one: unknown, other: unknown): number =>
  JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;

/** Fields of a JSON object come in no order from Lua; RESP3 knows maps. */
function sorted(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(sorted);
  if (typeof reply === "object" && reply !== null) return Object.entries(reply).flat();
  if (typeof reply !== "string") return reply;
  return reply.replaceAll(/\{"[^\n\t]*\}/g, (json) => {
    const fields = z.record(z.string(), z.unknown()).safeParse(JSON.parse(json)).data ?? {};
    return JSON.stringify(Object.entries(fields).toSorted(byText));
  });
}

/** As a server finds its keys when it starts. */
async function begin(found: readonly Held[]): Promise<void> {
  await redis.flushall();
  for (const one of found) {
    await write(one);
    if (one.livesMs !== null) await redis.pexpire(one.key, one.livesMs);
  }
}

async function write(held: Held): Promise<void> {
  const { key } = held;
  switch (held.type) {
    case "string":
      return void (await redis.set(key, held.value));
    case "hash":
      return void (await redis.hset(key, held.value));
    case "list":
      return void (await redis.rpush(key, ...held.value));
    case "zset":
      return void (await redis.zadd(key, ...Object.entries(held.value).flatMap(scored)));
    case "stream": {
      for (const [id, fields] of held.value) await redis.xadd(key, id, ...fields);
      if (held.value.at(-1)?.[0] === held.last) return;
      // What it had last is gone, and its number is not given again.
      await redis.xadd(key, held.last, "gone", "");
      await redis.xdel(key, held.last);
    }
  }
}

const scored = ([member, score]: readonly [string, number]) => [score, member];

async function replay({ steps, keys }: Recording): Promise<void> {
  await redis.flushall();
  const names = new Map<string, string>();
  for (const step of steps) {
    if (step.kind === "loss") await begin(step.found);
    else await again(step, names);
  }
  await redis.del("of-the-test:now", "of-the-test:server");
  const found = await everything();
  expect(Object.keys(found)).toEqual(keys.map(({ key }) => key).toSorted());
  for (const { key, value } of keys) {
    // A real server trims a stream by whole nodes: the end of it is what both have.
    const real = found[key];
    const whole = Array.isArray(real) && Array.isArray(value) ? real.slice(-value.length) : real;
    expect({ key, value: comparable(whole) }).toEqual({ key, value: comparable(value) });
  }
}

type Command = Extract<Recording["steps"][number], { readonly kind: "command" }>;

/** `names`: of a script's text as it was recorded, and as it stands here. */
async function again({ at, runId, words, reply }: Command, names: Map<string, string>) {
  const [name = "", ...rest] = words;
  if (name === "SCRIPT") {
    const text = stand(rest[1] ?? "");
    await redis.script("LOAD", text);
    names.set(sha1(rest[1] ?? ""), sha1(text));
    return;
  }
  await redis.del("of-the-test:now");
  await redis.rpush("of-the-test:now", Math.floor(at / 1_000), (at % 1_000) * 1_000);
  await redis.set("of-the-test:server", `run_id:${runId}\r\n`);
  const args = name === "EVALSHA" ? [names.get(rest[0] ?? "") ?? "", ...rest.slice(1)] : rest;
  const answer = await redis.call(name, ...args).catch(() => AN_ERROR);
  const [real, simulated] = [answer, reply].map((it) => {
    return name === "HGETALL" ? inOrder(sorted(it)) : sorted(it);
  });
  expect({ words, reply: real }).toEqual({ words, reply: simulated });
}

/** Fields and values by turns, by field. */
function inOrder(flat: unknown): unknown {
  if (!Array.isArray(flat)) return flat;
  const pairs = Array.from({ length: flat.length / 2 }, (_, i) => flat.slice(2 * i, 2 * i + 2));
  return pairs.toSorted(byText);
}

/** Hashes have no order. */
function comparable(value: unknown): unknown {
  const isHash = typeof value === "object" && value !== null && !Array.isArray(value);
  return isHash ? Object.entries(value).toSorted(byText) : sorted(value);
}

async function everything(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const key of (await redis.keys("*")).toSorted()) {
    const type = await redis.type(key);
    if (type === "string") found[key] = await redis.get(key);
    else if (type === "hash") found[key] = await redis.hgetall(key);
    else if (type === "list") found[key] = await redis.lrange(key, 0, -1);
    else if (type === "zset") found[key] = await scoresOf(key);
    else found[key] = await redis.xrange(key, "-", "+");
  }
  return found;
}

async function scoresOf(key: string): Promise<Record<string, number>> {
  const members = await redis.zrange(key, "0", "-1");
  const scores = members.map(async (member) => [member, Number(await redis.zscore(key, member))]);
  return Object.fromEntries(await Promise.all(scores));
}

/** What a rebuild and a sale run, by the name of each script. */
const OF_RECOVERY = ["partition/claim", "partition/rebuild", "partition/reopen"] as const;
const OF_A_SALE = ["limit/put", "campaign/schedule", "campaign/turn", "stock/join", "stock/offer"];

test("answers every command of a run as a real server does, also where its data were lost and rebuilt", async () => {
  const command = [process.execPath, join(import.meta.dir, "record.ts"), `${seed()}`, `${RUNS}`];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const recorded = Recordings.parse(JSON.parse(await child.stdout.text()));
  expect(recorded.length).toBe(RUNS);
  const steps = recorded.flatMap((recording) => recording.steps);
  const commands = steps.filter(({ kind }) => kind === "command");
  expect(commands.length).toBeGreaterThan(50 * RUNS);
  const lossy = recorded.filter((recording) => recording.steps.some(({ kind }) => kind === "loss"));
  expect(lossy.length).toBe(RUNS / 2);
  const called = new Set(steps.flatMap((step) => (step.kind === "command" ? step.words[1] : [])));
  const notRun = [...OF_RECOVERY, ...OF_A_SALE].filter(
    (name) => !called.has(loadScript(`${name}.lua`).sha),
  );
  expect(notRun).toEqual([]);
  for (const recording of recorded) await replay(recording);
});

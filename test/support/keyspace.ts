/** All that a Redis holds, as plain values that a test can compare. */
import type { Redis } from "ioredis";

const SCAN_COUNT = 1_000;

/** Keys that start with `prefix`, sorted. */
export async function keysLike(redis: Redis, prefix = ""): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = "0";
  do {
    const [next, page] = await redis.scan(cursor, "COUNT", SCAN_COUNT);
    for (const key of page) if (key.startsWith(prefix)) keys.add(key);
    cursor = next;
  } while (cursor !== "0");
  return [...keys].toSorted();
}

/** Of one round trip. */
const KEYS_AT_ONCE = 1_000;

/** The texts of all keys that start with `prefix`, by what follows it, and how long they live (ms; -1: for ever). */
export async function textsLike(
  redis: Redis,
  prefix: string,
): Promise<readonly { readonly name: string; readonly text: string; readonly ttlMs: number }[]> {
  const keys = await keysLike(redis, prefix);
  const found: { name: string; text: string; ttlMs: number }[] = [];
  for (let first = 0; first < keys.length; first += KEYS_AT_ONCE) {
    const some = keys.slice(first, first + KEYS_AT_ONCE);
    const [texts, lives] = await Promise.all([
      redis.mget(some),
      Promise.all(some.map((key) => redis.pttl(key))),
    ]);
    for (const [i, key] of some.entries()) {
      const text = texts[i] ?? null;
      // It may have gone by itself, also between two looks.
      if (text === null) continue;
      found.push({ name: key.slice(prefix.length), text, ttlMs: lives[i] ?? -1 });
    }
  }
  return found;
}

/** One key: its type, its value, and whether it goes by itself. */
export interface KeyDump {
  readonly type: string;
  readonly value: unknown;
  readonly isPassing: boolean;
}

export async function dump(redis: Redis): Promise<Record<string, KeyDump>> {
  const all: Record<string, KeyDump> = {};
  for (const key of await keysLike(redis)) {
    const type = await redis.type(key);
    const value = await valueOf(redis, key, type);
    all[key] = { type, value, isPassing: (await redis.pttl(key)) >= 0 };
  }
  return all;
}

/** The whole value of a key of that type. */
export async function valueOf(redis: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case "string":
      return await redis.get(key);
    case "hash":
      return { ...(await redis.hgetall(key)) };
    case "list":
      return await redis.lrange(key, 0, -1);
    case "set":
      return (await redis.smembers(key)).toSorted();
    case "zset":
      return await redis.zrange(key, "0", "-1", "WITHSCORES");
    case "stream":
      return await redis.xrange(key, "-", "+");
    default:
      throw new Error(`${key} has the unknown type ${type}`);
  }
}

/**
 * Without what an expire step that found nothing leaves: how far it looked, and its answer. A
 * reserve that falls short may run one.
 */
export async function withoutClock(redis: Redis): Promise<Record<string, KeyDump>> {
  const all = await dump(redis);
  for (const [key, { type, value }] of Object.entries(all)) {
    if (key.includes(":expire-")) delete all[key];
    if (!key.endsWith(":meta") || value === null || typeof value !== "object") continue;
    all[key] = { type, value: { ...value, swept: null, lastNow: null }, isPassing: false };
  }
  return all;
}

/** What a Redis server must be and do for the promises to hold: asked at start and each minute. */
import type { Redis } from "ioredis";
import { z } from "zod";

/** The lowest that knows `#!lua` and what the scripts use; also what the tests run. */
const VERSION_MIN = 7;

/** Name and value by turns, or a map of them, as the protocol's version has it. */
const Settings = z
  .union([z.array(z.string()), z.record(z.string(), z.string())])
  .transform((reply) => new Map(Array.isArray(reply) ? inPairs(reply) : Object.entries(reply)));

export interface ServerSettings {
  /** Why no deployment may use this server; each says what to do. */
  readonly refusals: readonly string[];
  /** Why an answer does not mean what `DURABILITY=disk` says it means. */
  readonly durabilityGaps: readonly string[];
}

/** Asks the server; rejects when it cannot be asked. */
export async function readServerSettings(redis: Redis): Promise<ServerSettings> {
  const info = await redis.info("server");
  const version = /^redis_version:(\d+)/m.exec(info)?.[1] ?? "0";
  const settings = Settings.parse(
    await redis.config(
      "GET",
      "appendonly",
      "appendfsync",
      "no-appendfsync-on-rewrite",
      "maxmemory-policy",
    ),
  );
  const refusals: string[] = [];
  if (Number(version) < VERSION_MIN) refusals.push(`Redis ${version} is older than ${VERSION_MIN}`);
  const policy = settings.get("maxmemory-policy");
  if (policy !== "noeviction") {
    refusals.push(`maxmemory-policy is ${policy}: stock would be evicted; set it to noeviction`);
  }
  const wanted = { appendonly: "yes", appendfsync: "always", "no-appendfsync-on-rewrite": "no" };
  const durabilityGaps = Object.entries(wanted)
    .filter(([name, value]) => settings.get(name) !== value)
    .map(([name, value]) => `${name} is ${settings.get(name)}: set it to ${value}`);
  return { refusals, durabilityGaps };
}

function inPairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, i): [string, string][] => {
    return i % 2 === 0 ? [[name, list[i + 1] ?? ""]] : [];
  });
}

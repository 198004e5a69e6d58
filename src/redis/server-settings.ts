/** What a Redis server must be and do for the promises to hold: asked at start and each minute. */
import type { Redis } from "ioredis";
import { z } from "zod";

/** The lowest that knows `#!lua` and what the scripts use; also what the tests run. */
const VERSION_MIN = 7;

/** Name and value by turns, or a map of them, as the protocol's version has it. */
const Settings = z
  .union([z.array(z.string()), z.record(z.string(), z.string())])
  .transform((reply) => new Map(Array.isArray(reply) ? inPairs(reply) : Object.entries(reply)));

/** What it takes for an answer to be on disk. */
const WANTED = { appendonly: "yes", appendfsync: "always", "no-appendfsync-on-rewrite": "no" };

/** Not for the promises, which an epoch's look holds, but for the work that a torn end makes. */
const TORN_END =
  "aof-load-truncated is yes: after a loss of power Redis 7.0 keeps the beginning of a torn " +
  "transaction, and runs it at its next start; set it to no, and let what starts Redis mend the " +
  "file first (see Backup and restore in docs/operations.md)";

const HIDDEN =
  "this Redis does not show its settings (CONFIG GET): whether its answers are on disk is unknown";

/** How a managed Redis, or one whose user may not, refuses a command. */
const NOT_FOR_US = /^(NOPERM|ERR unknown command)\b/;

export interface ServerSettings {
  /** Why no deployment may use this server; each says what to do. */
  readonly refusals: readonly string[];
  /** What is taken on trust, as it could not be found out, and what may make work one day. */
  readonly warnings: readonly string[];
  /** Why an answer does not mean that it is on disk. */
  readonly durabilityGaps: readonly string[];
  /** Replicas that follow it at the moment. */
  readonly replicas: number;
}

/** Asks the server; rejects when it cannot be asked. */
export async function readServerSettings(redis: Redis): Promise<ServerSettings> {
  // In one round trip: after a reconnect the level must be known before anything is answered.
  const [info, replication, settings] = await Promise.all([
    redis.info("server"),
    redis.info("replication"),
    settingsOf(redis),
  ]);
  const version = /^redis_version:(\d+)/m.exec(info)?.[1] ?? "0";
  const replicas = replication.match(/^slave\d+:.*\bstate=online\b/gm)?.length ?? 0;
  const refusals: string[] = [];
  if (Number(version) < VERSION_MIN) refusals.push(`Redis ${version} is older than ${VERSION_MIN}`);
  // Whoever hides its settings still tells this one.
  const memory = settings === null ? await redis.info("memory") : "";
  const policy = settings?.get("maxmemory-policy") ?? /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy !== "noeviction") {
    refusals.push(`maxmemory-policy is ${policy}: stock would be evicted; set it to noeviction`);
  }
  if (settings === null) {
    const gap = `${HIDDEN}; allow CONFIG GET, or set DURABILITY=memory`;
    return { refusals, warnings: [HIDDEN], durabilityGaps: [gap], replicas };
  }
  const durabilityGaps = Object.entries(WANTED)
    .filter(([name, value]) => settings.get(name) !== value)
    .map(([name, value]) => `${name} is ${settings.get(name)}: set it to ${value}`);
  const isTornEndRun =
    settings.get("appendonly") === "yes" && settings.get("aof-load-truncated") === "yes";
  return { refusals, warnings: isTornEndRun ? [TORN_END] : [], durabilityGaps, replicas };
}

/** Null when this server shows none of them to us, as managed ones do. */
async function settingsOf(redis: Redis): Promise<Map<string, string> | null> {
  try {
    const asked = ["maxmemory-policy", "aof-load-truncated", ...Object.keys(WANTED)];
    const reply = await redis.config("GET", ...asked);
    const settings = Settings.parse(reply);
    return settings.size > 0 ? settings : null;
  } catch (error) {
    if (error instanceof Error && NOT_FOR_US.test(error.message)) return null;
    throw error;
  }
}

function inPairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, i): [string, string][] => {
    return i % 2 === 0 ? [[name, list[i + 1] ?? ""]] : [];
  });
}

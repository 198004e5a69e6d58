/** What a bed is measured by: each process every second, what Redis holds when nobody asks for anything. */
import { readdirSync, readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { journalKey, metaKey } from "#redis/keys";
import { keysLike } from "#test/keyspace";
import type { Bed } from "#faults/bed";
import type { Check } from "#faults/laws";
import { Recorder, type GaugeName, type Series } from "#faults/soak/judge";
import type { Watch } from "#faults/supervisor";

const SAMPLE_MS = 1_000;
const ANSWER_MS_MAX = 500;
const MIB = 2 ** 20;
/** The longest that anything lives that has an end: an operation and what was sold. */
const LIVES_MS_MAX = 24 * 60 * 60_000;
/** Products are for ever. */
const FOR_EVER = new Set(["stock", "sku"]);
/** Families that have more keys the more is asked for. */
const OF_LOAD = ["{bull}", "expiring", "reservation"] as const;

export class Gauges {
  readonly #recorder = new Recorder();
  /** Of keys, as far as they were seen: one that is gone has none. */
  readonly #families = new Set<string>(OF_LOAD);
  #beds = 0;

  get series(): readonly Series[] {
    return this.#recorder.series;
  }

  /** Measures a bed for as long as it lives. */
  watch(bed: Bed): Watch {
    this.#beds += 1;
    const lag = new Redis(bed.servers.redisUrl, {
      commandTimeout: ANSWER_MS_MAX,
      enableOfflineQueue: false,
      retryStrategy: () => SAMPLE_MS,
      maxRetriesPerRequest: 0,
    });
    // It is killed and stopped on purpose.
    lag.on("error", () => undefined);
    const timer = setInterval(() => {
      this.#noteProcesses(bed);
      this.#noteLag(lag).catch(() => undefined);
    }, SAMPLE_MS);
    return {
      quiet: () => this.#noteData(bed),
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        lag.disconnect();
      },
    };
  }

  /** The latest of each that is still measured, in words. */
  now(): string {
    const latest = new Map(
      this.series.map(({ name, gauge, points }) => {
        const value = points.at(-1)?.value ?? 0;
        return [name, gauge === "memory" || gauge === "data" ? value.toFixed(1) : `${value}`];
      }),
    );
    return [...latest].map(([name, value]) => `${name} ${value}`).join(", ");
  }

  #note(name: string, gauge: GaugeName, value: number, pid = 0): void {
    const point = { atMs: performance.now(), value };
    this.#recorder.note({ name, gauge, of: `bed ${this.#beds}, ${pid}`, point });
  }

  #noteProcesses({ apis, workers, redis, postgres }: Bed): void {
    for (const { name, service } of [...apis, ...workers]) {
      const { pid } = service;
      const bytes = residentBytes(pid);
      const descriptors = entriesOf(`/proc/${pid}/fd`);
      if (bytes === null || descriptors === null) continue;
      this.#note(`${name} memory`, "memory", bytes / MIB, pid);
      this.#note(`${name} descriptors`, "descriptors", descriptors, pid);
    }
    const ofRedis = entriesOf(`/proc/${redis.pid}/fd`);
    if (ofRedis !== null) this.#note("redis descriptors", "descriptors", ofRedis, redis.pid);
    const backends = childrenOf(postgres.pid);
    if (backends === null) return;
    this.#note("postgres processes", "descriptors", backends, postgres.pid);
  }

  async #noteLag(redis: Redis): Promise<void> {
    const [seq, drained] = await redis.hmget(metaKey(0), "seq", "drained");
    if (seq && drained) this.#note("lag", "lag", Number(seq) - Number(drained));
  }

  /** What has an end goes by itself, within a day: here the day is over. */
  async #noteData({ servers }: Bed): Promise<readonly Check[]> {
    const redis = new Redis(servers.redisUrl);
    try {
      const { passing, broken } = await pass(redis);
      const keys = Map.groupBy(await keysLike(redis), familyOf);
      for (const family of keys.keys()) if (!FOR_EVER.has(family)) this.#families.add(family);
      for (const family of this.#families) {
        const gauge = OF_LOAD.some((one) => one === family) ? "keys" : "few keys";
        this.#note(`keys ${family}`, gauge, keys.get(family)?.length ?? 0);
      }
      this.#note("journal entries", "journal", await redis.xlen(journalKey(0)));
      const used = /used_memory:(\d+)/.exec(await redis.info("memory"))?.[1];
      this.#note("redis data", "data", Number(used) / MIB);
      const saw = `${passing} keys that end by themselves`;
      return [{ name: "what has an end ends within a day", saw, seen: passing, broken }];
    } finally {
      redis.disconnect();
    }
  }
}

/** Removes all of the service's own keys that have an end. */
async function pass(redis: Redis) {
  const keys = (await keysLike(redis)).filter((key) => key.startsWith("{p"));
  const broken: string[] = [];
  let passing = 0;
  for (const key of keys) {
    const leftMs = await redis.pttl(key);
    if (leftMs < 0) continue;
    if (leftMs > LIVES_MS_MAX) broken.push(`${key} lives for ${leftMs} ms`);
    await redis.unlink(key);
    passing += 1;
  }
  return { passing, broken };
}

/** `{p0}:stock:p1` → `stock`, `{bull}:holdfast:repeat:x` → `bull`. */
const familyOf = (key: string): string =>
  key.startsWith("{p") ? (key.split(":")[1] ?? key) : (key.split(":")[0] ?? key);

function residentBytes(pid: number): number | null {
  const kib = /VmRSS:\s+(\d+) kB/.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return kib === undefined ? null : Number(kib) * 1_024;
}

function childrenOf(pid: number): number | null {
  const text = textOf(`/proc/${pid}/task/${pid}/children`);
  return text === null ? null : text.split(" ").filter(Boolean).length;
}

/** Null of a process that is gone: it may be killed at any time. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function entriesOf(folder: string): number | null {
  try {
    return readdirSync(folder).length;
  } catch {
    return null;
  }
}

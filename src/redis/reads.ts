/**
 * Reads share round trips as writes do: all lookups of one turn of the event loop become one
 * pipeline, each distinct key once, with each partition's meta. Nothing is kept across turns, so
 * an answer is never older than its request.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import type { Product } from "#inventory/model";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import { failureOf } from "#redis/client";
import { metaKey } from "#redis/keys";
import { decodeRules, NO_RULES, type LocationRules } from "#redis/location-record";
import type { Partition } from "#redis/partition";
import { recordedCount } from "#redis/recorded";

/** Reads that have no answer yet, beyond which callers hear 503 `overloaded`. */
const READS_MAX = 50_000;
/** Pause before a read is repeated after a lost answer or an unknown epoch. */
const RETRY_PAUSE_MS = 25;

const Meta = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
]);

/** One command of a pipeline, named by what makes it the same as another. */
export interface Lookup {
  readonly partition: Partition;
  /** LOWEST: the first `count` members of a sorted set; META: the partition's meta alone. */
  readonly command: "HGETALL" | "GET" | "LOWEST" | "META";
  readonly key: string;
  readonly count: number;
}

/** What one partition's meta said in the round trip of a read. */
export interface MetaNow {
  readonly seq: number;
  readonly drained: number;
  /** What the registry of locations says of those that are not as an unknown one is. */
  readonly rules: LocationRules;
}

/**
 * A reply as Redis gave it (null for META), with what meta said in the same round trip. All who asked
 * for the same in one turn share it, and what the first of them made of it.
 */
export interface Read {
  readonly value: unknown;
  readonly meta: MetaNow;
  /** The product that it tells of, once somebody wanted it. */
  product?: Product | null;
}

/** What this process knew of a partition when it asked. */
type Asked = Pick<Partition, "epoch" | "mark">;

interface Waiter {
  readonly resolve: (read: Read) => void;
  readonly reject: (error: unknown) => void;
}
interface Wanted {
  readonly lookup: Lookup;
  readonly waiters: Waiter[];
}

export class Reads {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #recheck: (partition: Partition) => void;
  #wanted = new Map<string, Wanted>();
  #pending = 0;
  /** The rules as they were last read, so that the same text is taken apart once. */
  #rules: { readonly text: string; readonly rules: LocationRules } = { text: "", rules: NO_RULES };

  constructor(redis: Redis, clock: Clock, recheck: (partition: Partition) => void) {
    this.#redis = redis;
    this.#clock = clock;
    this.#recheck = recheck;
  }

  /** Rejects with a Fault at the deadline. */
  async read(lookup: Lookup, deadline: number): Promise<Read> {
    const [read] = await this.readAll([lookup], deadline);
    if (read === undefined) throw new Error("a read has no answer");
    return read;
  }

  /** All of one moment, in their order, for the price of one wait. Rejects with a Fault at the deadline. */
  async readAll(lookups: readonly Lookup[], deadline: number): Promise<readonly Read[]> {
    if (lookups.length === 0) return [];
    if (this.#pending >= READS_MAX) throw new Fault("overloaded", "too many reads are waiting");
    this.#pending += lookups.length;
    try {
      return await this.#untilAnswered(lookups, deadline);
    } finally {
      this.#pending -= lookups.length;
    }
  }

  async #untilAnswered(lookups: readonly Lookup[], deadline: number): Promise<readonly Read[]> {
    const clock = this.#clock;
    const partitions = new Set(lookups.map(({ partition }) => partition));
    for (;;) {
      for (const partition of partitions) await partition.opened(deadline);
      try {
        return await withDeadline(this.#once(lookups), { at: deadline, clock }, () => {
          throw late();
        });
      } catch (error) {
        if (!(error instanceof Again)) throw error;
        if (clock.now() >= deadline) throw late();
        await Bun.sleep(RETRY_PAUSE_MS);
      }
    }
  }

  #once(lookups: readonly Lookup[]): Promise<readonly Read[]> {
    if (this.#wanted.size === 0) setImmediate(() => void this.#flush());
    return new Promise((resolve, reject) => {
      const reads: Read[] = [];
      let left = lookups.length;
      for (const [index, lookup] of lookups.entries()) {
        this.#want(lookup, {
          reject,
          resolve: (read) => {
            reads[index] = read;
            left -= 1;
            if (left === 0) resolve(reads);
          },
        });
      }
    });
  }

  #want(lookup: Lookup, waiter: Waiter): void {
    const name = `${lookup.command} ${lookup.key} ${lookup.count}`;
    const wanted = this.#wanted.get(name);
    if (wanted === undefined) this.#wanted.set(name, { lookup, waiters: [waiter] });
    else wanted.waiters.push(waiter);
  }

  async #flush(): Promise<void> {
    const all = [...this.#wanted.values()];
    this.#wanted = new Map();
    const partitions = [...new Set(all.map((wanted) => wanted.lookup.partition))];
    // What is asked now is held against what was known now: answers of writes may pass it.
    const asked = partitions.map(({ epoch, mark }) => ({ epoch, mark }));
    try {
      const replies = await this.#exec(partitions, all);
      const metas = new Map(
        partitions.map((p, i) => [p, this.#metaOf(p, asked[i] ?? p, replies[i])]),
      );
      all.forEach(({ lookup, waiters }, i) => {
        const meta = metas.get(lookup.partition);
        const value = replies[partitions.length + i];
        const read = meta && { value, meta };
        for (const waiter of waiters) {
          if (!read) waiter.reject(new Again("another epoch"));
          else if (value instanceof Error) waiter.reject(value);
          else waiter.resolve(read);
        }
      });
    } catch (error) {
      const again = new Again("no answer", { cause: error });
      for (const { waiters } of all) for (const waiter of waiters) waiter.reject(again);
    }
  }

  async #exec(partitions: readonly Partition[], all: readonly Wanted[]): Promise<unknown[]> {
    const pipeline = this.#redis.pipeline();
    for (const partition of partitions) {
      pipeline.hmget(metaKey(partition.number), "epoch", "seq", "drained", "fence", "locations");
    }
    for (const { lookup } of all) {
      if (lookup.command === "HGETALL") pipeline.hgetall(lookup.key);
      else if (lookup.command === "GET") pipeline.get(lookup.key);
      else if (lookup.command === "LOWEST")
        pipeline.zrange(lookup.key, "0", String(lookup.count - 1));
    }
    const replies = (await pipeline.exec()) ?? [];
    const values = replies.map(([error, value]) => {
      // What a command is refused for is its own affair: the others of the turn have their reply.
      if (error && failureOf(error) !== "error") throw error;
      return error ?? value;
    });
    return spread(partitions.length, all, values);
  }

  /** Null when this is not the history that this process knows: the read does not count. */
  #metaOf(partition: Partition, asked: Asked, reply: unknown): MetaNow | null {
    const [epoch, seq, drained, fence, locations] = Meta.parse(reply);
    const isKnown = epoch === String(asked.epoch) && !fence;
    if (!isKnown || Number(seq) < asked.mark) {
      this.#recheck(partition);
      return null;
    }
    const meta = {
      seq: recordedCount(seq ?? undefined, "seq"),
      drained: recordedCount(drained ?? undefined, "drained"),
      rules: this.#rulesOf(locations ?? ""),
    };
    partition.mark = Math.max(partition.mark, meta.seq);
    partition.drained = Math.max(partition.drained, meta.drained);
    return meta;
  }

  #rulesOf(text: string): LocationRules {
    if (text !== this.#rules.text) this.#rules = { text, rules: decodeRules(text) };
    return this.#rules.rules;
  }
}

/** Puts replies back beside their lookups: those that ask for meta alone sent nothing. */
function spread(metas: number, all: readonly Wanted[], values: readonly unknown[]): unknown[] {
  const result = values.slice(0, metas);
  let next = metas;
  for (const { lookup } of all) {
    result.push(lookup.command === "META" ? null : values[next]);
    if (lookup.command !== "META") next += 1;
  }
  return result;
}

const late = (): Fault => new Fault("redis_unavailable", "Redis did not answer in time");

/** The read told nothing; ask again. */
class Again extends Error {}

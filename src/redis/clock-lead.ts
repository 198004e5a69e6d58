/** A partition's time against the clock of its server: they part when that clock is set back. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { recordedCount } from "#redis/recorded";

export interface ClockLead {
  readonly partition: number;
  /** `lastNow` less TIME, at least 0: above it, the server's clock went back. */
  readonly leadMs: number;
}

const LastNow = z.string().nullable();
const Time = z.tuple([z.string(), z.string()]).transform(([seconds, microseconds]) => ({
  seconds: recordedCount(seconds, "TIME"),
  microseconds: recordedCount(microseconds, "TIME"),
}));

/** Asks all partitions and the clock in one round trip; a partition that is not made yet has none. */
export async function readClockLeads(
  redis: Redis,
  partitions: readonly Partition[],
): Promise<ClockLead[]> {
  const pipeline = redis.pipeline();
  for (const { number } of partitions) pipeline.hget(metaKey(number), "lastNow");
  // Last: what a script wrote before this has seen an earlier clock.
  pipeline.time();
  const replies = (await pipeline.exec()) ?? [];
  const values = replies.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
  const { seconds, microseconds } = Time.parse(values.at(-1));
  const nowMs = seconds * 1_000 + Math.floor(microseconds / 1_000);
  return partitions.flatMap(({ number }, i): ClockLead[] => {
    const lastNow = LastNow.parse(values[i]);
    if (lastNow === null) return [];
    const leadMs = Math.max(0, recordedCount(lastNow, "lastNow") - nowMs);
    return [{ partition: number, leadMs }];
  });
}

/** What stands beside the records of who waits is what they say: nothing more, nothing less. */
import type { Redis } from "ioredis";
import { derivedWaitlist } from "#redis/derived-waitlist";
import { partitionTag, recordKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { keysLike } from "#test/keyspace";

/** What a partition has of those who wait. */
export interface Lines {
  /** Id and text of each record. */
  readonly records: readonly (readonly [string, string])[];
  readonly products: readonly {
    readonly id: string;
    /** As its hash has it; null: there is no such field. */
    readonly waiting: string | null;
    /** Owner and score. */
    readonly line: readonly (readonly [string, number])[];
  }[];
  readonly waited: readonly string[];
  readonly waits: readonly (readonly [string, string])[];
}

const sorted = (map: Iterable<readonly [string, unknown]>): string =>
  [...map]
    .map(([name, value]) => `${name}=${String(value)}`)
    .toSorted()
    .join(" ");

/** In words. */
export async function brokenWaitlist(redis: Redis, partition: number): Promise<string[]> {
  const tag = partitionTag(partition);
  const products = (await keysLike(redis, `${tag}stock:`)).map(async (key) => {
    const id = key.slice(`${tag}stock:`.length);
    const flat = (await redis.zrange(waitingKey(partition, id), "0", "-1", "WITHSCORES")).flat();
    const line = flat.flatMap((owner, i) =>
      i % 2 === 0 ? [[owner, Number(flat[i + 1])] as const] : [],
    );
    return { id, waiting: await redis.hget(key, "waiting"), line };
  });
  return brokenLines(partition, {
    records: Object.entries(await redis.hgetall(recordKey(partition, "waiting"))),
    products: await Promise.all(products),
    waited: await redis.zrange(waitedKey(partition), "0", "-1"),
    waits: Object.entries(await redis.hgetall(waitsKey(partition))),
  });
}

export function brokenLines(partition: number, found: Lines): string[] {
  const { lines, waits, unreadable } = derivedWaitlist(partition, found.records);
  const broken = unreadable.map((id) => `the record waiting:${id} cannot be read`);
  const differ = (what: string, is: string, wanted: string): void => {
    if (is !== wanted) broken.push(`${what}: ${is} and not ${wanted}`);
  };
  for (const { id, waiting, line } of found.products) {
    const wanted = lines.get(id);
    differ(`how many wait for ${id}`, waiting ?? "nobody", String(wanted?.size ?? "nobody"));
    differ(`the line of ${id}`, sorted(line), sorted(wanted ?? []));
  }
  const known = [...lines.keys()].toSorted().join(" ");
  differ("products that somebody waits for", found.waited.toSorted().join(" "), known);
  differ("places of customers", sorted(found.waits), sorted(waits));
  return broken;
}

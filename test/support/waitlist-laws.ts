/** What stands beside the records of who waits is what they say: nothing more, nothing less. */
import type { Redis } from "ioredis";
import { derivedWaitlist } from "#redis/derived-waitlist";
import { partitionTag, recordKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { keysLike } from "#test/keyspace";

const sorted = (map: Iterable<readonly [string, unknown]>): string =>
  [...map]
    .map(([name, value]) => `${name}=${String(value)}`)
    .toSorted()
    .join(" ");

/** In words. */
export async function brokenWaitlist(redis: Redis, partition: number): Promise<string[]> {
  const records = Object.entries(await redis.hgetall(recordKey(partition, "waiting")));
  const { lines, waits, unreadable } = derivedWaitlist(partition, records);
  const broken = unreadable.map((id) => `the record waiting:${id} cannot be read`);
  const differ = (what: string, found: string, wanted: string): void => {
    if (found !== wanted) broken.push(`${what}: ${found} and not ${wanted}`);
  };
  const tag = partitionTag(partition);
  for (const key of await keysLike(redis, `${tag}stock:`)) {
    const id = key.slice(`${tag}stock:`.length);
    const field = await redis.hget(key, "waiting");
    const line = lines.get(id);
    differ(`how many wait for ${id}`, field ?? "nobody", String(line?.size ?? "nobody"));
    const flat = (await redis.zrange(waitingKey(partition, id), "0", "-1", "WITHSCORES")).flat();
    const pairs = flat.flatMap((owner, i) =>
      i % 2 === 0 ? [[owner, Number(flat[i + 1])] as const] : [],
    );
    differ(`the line of ${id}`, sorted(pairs), sorted(line ?? []));
  }
  const waited = await redis.zrange(waitedKey(partition), "0", "-1");
  differ(
    "products that somebody waits for",
    waited.toSorted().join(" "),
    [...lines.keys()].toSorted().join(" "),
  );
  const counted = Object.entries(await redis.hgetall(waitsKey(partition)));
  differ("places of customers", sorted(counted), sorted(waits));
  return broken;
}

/** The expiry worker's sweep, without any wake-up. */
import { expect, test } from "bun:test";
import { createLog } from "#lib/log";
import { connectWorker } from "#redis/client";
import { metaKey } from "#redis/keys";
import { partitionOf } from "#redis/partition";
import { ExpiryWorker } from "#workers/expire";
import { redisOfFile } from "#test/redis";
import { initialize, reserve, totals } from "#test/store";
import { until } from "#test/until";

const { server, redis, open } = await redisOfFile();

const silent = createLog({ level: "error", format: "json", write: () => undefined });

test("a partition that is fenced keeps no hold of another one from ending", async () => {
  const { store, partitions } = await open({ partitions: 2 });
  const ids = ["a", "b", "c", "d", "e", "f", "g"];
  const id = ids.find((one) => partitionOf(one, 2) === 1) ?? "";
  for (const one of ids) await initialize(store, one, 3);
  const hold = await reserve(store, "o1", { [id]: 3 });
  await redis.hset(metaKey(1), "lastNow", String(hold.expiresAt));
  await redis.hset(metaKey(0), "fence", "behind:7");
  partitions[0]?.fence();
  const workerConnection = connectWorker(server.url, "test-expiry");
  {
    await using _ = new ExpiryWorker({
      store,
      workerConnection,
      metrics: { expiryLag: () => undefined, outcome: () => undefined },
      log: silent,
    });
    await until(async () => (await totals(store, id)).reserved === 0, {
      withinMs: 3_000,
      what: "it is released",
    });
  }
  workerConnection.disconnect();
  await redis.hdel(metaKey(0), "fence");
  expect((await totals(store, id)).available).toBe(3);
});

/** What the process of an API asks BullMQ for. */
import { afterAll, expect, test } from "bun:test";
import { createLog } from "#lib/log";
import { connectRedis } from "#redis/client";
import { startRedis } from "#test/servers";
import { until } from "#test/until";
import { QUEUE_NAME, QUEUE_PREFIX } from "#workers/catalog";
import { WakeUps } from "#workers/wake-ups";

const server = await startRedis();
const redis = connectRedis(server.url, "test");
const log = createLog({ level: "error", format: "json" });
const jobs = connectRedis(server.url, "jobs");
const wakeUps = new WakeUps({ connection: jobs, log });
afterAll(async () => {
  await wakeUps[Symbol.asyncDispose]();
  for (const client of [jobs, redis]) client.disconnect();
  await server.stop();
});

const SECOND = 4_000_000_000;
const jobsThere = (): Promise<number> => redis.zcard(`${QUEUE_PREFIX}:${QUEUE_NAME}:delayed`);
const ask = (): void => wakeUps.wakeAt(0, SECOND, 60_000);

test("a wake-up is one job however many holds are due then, and is asked for again once BullMQ's data are lost", async () => {
  for (let holds = 0; holds < 100; holds += 1) ask();
  await until(async () => (await jobsThere()) === 1, { withinMs: 5_000, what: "it is there" });
  const { calls } = await commandStats();
  // Some more where the server has to be given the script first.
  expect(calls).toBeLessThan(5);
  await redis.flushall();
  const isThere = async (): Promise<boolean> => {
    ask();
    return (await jobsThere()) === 1;
  };
  await until(isThere, { withinMs: 10_000, what: "it is there again" });
});

/** Of scripts: BullMQ adds with one. */
async function commandStats(): Promise<{ readonly calls: number }> {
  const text = await redis.info("commandstats");
  const calls = [...text.matchAll(/^cmdstat_evalsha:calls=(\d+)/gm)].map(([, n]) => Number(n));
  return { calls: calls.reduce((sum, n) => sum + n, 0) };
}

import { expect, test } from "bun:test";
import { UnrecoverableError, Worker } from "bullmq";
import { createLog } from "#lib/log";
import { connectRedis, connectWorker } from "#redis/client";
import { startRedis } from "#test/servers";
import { until } from "#test/until";
import { QUEUE_PREFIX, RECONCILE_QUEUE } from "#workers/catalog";
import { ReconcileQueue } from "#workers/reconcile/queue";

const FAILED_MS_MAX = 10_000;
const silent = createLog({ level: "error", format: "json", write: () => undefined });

test("a run can be woken again after its job has failed for good", async () => {
  await using server = await startRedis();
  const connection = connectRedis(server.url, "queue");
  await connection.connect();
  const workerConnection = connectWorker(server.url, "worker");
  let tries = 0;
  const worker = new Worker(
    RECONCILE_QUEUE,
    () => {
      tries += 1;
      throw new UnrecoverableError("refused by a test");
    },
    { connection: workerConnection, prefix: QUEUE_PREFIX },
  );
  let failed = 0;
  worker.on("failed", () => {
    failed += 1;
  });
  const queue = new ReconcileQueue({ connection, log: silent });
  for (const time of [1, 2]) {
    await queue.wake("one");
    await until(() => failed === time, { withinMs: FAILED_MS_MAX, what: "the job has failed" });
  }
  expect(tries).toBe(2);
  await worker.close();
  await queue[Symbol.asyncDispose]();
  workerConnection.disconnect();
  connection.disconnect();
});

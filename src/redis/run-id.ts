/** The name that a Redis server gives itself at each start. */
import type { Redis } from "ioredis";

export async function readRunId(redis: Redis): Promise<string> {
  const info = await redis.info("server");
  const runId = /^run_id:(\w+)/m.exec(info)?.[1];
  if (!runId) throw new Error("the server did not tell its run id");
  return runId;
}

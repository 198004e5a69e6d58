/** What stands in files of Redis that nobody lists any more. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import { createPartitionRebuild } from "#redis/rebuild";
import { startRedis } from "#test/servers";
import { initialize, openStore } from "#test/store";

test("what a lost file of Redis still has does not come back after a rebuild", async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  try {
    const opened = await openStore(server.url);
    await initialize(opened.store, "p1", 5);
    await opened[Symbol.asyncDispose]();
    await server.kill();
    const manifest = join(server.folder, "appendonlydir", "appendonly.aof.manifest");
    const [base = ""] = readFileSync(manifest, "utf8").split("\n");
    writeFileSync(manifest, `${base}\n`);
    await server.restart();
    expect(await redis.exists("{p0}:stock:p1")).toBe(0);
    const ours = createPartitionRebuild({ redis, storeId: "store-of-this-test" });
    expect(await ours.claim(0, "any")).toMatchObject({ kind: "claimed" });
    await ours.forget(0);
    // It has gone on at the end of the file that its manifest had lost.
    await server.kill();
    await server.restart();
    expect(await redis.exists("{p0}:stock:p1", "{p0}:journal")).toBe(0);
    expect(await redis.hget("{p0}:meta", "fence")).toMatch(/^rebuild:/);
  } finally {
    redis.disconnect();
  }
});

/** One installation for a test file, and what looks past its service. */
import { afterAll } from "bun:test";
import { Redis } from "ioredis";
import postgres from "postgres";
import { startInstallation, type Installation } from "#test/installation";

export interface InstallationOfFile {
  readonly all: Installation;
  readonly redis: Redis;
  readonly sql: postgres.Sql;
}

/** Starts it; to be awaited at the top of a test file, after whose tests it ends. */
export async function installationOfFile(): Promise<InstallationOfFile> {
  const all = await startInstallation();
  const redis = new Redis(all.redis.url);
  // The server may end again and again there.
  redis.on("error", () => undefined);
  const sql = postgres(all.servers.databaseUrl, { max: 1, onnotice: () => {} });
  afterAll(async () => {
    redis.disconnect();
    await sql.end({ timeout: 1 });
    await all[Symbol.asyncDispose]();
  });
  return { all, redis, sql };
}

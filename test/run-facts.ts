/** What a run is of: the code, the versions and the size of the machine; no name of anything. */
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { z } from "zod";
import { findRedisProgram } from "#embedded/redis-program";
import type { Run } from "#test/evidence-document";
import { ROOT } from "./check/tools.ts";

const COMMIT_LETTERS = 12;
const GIB = 2 ** 30;

type Facts = Pick<Run, "commit" | "versions" | "cores" | "memoryGib">;

export async function facts(databaseUrl: string): Promise<Facts> {
  const redis = await findRedisProgram({
    dataDir: join(tmpdir(), "holdfast-redis"),
    say: () => {},
  });
  return {
    commit: await commit(),
    versions: {
      bun: Bun.version,
      redis: redis.version,
      postgres: await postgresVersion(databaseUrl),
    },
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / GIB),
  };
}

async function commit(): Promise<string> {
  const head = await git("rev-parse", "HEAD");
  if (head === "") return "unknown";
  const changes = await git("status", "--porcelain", "--", ".", ":!docs/evidence.md");
  return head.slice(0, COMMIT_LETTERS) + (changes === "" ? "" : " changed");
}

/** Empty where this is no clone. */
async function git(...args: string[]): Promise<string> {
  if (Bun.which("git") === null) return "";
  const child = Bun.spawn(["git", ...args], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  return (await child.stdout.text()).trim();
}

async function postgresVersion(url: string): Promise<string> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql`SHOW server_version`;
    return z.object({ server_version: z.string() }).parse(row).server_version.split(" ")[0] ?? "";
  } finally {
    await sql.end({ timeout: 1 });
  }
}

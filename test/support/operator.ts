/** What docs/operations.md tells an operator to do with a Redis that does not read its files any more. */
import { existsSync, rmSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRedisProgram } from "#embedded/redis-program";
import type { TestServer } from "#test/servers";

/**
 * As it started at last: by itself, after its torn end was cut off by what starts it, after
 * `redis-check-aof --fix` by hand, or without any of its files.
 */
export type Started = "by itself" | "mended" | "fixed" | "empty";

export const filesOf = ({ folder }: TestServer): string => join(folder, "appendonlydir");

export async function startAsOperator(server: TestServer): Promise<Started> {
  const before = tornEnds(server);
  if (await starts(server)) return tornEnds(server) > before ? "mended" : "by itself";
  if ((await fix(server)) && (await starts(server))) return "fixed";
  rmSync(filesOf(server), { recursive: true, force: true });
  await server.restart();
  return "empty";
}

/** What was cut off is kept beside the file. */
const tornEnds = (server: TestServer): number =>
  existsSync(filesOf(server))
    ? readdirSync(filesOf(server)).filter((name) => name.includes(".torn-at-")).length
    : 0;

async function starts(server: TestServer): Promise<boolean> {
  try {
    await server.restart();
    return true;
  } catch (error) {
    if (String(error).includes("Redis did not start")) return false;
    throw error;
  }
}

/** The server is that program too, under its name: not every package brings it by itself. */
async function fix(server: TestServer): Promise<boolean> {
  const dataDir = join(tmpdir(), "holdfast-redis");
  const { path, env } = await findRedisProgram({ dataDir, say: () => undefined });
  const manifest = readdirSync(filesOf(server)).find((name) => name.endsWith(".manifest"));
  if (manifest === undefined) return false;
  const child = Bun.spawn([path, "--fix", join(filesOf(server), manifest)], {
    argv0: "redis-check-aof",
    env: { ...process.env, ...env },
    stdin: new TextEncoder().encode("y\ny\ny\n"),
    stdout: "ignore",
    stderr: "ignore",
  });
  return (await child.exited) === 0;
}

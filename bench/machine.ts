/** Where the figures come from: machine, disk, versions, commit. */
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import type { Bench } from "./servers.ts";
import { median } from "./statistics.ts";
import { wrkVersion } from "./wrk.ts";

const ROOT = join(import.meta.dir, "..");
const SYNCS = 200;
const SYNC_BYTES = 4_096;

export interface Machine {
  readonly commit: string;
  readonly cores: number;
  readonly model: string;
  readonly kernel: string;
  readonly loadAverage: number;
  readonly fileSystem: string;
  /** Median of a 4 KiB write and fdatasync in the folder of the data. */
  readonly fsyncUs: number;
  readonly versions: Readonly<Record<string, string>>;
  /** The settings that decide what an answer means. */
  readonly settings: Readonly<Record<string, string>>;
}

export async function describeMachine(bench: Bench): Promise<Machine> {
  const { redis, sql } = bench.split;
  const fileSystem = output(["stat", "-f", "-c", "%T", bench.folder]) || "unknown";
  const [version] = await sql`SHOW server_version`;
  const [fsync] = await sql`SHOW fsync`;
  const [commit] = await sql`SHOW synchronous_commit`;
  return {
    commit: commitOf(),
    cores: cpus().length,
    model: cpus()[0]?.model.trim() ?? "unknown",
    kernel: release(),
    loadAverage: loadavg()[0] ?? 0,
    fileSystem,
    fsyncUs: fsyncUs(bench.folder),
    versions: {
      Bun: Bun.version,
      Redis: /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "unknown",
      PostgreSQL: String(version?.["server_version"]),
      wrk: wrkVersion() ?? "none",
      ...packageVersions("hono", "zod", "ioredis", "postgres", "bullmq"),
    },
    settings: {
      appendfsync: await setting(redis, "appendfsync"),
      fsync: String(fsync?.["fsync"]),
      synchronous_commit: String(commit?.["synchronous_commit"]),
    },
  };
}

async function setting(redis: Redis, name: string): Promise<string> {
  return JSON.stringify(await redis.config("GET", name)).includes('"always"')
    ? "always"
    : "not always";
}

function commitOf(): string {
  const commit = output(["git", "rev-parse", "--short=10", "HEAD"]);
  if (commit === "") return "unknown";
  const changed = output(["git", "status", "--porcelain", "--", "src", "lua", "bench"]);
  return changed === "" ? commit : `${commit} with changes`;
}

function output(command: string[]): string {
  if (Bun.which(command[0] ?? "") === null) return "";
  const { stdout } = Bun.spawnSync(command, { cwd: ROOT, stderr: "ignore" });
  return stdout.toString().trim();
}

function packageVersions(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const file = join(ROOT, "node_modules", name, "package.json");
      const { version }: { version: string } = JSON.parse(readFileSync(file, "utf8"));
      return [name, version];
    }),
  );
}

function fsyncUs(folder: string): number {
  const path = join(folder, "fsync");
  const file = openSync(path, "w");
  const bytes = new Uint8Array(SYNC_BYTES);
  const times = Array.from({ length: SYNCS }, () => {
    writeSync(file, bytes);
    const startedAt = performance.now();
    fdatasyncSync(file);
    return (performance.now() - startedAt) * 1_000;
  });
  closeSync(file);
  rmSync(path);
  return median(times);
}

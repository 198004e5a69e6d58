import { debianRedis } from "#embedded/debian-package";
import { EmbeddedFailure, OTHER_WAYS } from "#embedded/failure";
import { run } from "#embedded/run";

/** Scripts declare their flags (`#!lua`), which Redis reads from 7.0 on. */
const MAJOR_MIN = 7;
const VERSION_MS_MAX = 5_000;

/** A Redis server binary that fits. */
export interface RedisProgram {
  readonly path: string;
  readonly version: string;
  /** What it needs to find its libraries. */
  readonly env: Record<string, string>;
}

/**
 * Finds a Redis (or Valkey) server: on PATH, else the package of Debian and its kin, fetched
 * into the data folder without root. No npm package ships one.
 */
export async function findRedisProgram(options: {
  dataDir: string;
  say: (line: string) => void;
}): Promise<RedisProgram> {
  const refused: string[] = [];
  for (const name of ["redis-server", "valkey-server"]) {
    const path = Bun.which(name);
    const found = path === null ? `${name} is not on PATH` : await inspect(path, {});
    if (typeof found !== "string") return found;
    refused.push(found);
  }
  const unpacked = await debianRedis(options);
  const found =
    typeof unpacked === "string" ? unpacked : await inspect(unpacked.path, unpacked.env);
  if (typeof found !== "string") return found;
  throw new EmbeddedFailure(
    `No Redis server to start here:\n- ${[...refused, found].join("\n- ")}\n${OTHER_WAYS}`,
  );
}

/** The program with its version, or the reason why it does not serve. */
async function inspect(path: string, env: Record<string, string>): Promise<RedisProgram | string> {
  const result = await run([path, "--version"], { msMax: VERSION_MS_MAX, env });
  const version = /v=(\d+\.\d+\.\d+)/.exec(result.out)?.[1];
  if (result.code !== 0 || version === undefined) {
    return `${path} does not run: ${result.err.trim() || `exit code ${result.code}`}`;
  }
  if (Number.parseInt(version, 10) < MAJOR_MIN) {
    return `${path} is version ${version}; ${MAJOR_MIN}.0 is the lowest that serves`;
  }
  return { path, version, env };
}

/** Lua scripts: read once from lua/, their fragments put in, loaded by hash. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { failureOf } from "#redis/client";

const FOLDER = join(import.meta.dir, "../../lua");
const INCLUDE = /^-- @include (\S+)$/gm;

/**
 * The text of a script with each fragment it names put in its place, once, however many name it.
 * `path` is relative to lua/, such as `stock/reserve.lua`.
 */
export function expand(path: string): string {
  const seen = new Set<string>();
  const read = (file: string): string =>
    readFileSync(join(FOLDER, file), "utf8").replace(INCLUDE, (_line, fragment: string) => {
      if (seen.has(fragment)) return "";
      seen.add(fragment);
      return read(fragment);
    });
  return read(path);
}

/** A script as Redis knows it. KEYS[1] alone is declared: it routes the call. */
export interface Script {
  readonly path: string;
  readonly text: string;
  readonly sha: string;
}

export function loadScript(path: string): Script {
  const text = expand(path);
  return { path, text, sha: createHash("sha1").update(text).digest("hex") };
}

/**
 * Runs a script with one key. A server that does not know it yet (restarted, SCRIPT FLUSH) has
 * done nothing when it says so; it is given the text and asked again.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  key: string,
  args: readonly string[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, 1, key, ...args);
  } catch (error) {
    if (failureOf(error) !== "unloaded") throw error;
    await redis.script("LOAD", script.text);
    return await redis.evalsha(script.sha, 1, key, ...args);
  }
}

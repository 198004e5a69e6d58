import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedFailure } from "#embedded/failure";
import type { RedisProgram } from "#embedded/redis-program";
import { run } from "#embedded/run";

/** Reads the files up to three times, each about as fast as Redis loads them. */
const MEND_MS_MAX = 180_000;

const SCRIPT = join(import.meta.dir, "mend-append-only-file.sh");

/**
 * Cuts off the torn end of the append-only file of a Redis that did not start. Answers what was cut
 * off and where it is kept, in words; null where the files are whole, so that it has another reason.
 * Throws where they are damaged in another way: nothing is changed then.
 */
export async function mendTornEnd(program: RedisProgram, folder: string): Promise<string | null> {
  const [env, shell] = [Bun.which("env"), Bun.which("sh")];
  if (env === null || shell === null) return null;
  // The server is that program too, under its name: not every package brings it by itself.
  const check = join(folder, "redis-check-aof");
  rmSync(check, { force: true });
  symlinkSync(program.path, check);
  // What it calls is on PATH: our environment, and more.
  const more = Object.entries({ ...program.env, REDIS_CHECK_AOF: check });
  const { code, out, err } = await run(
    [env, ...more.map((pair) => pair.join("=")), shell, SCRIPT, join(folder, "appendonlydir")],
    { msMax: MEND_MS_MAX },
  );
  if (code === 0) return out.trim() || null;
  throw new EmbeddedFailure(
    `Redis did not start. ${err.trim() || `${SCRIPT} ended with ${code ?? "a signal"}`}`,
  );
}

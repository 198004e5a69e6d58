import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedFailure } from "#embedded/failure";
import type { RedisProgram } from "#embedded/redis-program";
import { run } from "#embedded/run";

/** Reads the files up to three times, each about as fast as Redis loads them. */
const MEND_MS_MAX = 180_000;

const SCRIPT = join(import.meta.dir, "mend-append-only-file.sh");

/** `whole`: a Redis that did not start has another reason; `unread`: nobody knows. In words. */
export type Mending =
  | { readonly kind: "mended"; readonly what: string }
  | { readonly kind: "whole" }
  | { readonly kind: "unread"; readonly why: string };

/**
 * Cuts off the torn end of the append-only file of a Redis that did not start, and says what it cut
 * off and where that is kept. Throws where the files are damaged in another way, or cutting did not
 * mend them: it says whether anything was changed.
 */
export async function mendTornEnd(program: RedisProgram, folder: string): Promise<Mending> {
  const [env, shell] = [Bun.which("env"), Bun.which("sh")];
  if (env === null || shell === null) {
    const why = "its files were not looked at: that takes `sh` and `env`, which are not on PATH";
    return { kind: "unread", why };
  }
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
  const what = out.trim();
  if (code === 0) return what === "" ? { kind: "whole" } : { kind: "mended", what };
  throw new EmbeddedFailure(
    `Redis did not start. ${err.trim() || `${SCRIPT} ended with ${code ?? "a signal"}`}`,
  );
}

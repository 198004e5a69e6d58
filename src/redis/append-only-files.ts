/** The append-only files of a Redis server, written anew from what it has in memory. */
import type { Redis } from "ioredis";
import { asking } from "#redis/client";

const LOOK_PAUSE_MS = 25;
/** Some gigabytes a minute: the largest store that one server holds is written by then. */
const WRITTEN_MS_MAX = 600_000;

/**
 * Resolves when all that Redis has at this moment stands in files that hold nothing older. A Redis
 * whose manifest lost a file goes on writing at its end: at the next start what stood there before
 * would come back, beside what was written since. Does nothing where there are no such files, and
 * where the server lets nobody ask for it: then its files are another's care. Rejects when they
 * cannot be written.
 */
export async function writtenAnew(redis: Redis): Promise<void> {
  const giveUpAt = performance.now() + WRITTEN_MS_MAX;
  const idle = async (): Promise<Look> => {
    for (;;) {
      const look = lookOf(await asking(() => redis.info("persistence")));
      if (!look.isBusy) return look;
      if (performance.now() > giveUpAt)
        throw new Error("Redis did not write its files anew in time");
      await Bun.sleep(LOOK_PAUSE_MS);
    }
  };
  for (;;) {
    const { isOn } = await idle();
    if (!isOn) return;
    try {
      await asking(() => redis.bgrewriteaof());
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      // Somebody else's began since the look: it may lack what was written last.
      if (/in progress/.test(words)) continue;
      if (/unknown command|NOPERM/.test(words)) return;
      throw error;
    }
    if ((await idle()).isWritten) return;
    throw new Error("Redis could not write its files anew: see its own log");
  }
}

interface Look {
  readonly isOn: boolean;
  readonly isBusy: boolean;
  /** Whether the last time went well. */
  readonly isWritten: boolean;
}

function lookOf(info: string): Look {
  const valueOf = (name: string): string | undefined =>
    new RegExp(`^${name}:(\\w+)`, "m").exec(info)?.[1];
  return {
    isOn: valueOf("aof_enabled") === "1",
    isBusy: valueOf("aof_rewrite_in_progress") === "1" || valueOf("aof_rewrite_scheduled") === "1",
    isWritten: valueOf("aof_last_bgrewrite_status") === "ok",
  };
}

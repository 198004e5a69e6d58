/** How long after a fault the ledger has what Redis had when all was served again. */
import type { Redis } from "ioredis";
import type { Sql } from "postgres";
import { metaKey } from "#redis/keys";
import { until } from "#test/until";
import type { Lag } from "#faults/laws";

/** Where the time is nearly over. */
const LAG_MS_MIN = 1_000;

/** From now until the ledger has what Redis has now; `endedAt` is of `performance.now()`. */
export async function lagOf(where: {
  readonly redis: Redis;
  readonly sql: Sql;
  readonly endedAt: number;
  readonly withinMs: number;
}): Promise<Lag> {
  const { redis, sql, endedAt, withinMs } = where;
  const startedAt = performance.now();
  const since = (at: number): number => Math.round(performance.now() - at);
  const sinceFaultMs = since(endedAt);
  const movements = Number(await redis.hget(metaKey(0), "seq"));
  const lacking = async (): Promise<number> => {
    const [row] = await sql`SELECT cursor_seq FROM partitions WHERE partition = 0`;
    return Math.max(0, movements - Number(row?.["cursor_seq"]));
  };
  const behind = await lacking();
  const tookMs = await until(async () => (await lacking()) === 0, {
    withinMs: Math.max(LAG_MS_MIN, withinMs - sinceFaultMs),
    what: "the ledger has caught up",
  }).then(
    () => since(startedAt),
    () => null,
  );
  return { behind, movements, tookMs, sinceFaultMs, withinMs };
}

/** From the end of the fault. */
export const lagMsOf = ({ sinceFaultMs, tookMs }: Lag): number =>
  sinceFaultMs + (tookMs ?? Infinity);

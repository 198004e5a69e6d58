/** Records of holds that ended: kept for repeats alone, and in no comparison. */
import type { Redis } from "ioredis";
import type { Reservation } from "#inventory/model";
import type { Ledger } from "#inventory/ports";
import type { Sql } from "#postgres/client";
import { decodeHold } from "#redis/hold-record";
import { reservationKey } from "#redis/keys";
import { keysLike } from "#test/keyspace";
import { soon } from "#test/ledger";

export interface EndedIn {
  readonly redis: Redis;
  readonly sql: Sql;
  readonly ledger: Pick<Ledger, "reservation">;
}

/** Asked of the ledger, each of which has a deadline: there may be thousands. */
const AT_ONCE = 50;

/**
 * Records of holds that ended and that are not what the ledger has, or never end: `bun run verify`
 * does not compare them, as only repeats hear them, and within a day they are forgotten. Forgets
 * these now; answers how many. A hold that lives by either side is none of them.
 */
export async function forgetEnded({ redis, sql, ledger }: EndedIn): Promise<number> {
  const rows = await sql`
    SELECT DISTINCT replace(owner::text, '-', '') AS owner FROM reservations WHERE status = 'ACTIVE'`;
  const live = new Set(rows.map((row) => String(row["owner"])));
  const prefix = reservationKey(0, "");
  const isGone = async (key: string): Promise<boolean> => {
    const owner = key.slice(prefix.length);
    if (live.has(owner)) return false;
    const record = recordOf(owner, await redis.get(key));
    if (record?.status === "ACTIVE") return false;
    const inLedger = record && (await ledger.reservation(record.reservationId, soon()));
    const isWhole = record !== null && Bun.deepEquals(record, inLedger);
    return !isWhole || (await redis.pttl(key)) < 0;
  };
  const keys: string[] = [];
  const left = [...(await keysLike(redis, prefix))];
  while (left.length > 0) {
    const chunk = left.splice(0, AT_ONCE);
    const gone = await Promise.all(chunk.map(isGone));
    keys.push(...chunk.filter((_, i) => gone[i]));
  }
  if (keys.length > 0) await redis.unlink(...keys);
  return keys.length;
}

const OWNER = /^[0-9a-f]{32}$/;

/** Null of one that cannot be read. */
function recordOf(owner: string, text: string | null): Reservation | null {
  try {
    return text === null || !OWNER.test(owner) ? null : decodeHold(0, owner, text);
  } catch {
    return null;
  }
}

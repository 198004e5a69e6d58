/** A PostgreSQL that dies in the middle, waits, or takes nothing. */
import type { Redis } from "ioredis";
import postgres from "postgres";
import { metaKey } from "#redis/keys";
import { isRunning } from "#test/service";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import { askRedis } from "#faults/catalog/redis";
import type { Fault } from "#faults/fault";

const MS = [1_000, 3_000] as const;
const INSIDE_SEEN = { by: "itself", because: "an append was inside its statement" } as const;
const BEHIND_SEEN = { by: "itself", because: "the ledger fell behind" } as const;
/** Movements that no drain that is well is behind. */
const BEHIND = 100;
const INSIDE_MS_MAX = 10_000;

/** One connection past every proxy, that the server may end at any time. */
export async function asked<Result>(bed: Bed, work: (sql: postgres.Sql) => Promise<Result>) {
  const sql = postgres(bed.servers.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** An append has written all of it and is not committed while this sleeps. */
const SLOW = `
  CREATE FUNCTION sleeps_inside() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(5); RETURN NULL; END $$;
  CREATE TRIGGER sleeps_inside AFTER INSERT ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION sleeps_inside()`;
const QUICK = `
  DROP TRIGGER IF EXISTS sleeps_inside ON movements;
  DROP FUNCTION IF EXISTS sleeps_inside()`;
const WAITING = `SELECT pid FROM pg_locks WHERE relation IS NOT NULL AND NOT granted`;
const INSIDE = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;

async function untilInside(bed: Bed): Promise<void> {
  await asked(bed, async (sql) => {
    await sql.unsafe(SLOW);
    await until(async () => (await sql.unsafe(INSIDE)).length > 0, {
      withinMs: INSIDE_MS_MAX,
      what: "an append is inside its statement",
    });
  });
}

/** False: it has ended, as it does where it cannot write its log. */
async function isAnswering(bed: Bed): Promise<boolean> {
  try {
    await until(
      () => asked(bed, async (sql) => (await sql`SELECT 1`).length === 1).catch(() => false),
      {
        withinMs: INSIDE_MS_MAX,
        what: "PostgreSQL answers",
      },
    );
    return true;
  } catch {
    return false;
  }
}

/** Nothing is appended any more, and the callers go on; or the server has ended. */
async function untilBehind(bed: Bed): Promise<void> {
  const isBehind = (sql: postgres.Sql, redis: Redis) => async (): Promise<boolean> => {
    if (!isRunning(bed.postgres.pid)) return true;
    const [row] = await sql`SELECT cursor_seq FROM partitions WHERE partition = 0`;
    const seq = Number(await redis.hget(metaKey(0), "seq"));
    return seq - Number(row?.["cursor_seq"]) > BEHIND;
  };
  const within = { withinMs: INSIDE_MS_MAX, what: "the ledger is behind" };
  await asked(bed, (sql) => askRedis(bed, (redis) => until(isBehind(sql, redis), within)));
}

/** Locked by a transaction that stays open while it lasts. */
const locked = (table: string): Fault => ({
  name: `lock-${table}`,
  witness: { by: "itself", because: "somebody waited for the table" },
  what: `another transaction holds the table ${table} (ACCESS EXCLUSIVE)`,
  lastsMs: MS,
  withoutLedger: true,
  async begin({ bed }) {
    const sql = postgres(bed.servers.databaseUrl, { max: 1, onnotice: () => {} });
    const connection = await sql.reserve();
    await connection.unsafe(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    await until(async () => (await connection.unsafe(WAITING)).length > 0, {
      withinMs: INSIDE_MS_MAX,
      what: `somebody waits for the table ${table}`,
    });
    return async () => {
      await connection.unsafe("ROLLBACK");
      connection.release();
      await sql.end({ timeout: 1 });
    };
  },
});

export const POSTGRES: readonly Fault[] = [
  {
    name: "kill-postgres-inside",
    witness: INSIDE_SEEN,
    what: "kill -9 of PostgreSQL while an append is written and not committed",
    lastsMs: [0, 500],
    withoutLedger: true,
    async begin({ bed }) {
      await untilInside(bed);
      await bed.postgres.kill();
      return async () => {
        await bed.postgres.restart();
        await asked(bed, (sql) => sql.unsafe(QUICK));
      };
    },
  },
  {
    name: "end-backends",
    witness: INSIDE_SEEN,
    what: "every connection is ended by the server, one of them inside an append",
    lastsMs: [0, 500],
    withoutLedger: true,
    async begin({ bed }) {
      await untilInside(bed);
      await asked(bed, async (sql) => {
        await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()`;
        await sql.unsafe(QUICK);
      });
    },
  },
  locked("movements"),
  locked("partitions"),
  {
    name: "disk-full-postgres",
    witness: BEHIND_SEEN,
    what: "PostgreSQL's disk has no room: it takes nothing that needs more, or ends",
    needs: ["ledger disk"],
    lastsMs: MS,
    withoutLedger: true,
    isSlow: true,
    async begin({ bed }) {
      if (bed.ledgerDisk === null) throw new Error("no file system may be mounted here");
      bed.ledgerDisk.fill();
      await untilBehind(bed);
      return async () => {
        bed.ledgerDisk?.free();
        if (!(await isAnswering(bed))) await bed.postgres.restart();
      };
    },
  },
  {
    name: "read-only-postgres",
    witness: BEHIND_SEEN,
    what: "PostgreSQL takes no writes",
    lastsMs: MS,
    withoutLedger: true,
    async begin({ bed }) {
      const set = (value: "on" | "off") =>
        asked(bed, async (sql) => {
          await sql.unsafe("SET default_transaction_read_only = off");
          await sql.unsafe(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
          await sql.unsafe("SELECT pg_reload_conf()");
        });
      await set("on");
      await untilBehind(bed);
      return () => set("off");
    },
  },
];

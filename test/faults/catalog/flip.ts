/** A bit of Redis's files turns, and an operator looks before callers come back (docs/operations.md). */
import type { Redis } from "ioredis";
import { systemClock } from "#lib/clock";
import { createPostgres } from "#postgres/client";
import { createLedger } from "#postgres/ledger";
import { journalKey, metaKey } from "#redis/keys";
import { moreEffects } from "#test/effects";
import { filesOf, startAsOperator } from "#test/operator";
import { runMain } from "#test/service";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import { asked } from "#faults/catalog/postgres";
import { askRedis } from "#faults/catalog/redis";
import { forgetEnded } from "#faults/ended-records";
import type { During, Fault } from "#faults/fault";
import { flip } from "#faults/harm";

const EFFECTS = 60;
/** Nobody asks for anything any more. */
const DRAINED_MS_MAX = 10_000;
/** A rebuild asks twice, 5 s apart, whether another server is in use. */
const IN_USE_MS_MAX = 30_000;

async function drained(bed: Bed): Promise<void> {
  const seqOf = (redis: Redis): Promise<string | null> => redis.hget(metaKey(0), "seq");
  const isDrained = async (): Promise<boolean> => {
    const rows = await asked(bed, (sql) => sql`SELECT cursor_seq FROM partitions`);
    return Number(rows[0]?.["cursor_seq"]) === Number(await askRedis(bed, seqOf));
  };
  await until(isDrained, { withinMs: DRAINED_MS_MAX, what: "the ledger has all of it" });
}

/** Processes have taken the server as it is, or written it anew. */
async function inUse(bed: Bed): Promise<void> {
  const isInUse = (redis: Redis) => async (): Promise<boolean> => {
    const [, running] = /^run_id:(\w+)/m.exec(await redis.info("server")) ?? [];
    const [known, fence] = await redis.hmget(metaKey(0), "runId", "fence");
    return known === running && fence === null;
  };
  await askRedis(bed, (redis) =>
    until(isInUse(redis), { withinMs: IN_USE_MS_MAX, what: "the server is in use" }),
  );
}

/**
 * Where `verify` tells, `restore` writes all of it anew. Else the bit is in what nobody compares: a record
 * of an ended hold, for its repeats, or an entry of the journal that the ledger has.
 */
async function lookedAt(bed: Bed): Promise<void> {
  const env = { REDIS_URL: bed.servers.redisUrl, DATABASE_URL: bed.servers.databaseUrl };
  const { code } = await runMain(["verify"], env);
  if (code !== 0) {
    const restored = await runMain(["restore", "--apply", "--discard"], env);
    if (restored.code !== 0) throw new Error(`not restored:\n${restored.output}`);
    return;
  }
  const sql = createPostgres(bed.servers.databaseUrl, { connectionsMax: 1 });
  try {
    const ledger = createLedger({ sql, clock: systemClock });
    const forgotten = await askRedis(bed, (redis) => forgetEnded({ redis, sql, ledger }));
    if (forgotten > 1) throw new Error(`one bit is in ${forgotten} records`);
    await askRedis(bed, (redis) => redis.xtrim(journalKey(0), "MAXLEN", 0));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function turnBit({ bed, load, random, saw }: During): Promise<void> {
  await moreEffects(load.users, EFFECTS);
  await load.usersLeave();
  await drained(bed);
  // Readers too: until it was looked at, nobody is told anything of it.
  for (const { fromClients } of bed.apis) {
    fromClients.misbehave({ drop: 1_000 }, random);
    fromClients.reset();
  }
  await bed.redis.kill();
  flip(filesOf(bed.redis), random);
  await startAsOperator(bed.redis);
  await inUse(bed);
  await lookedAt(bed);
  await inUse(bed);
  saw(1);
  for (const { fromClients } of bed.apis) fromClients.misbehave(null, random);
  await load.othersCome();
  await moreEffects(load.users, EFFECTS);
}

export const FLIP: Fault = {
  name: "flip",
  witness: { by: "sight", of: "bits that were turned, and looked for before callers came back" },
  what: "a bit of Redis's files turns: `verify` tells and `restore` mends it, before callers come back",
  lastsMs: [0, 0],
  withoutShortHolds: "nobody changes anything before it was looked at",
  isSlow: true,
  begin: turnBit,
};

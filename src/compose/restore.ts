/** `restore`: writes Redis anew from PostgreSQL, or says what that would do. */
import { parseArgs } from "node:util";
import { openRebuilding, type Rebuilding } from "#compose/rebuild";
import { eventuallyPostgres, eventuallyRedis } from "#compose/eventually";
import { migrateToApply } from "#compose/migrate";
import { Refusal } from "#compose/refusal";
import { openExistingServers, type Servers } from "#compose/servers";
import type { Config } from "#config";
import { IN_USE_MS } from "#inventory/rebuild-ports";
import { atOnce } from "#lib/at-once";
import { createLog } from "#lib/log";
import { createPostgres, type Sql } from "#postgres/client";
import { ensureStore, readStore } from "#postgres/store-row";
import { connectRedis } from "#redis/client";
import { rebuildPartition, type RebuildOutcome } from "#workers/rebuild";
import { REBUILDS_AT_ONCE } from "#workers/rebuilder";
import { surveyPartition, type Survey } from "#workers/survey";

export const RESTORE_HELP = `Writes Redis anew from PostgreSQL, partition by partition.

Usage:
  bun run restore [options]

Without --apply it only looks, and says what it would do. With it each partition is fenced (its
callers hear 503), what its journal still has is brought into the ledger, its keys are removed and
written from the ledger, and it is opened again in an epoch of its own. Services may run meanwhile.
A partition that lacks what was acknowledged is rebuilt by every worker by itself, which gives up
what is in neither and reports it; this is for what waits for a person, and for a Redis that is to
be filled. It makes no store: the ledger must be there.

Options:
  --apply              do it
  --partition N        only that one                            (default: all)
  --discard            give up what the look says would be given up: movements that somebody knows of
                       and that are in neither Redis nor the ledger, or that Redis has and the ledger
                       cannot take. What is given up is told, and stands in recovery_reports

It exits with 0 when every partition is (or would be) written, with 1 when one waits (for a person to
say --discard, or for what it names), and with 2 when the command line cannot be understood.

Examples:
  bun run restore
  bun run restore --apply
  REDIS_URL=redis://new:6379 DATABASE_URL=postgres://localhost/holdfast bun run restore --apply
`;

/** A command line that cannot be understood. */
export class RestoreUsageError extends Error {}

export interface RestoreOptions {
  readonly apply: boolean;
  readonly discard: boolean;
  /** null: all. */
  readonly partition: number | null;
}

export function restoreOptions(args: readonly string[]): RestoreOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        apply: { type: "boolean", default: false },
        discard: { type: "boolean", default: false },
        partition: { type: "string" },
      },
    });
    const { partition, ...rest } = values;
    if (partition === undefined) return { ...rest, partition: null };
    if (!/^\d{1,4}$/.test(partition)) throw new RestoreUsageError("--partition takes a number");
    return { ...rest, partition: Number(partition) };
  } catch (error) {
    throw new RestoreUsageError(error instanceof Error ? error.message : String(error));
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Rejects with a Refusal when a partition waits. */
export async function runRestore(config: Config, options: RestoreOptions): Promise<void> {
  // Before anything is opened: it is known without.
  if (chosenOf(config, options).length === 0) {
    throw new RestoreUsageError(`there is no partition ${options.partition}`);
  }
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const servers = await openExistingServers(config, say);
  const sql = createPostgres(servers.databaseUrl, { connectionsMax: 1 });
  const redis = connectRedis(servers.redisUrl, "holdfast-restore");
  redis.on("error", (error: Error) =>
    log.debug("redis connection failed", { error: error.message }),
  );
  try {
    const store = await eventuallyPostgres({ log, url: servers.databaseUrl }, () =>
      existingStore(sql, config, servers, options),
    );
    await eventuallyRedis({ log, url: servers.redisUrl }, redis, () => redis.ping());
    const use = openRebuilding(servers, { redis, storeId: store.storeId });
    try {
      say(`Redis       ${servers.description.redis}`);
      say(`PostgreSQL  ${servers.description.postgres}`);
      const chosen = chosenOf(config, options);
      await otherServerGone(chosen, use);
      const waiting = await restored(chosen, options, use);
      const could = options.apply ? "could not" : "would not";
      if (waiting > 0) throw new Refusal(`${waiting} of the partitions ${could} be written`);
      if (!options.apply) say("nothing was changed: --apply does it");
    } finally {
      await use.close();
    }
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 2 });
    await servers.stop();
  }
}

async function existingStore(
  sql: Sql,
  config: Config,
  { description }: Servers,
  { apply }: RestoreOptions,
) {
  if ((await readStore(sql)) === null) {
    throw new Refusal(`there is no store in ${description.postgres}: nothing was made`);
  }
  await migrateToApply(sql, apply);
  return await ensureStore(sql, config.partitions);
}

function chosenOf({ partitions }: Config, { partition }: RestoreOptions): readonly number[] {
  const all = Array.from({ length: partitions }, (_, number) => number);
  return all.filter((number) => partition === null || number === partition);
}

/**
 * A service that was stopped a moment ago had its Redis in use until then. One that is in use still
 * is seen again meanwhile, and each partition says so.
 */
async function otherServerGone(chosen: readonly number[], { rebuild, ledger }: Rebuilding) {
  const runId = await rebuild.runId();
  const found = await Promise.all(chosen.map((number) => ledger.otherServer(number, runId)));
  const seenMsAgo = Math.min(...found.map((other) => other?.seenMsAgo ?? IN_USE_MS));
  if (seenMsAgo >= IN_USE_MS) return;
  const waitMs = IN_USE_MS - seenMsAgo + 1;
  say(`another Redis server was in use a moment ago: waiting ${Math.ceil(waitMs / 1_000)} s ...`);
  await Bun.sleep(waitMs);
}

/** Answers how many partitions wait. */
async function restored(chosen: readonly number[], options: RestoreOptions, use: Rebuilding) {
  let waiting = 0;
  if (options.apply) {
    const bar = progress();
    await atOnce(chosen, REBUILDS_AT_ONCE, async (partition) => {
      if (!(await written(partition, options, use, bar))) waiting += 1;
    });
  } else {
    for (const partition of chosen) if (!(await look(partition, options, use))) waiting += 1;
  }
  return waiting;
}

/** One that fails does not hold back the others, nor leaves them half done. */
async function written(
  partition: number,
  options: RestoreOptions,
  use: Rebuilding,
  bar: ReturnType<typeof progress>,
): Promise<boolean> {
  const tell = (words: string): void => {
    bar.end(partition);
    say(`partition ${partition}: ${words}`);
  };
  try {
    return await write(partition, options, use, { step: bar.step, tell });
  } catch (error) {
    tell(`it failed: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/** Says what a restore would do; answers whether it would do it. Changes nothing. */
async function look(partition: number, { discard }: RestoreOptions, use: Rebuilding) {
  const survey = await surveyPartition(partition, use);
  const { found, extent, drained, missing, waits } = survey;
  const holds = found === null ? "nothing" : `epoch ${found.epoch} up to movement ${found.seq}`;
  const fence = found?.fence ? `, fenced (${found.fence})` : "";
  say(`partition ${partition}: Redis holds ${holds}${fence}; the ledger is at ${extent.seq}`);
  if (found?.isForeign === true) {
    say("  it is another store's: nothing would be written");
    return false;
  }
  if (survey.isWhole) say("  nothing needs a rebuild; --apply would write it anew all the same");
  if (drained > 0) say(`  ${drained} movements of its journal would be brought into the ledger`);
  if (found === null && extent.lastEpoch > 0) {
    say("  Redis had something of this store: what the ledger does not have of it is not known");
  }
  if (missing !== null) say(`  ${givenUp(survey)} and would be given up`);
  if (waits !== null) say(`  it would wait: ${waits}`);
  const isAllowed = missing === null || discard;
  if (!isAllowed) say("  --apply would write nothing; --apply --discard gives them up");
  else say(`  ${extent.products} products and ${extent.liveHolds} live holds would be written`);
  return waits === null && isAllowed;
}

/** Without an end, for a sentence about it. */
function givenUp({ missing, gap }: Survey): string {
  const range = `movements ${missing?.from ?? 0} to ${missing?.to ?? 0}`;
  if (gap === null) return `${range} are in neither Redis nor the ledger`;
  return `${range} do not follow the ledger (${gap})`;
}

async function write(
  partition: number,
  options: RestoreOptions,
  use: Rebuilding,
  { step, tell }: Pick<ReturnType<typeof progress>, "step"> & { tell: (words: string) => void },
) {
  const survey = await surveyPartition(partition, use);
  if (survey.missing !== null && survey.waits === null && !options.discard) {
    tell(`nothing was written: ${givenUp(survey)}; --discard gives them up`);
    return false;
  }
  const { products, liveHolds } = survey.extent;
  const outcome = await rebuildPartition(partition, use, {
    which: "any",
    discards: options.discard,
    onStep: (_, done) => step(partition, done, products + liveHolds),
  });
  tell(wordOf(outcome));
  return outcome.kind === "rebuilt" && (outcome.missing === null || options.discard);
}

function wordOf(outcome: RebuildOutcome): string {
  switch (outcome.kind) {
    case "rebuilt": {
      const { products, liveHolds, epoch, seq, drained, missing } = outcome;
      const lost = missing === null ? "" : `; GIVEN UP: movements ${missing.from} to ${missing.to}`;
      return (
        `${products} products and ${liveHolds} live holds written; ` +
        `${drained} movements drained; epoch ${epoch} begins at ${seq}${lost}`
      );
    }
    case "open":
      return "nothing is wrong with it";
    case "taken":
      return "somebody else rebuilds it";
    case "foreign":
      return "it holds another store's data: nothing was written";
    case "waits":
      return `it waits: ${outcome.reason}`;
  }
}

const BAR_WIDTH = 30;

/** A bar over all partitions at hand, on a terminal, and nothing elsewhere. */
function progress() {
  const out = process.stderr;
  const parts = new Map<number, { done: number; total: number }>();
  return {
    step: (partition: number, done: number, total: number): void => {
      if (!out.isTTY) return;
      parts.set(partition, { done: Math.min(done, total), total });
      const all = { done: 0, total: 0 };
      for (const part of parts.values()) {
        all.done += part.done;
        all.total += part.total;
      }
      const share = all.total === 0 ? 1 : all.done / all.total;
      const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
      out.write(`\rpartitions at hand: ${parts.size} [${bar}] ${all.done} of ${all.total}\u001b[K`);
    },
    /** Clears the line for what is to be said. */
    end: (partition: number): void => {
      parts.delete(partition);
      if (out.isTTY) out.write("\r\u001b[K");
    },
  };
}

/** `restore`: writes Redis anew from PostgreSQL, or says what that would do. */
import { parseArgs } from "node:util";
import { openRebuilding, type Rebuilding } from "#compose/rebuild";
import { eventuallyPostgres } from "#compose/eventually";
import { Refusal } from "#compose/refusal";
import { openServers } from "#compose/servers";
import type { Config } from "#config";
import { createLog } from "#lib/log";
import { createPostgres } from "#postgres/client";
import { migrate } from "#postgres/migrate";
import { ensureStore } from "#postgres/store-row";
import { connectRedis } from "#redis/client";
import { rebuildPartition, type RebuildOutcome } from "#workers/rebuild";

export const RESTORE_HELP = `Writes Redis anew from PostgreSQL, partition by partition.

Usage:
  bun run restore [options]

Without --apply it only looks, and says what it would do. With it each partition is fenced (its
callers hear 503), what its journal still has is brought into the ledger, its keys are removed and
written from the ledger, and it is opened again in an epoch of its own. Services may run meanwhile.
A partition that lacks what was acknowledged is rebuilt by every worker by itself; this is for what
waits for a person, and for a Redis that is to be filled.

Options:
  --apply              do it
  --partition N        only that one                            (default: all)
  --discard            give up what Redis has and the ledger cannot take: a journal that does not
                       follow it. What is given up is told, and stands in recovery_reports

It exits with 0 when every partition is (or would be) written, and with 1 when one waits.

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
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const servers = await openServers(config, say);
  const sql = createPostgres(servers.databaseUrl, { connectionsMax: 1 });
  const redis = connectRedis(servers.redisUrl, "holdfast-restore");
  try {
    const store = await eventuallyPostgres({ log }, async () => {
      await migrate(sql);
      return await ensureStore(sql, config.partitions);
    });
    await redis.connect();
    const use = openRebuilding(servers, { redis, storeId: store.storeId });
    try {
      say(`Redis       ${servers.description.redis}`);
      say(`PostgreSQL  ${servers.description.postgres}`);
      const waiting = await restored(config, options, use);
      if (waiting > 0) throw new Refusal(`${waiting} of the partitions could not be written`);
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

/** Answers how many partitions wait. */
async function restored(config: Config, options: RestoreOptions, use: Rebuilding) {
  const all = Array.from({ length: config.partitions }, (_, number) => number);
  const chosen = all.filter((number) => options.partition === null || number === options.partition);
  if (chosen.length === 0) throw new Refusal(`there is no partition ${options.partition}`);
  let waiting = 0;
  for (const partition of chosen) {
    const isDone = options.apply
      ? await write(partition, options, use)
      : await describe(partition, use);
    if (!isDone) waiting += 1;
  }
  return waiting;
}

/** What a restore would do. Changes nothing. */
async function describe(partition: number, { repair, ledger }: Rebuilding): Promise<boolean> {
  const [found, extent] = await Promise.all([repair.look(partition), ledger.extent(partition)]);
  const holds = found === null ? "nothing" : `epoch ${found.epoch} up to movement ${found.seq}`;
  const fence = found?.fence ? `, fenced (${found.fence})` : "";
  say(`partition ${partition}: Redis holds ${holds}${fence}; the ledger is at ${extent.seq}`);
  if (found?.isForeign === true) {
    say("  it is another store's: nothing would be written");
    return false;
  }
  const rest = (found?.seq ?? 0) - extent.seq;
  if (rest > 0) say(`  ${rest} movements of its journal would be brought into the ledger first`);
  say(`  ${extent.products} products and ${extent.liveHolds} live holds would be written`);
  return true;
}

async function write(partition: number, options: RestoreOptions, use: Rebuilding) {
  const { products, liveHolds } = await use.ledger.extent(partition);
  const bar = progress(partition, products + liveHolds);
  const outcome = await rebuildPartition(partition, use, {
    which: "any",
    discards: options.discard,
    onStep: bar.step,
  });
  bar.end();
  say(`partition ${partition}: ${wordOf(outcome)}`);
  return outcome.kind === "rebuilt";
}

function wordOf(outcome: RebuildOutcome): string {
  switch (outcome.kind) {
    case "rebuilt": {
      const { products, liveHolds, epoch, seq, drained, missing } = outcome;
      const lost = missing === null ? "" : `; MISSING: movements ${missing.from} to ${missing.to}`;
      return (
        `${products} products and ${liveHolds} live holds written; ` +
        `${drained} movements drained; epoch ${epoch} begins at ${seq}${lost}`
      );
    }
    case "open":
      return "nothing is wrong with it";
    case "taken":
      return "somebody else repairs it";
    case "foreign":
      return "it holds another store's data: nothing was written";
    case "waits":
      return `it waits: ${outcome.reason}`;
  }
}

const BAR_WIDTH = 30;

/** A bar on a terminal, and nothing elsewhere. */
function progress(partition: number, total: number) {
  const out = process.stderr;
  return {
    step: (step: string, done: number): void => {
      if (!out.isTTY) return;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
      out.write(`\rpartition ${partition} ${step.padEnd(6)} [${bar}] ${done} of ${total} `);
    },
    end: (): void => {
      if (out.isTTY) out.write("\r\u001b[K");
    },
  };
}

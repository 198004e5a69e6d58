/** `verify`: compares Redis and the ledger as they stand, says what differs, and changes no stock. */
import type { Redis } from "ioredis";
import { eventuallyPostgres, eventuallyRedis } from "#compose/eventually";
import { lineOf as asideLine } from "#compose/quarantine";
import { openExistingServers, type Servers } from "#compose/servers";
import { Refusal } from "#compose/refusal";
import { linesOfChain, mustHold, worthTelling, type PartitionChain } from "#compose/verify-words";
import type { Config } from "#config";
import { Fault } from "#inventory/faults";
import type { Difference, ReconcileReport } from "#inventory/reconcile-ports";
import { processClock, systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createPostgres, type Sql } from "#postgres/client";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createQuarantine, type SetAside } from "#postgres/quarantine";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { readStore, type Store } from "#postgres/store-row";
import { verifyChain } from "#postgres/verify-chain";
import { connectBlocking, connectRedis } from "#redis/client";
import { createJournal } from "#redis/journal";
import { createReconcileStock } from "#redis/reconcile-stock";
import { startDrain } from "#workers/drain-journal";
import { mustNotBeBehind, reconcile } from "#workers/reconcile/run";

/** Differences that are printed; the rest is counted. */
const PRINTED_MAX = 100;
/** Progress is told at each step of so many percent. */
const PROGRESS_STEP = 10;
/** Progress of a chain is told at each so many links. */
const LINKS_STEP = 1_000_000;
const CLOSE_SECONDS_MAX = 2;

export interface VerifyOptions {
  readonly json: boolean;
}

/** Rejects with a Refusal when anything differs, is in quarantine, or cannot be compared. */
export async function runVerify(config: Config, options: VerifyOptions): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const servers = await openExistingServers(config, say);
  const sql = createPostgres(servers.databaseUrl, { applicationName: "holdfast-verify" });
  try {
    say(`Redis       ${servers.description.redis}`);
    say(`PostgreSQL  ${servers.description.postgres}`);
    const report = await compare(config, servers, sql, say);
    const aside = await setAside(sql);
    const chains = worthTelling(await chainsOf(sql, say), config.ledgerChain);
    const told = { ...report, quarantine: aside.map(namesOf), chains };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(told)}\n`
        : [
            wordsOf(report),
            ...aside.map(quarantineLine),
            ...chains.flatMap(linesOfChain),
            `${verdictOf(report, chains)}\n`,
          ].join(""),
    );
    mustBeEqual(report);
    mustHold(chains, config.ledgerChain);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Refusal(`not verified: ${error.message} (${error.code})`, { cause: error });
  } finally {
    await sql.end({ timeout: CLOSE_SECONDS_MAX });
    await servers.stop();
  }
}

async function compare(
  config: Config,
  { redisUrl, databaseUrl }: Servers,
  sql: Sql,
  say: (line: string) => void,
): Promise<ReconcileReport> {
  const log = createLog({
    level: config.logLevel,
    format: "text",
    write: (line) => say(line.trim()),
  });
  const store = await eventuallyPostgres({ log, url: databaseUrl }, () => readStore(sql));
  if (store === null) throw new Refusal("not verified: there is no store in this database yet");
  const redis = connectRedis(redisUrl, "holdfast-verify");
  redis.on("error", () => undefined);
  try {
    await eventuallyRedis({ log, url: redisUrl }, redis, () => redis.ping());
    const stock = createReconcileStock({ redis, ...store });
    const ledger = createReconcileLedger(sql);
    // Before anything is drained: a drain fences what lacks something, and here it is only looked at.
    for (let partition = 0; partition < store.partitions; partition += 1) {
      await mustNotBeBehind(stock, ledger, partition);
    }
    let told = 0;
    const run = (): Promise<ReconcileReport> =>
      reconcile({
        stock,
        ledger,
        clock: processClock,
        scope: { kind: "all" },
        onProgress: (percent) => {
          if (percent < told + PROGRESS_STEP && percent < 100) return;
          told = percent;
          say(`compared    ${percent} %`);
        },
      });
    return await whileDraining({ config, redisUrl, redis, sql, store }, run);
  } finally {
    redis.disconnect();
  }
}

interface Sides {
  readonly config: Config;
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly sql: Sql;
  readonly store: Store;
}

/**
 * What the journal holds belongs into the ledger before it is held against it, and no worker may
 * run: a second drain beside one that does is harmless.
 */
async function whileDraining<Result>(
  { config, redisUrl, redis, sql, store }: Sides,
  work: () => Promise<Result>,
): Promise<Result> {
  const blocking = Array.from({ length: store.partitions }, (_, number) => {
    const connection = connectBlocking(redisUrl, `holdfast-verify-${number}`);
    connection.on("error", () => undefined);
    connection.connect().catch(() => null);
    return connection;
  });
  const drain = startDrain({
    journal: createJournal({
      redis,
      blocking: (partition) => blocking[partition] ?? redis,
      ...store,
      keepEntries: config.journalEntriesKept,
    }),
    ledgerWriter: createLedgerWriter(sql),
    clock: systemClock,
    log: createLog({ level: "error", format: "json", write: () => undefined }),
    metrics: createMetrics(),
    onFenced: () => undefined,
  });
  try {
    return await work();
  } finally {
    await drain.stop();
    for (const connection of blocking) connection.disconnect();
  }
}

/** Movements in quarantine, as many as are printed. */
async function setAside(sql: Sql): Promise<SetAside[]> {
  const aside: SetAside[] = [];
  for await (const one of createQuarantine(sql).all(null)) {
    if (aside.push(one) === PRINTED_MAX) break;
  }
  return aside;
}

const quarantineLine = (one: SetAside): string => `quarantine  ${asideLine(one)}\n`;

function namesOf({ partition, seq, error, rows }: SetAside) {
  return { partition, seq, productId: rows?.movements[0]?.productId ?? null, error };
}

/** The chain of hashes of each partition; without one there is nothing that could be broken. */
async function chainsOf(sql: Sql, say: (line: string) => void): Promise<PartitionChain[]> {
  const store = await readStore(sql);
  const chains: PartitionChain[] = [];
  for (let partition = 0; partition < (store?.partitions ?? 0); partition += 1) {
    let told = 0;
    const onPage = (links: number): void => {
      if (links < told + LINKS_STEP) return;
      told = links;
      say(`partition ${partition}: ${links} links of the chain`);
    };
    chains.push({ partition, ...(await verifyChain(sql, partition, { onPage })) });
  }
  return chains;
}

function wordsOf(report: ReconcileReport): string {
  const { checked, differences, differenceCount, explained, quarantined, quarantine } = report;
  const { leftOut, leftOutCount } = report;
  const looked =
    `${checked.products} products, ${checked.levels} levels, ${checked.holds} live holds ` +
    `and ${checked.movements} movements`;
  const lines = differences.slice(0, PRINTED_MAX).map(lineOf);
  const more = differenceCount - lines.length;
  return [
    `looked at ${looked}`,
    ...lines,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...quarantine.map(
      ({ partition, seq }) => `quarantine  movement ${seq} of partition ${partition}`,
    ),
    ...(quarantined > quarantine.length
      ? [`and ${quarantined - quarantine.length} more in quarantine`]
      : []),
    ...leftOut.map(
      ({ partition, limit, why }) => `left out    limit ${limit} of partition ${partition}: ${why}`,
    ),
    ...(leftOutCount > leftOut.length ? [`and ${leftOutCount - leftOut.length} more limits`] : []),
    ...(explained > 0 ? [`${explained} changes without a record were written down since`] : []),
    "",
  ].join("\n");
}

/** Said last: equal is what has no break in its chain either. */
function verdictOf(
  { differenceCount, quarantined }: ReconcileReport,
  chains: readonly PartitionChain[],
): string {
  const broken = chains.filter(({ kind }) => kind === "broken").length;
  if (differenceCount + quarantined + broken === 0) return "Redis and the ledger are equal";
  const differ = `${differenceCount} differences, ${quarantined} movements in quarantine`;
  return broken === 0 ? differ : `${differ}, ${broken} broken chains`;
}

function lineOf(one: Difference): string {
  const place = [one.productId, one.location, one.reservationId].filter((part) => part !== null);
  const sides = `Redis: ${one.redis ?? "nothing"}; ledger: ${one.ledger ?? "nothing"}`;
  return `${one.kind}  ${place.join(" / ")}  ${one.cause}  (${sides})`;
}

function mustBeEqual({ differenceCount, quarantined }: ReconcileReport): void {
  if (differenceCount > 0) {
    throw new Refusal(`Redis and the ledger differ in ${differenceCount} places`);
  }
  if (quarantined > 0) throw new Refusal(`${quarantined} movements are in quarantine`);
}

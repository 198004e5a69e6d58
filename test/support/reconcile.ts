/** Redis, PostgreSQL, a store and a drain between them: what a comparison of the two is tested on. */
import { randomInt } from "node:crypto";
import { Redis } from "ioredis";
import type { Difference, ReconcileReport, ReconcileScope } from "#inventory/reconcile-ports";
import { steadyClock, systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createPace } from "#lib/pace";
import { createEpochLedger } from "#postgres/epochs";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createLedgerRepairs } from "#postgres/ledger-repairs";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { ensureStore } from "#postgres/store-row";
import { verifyChain } from "#postgres/verify-chain";
import { connectBlocking, connectRedis } from "#redis/client";
import { createJournal } from "#redis/journal";
import { metaKey } from "#redis/keys";
import { createReconcileStock } from "#redis/reconcile-stock";
import { createStockRepairs } from "#redis/stock-repairs";
import type { RedisStockStore } from "#redis/stock-store";
import { startDrain } from "#workers/drain-journal";
import { createMender } from "#workers/reconcile/mend";
import { reconcile } from "#workers/reconcile/run";
import type { Hands } from "#workers/reconcile/worker";
import { openLedger, type TestLedger } from "#test/ledger";
import { startRedis } from "#test/servers";
import { endCommand, extendCommand, openStore, reassignCommand, reserveCommand } from "#test/store";
import { until } from "#test/until";

const DRAINED_MS_MAX = 5_000;
const EXPIRE_EVERY_MS = 20;
/** Holds that all visitors together make; what ends meanwhile is looked at by a comparison, too. */
const VISITS_A_SECOND = 600;
const silent = createLog({ level: "error", format: "json", write: () => undefined });

export interface ReconcileBed extends AsyncDisposable {
  readonly redisUrl: string;
  readonly storeId: string;
  /** For looking and for harm. */
  readonly redis: Redis;
  readonly db: TestLedger;
  readonly store: RedisStockStore;
  /** Waits until the ledger has every movement. */
  readonly drained: () => Promise<void>;
  report(scope?: ReconcileScope): Promise<ReconcileReport>;
  /** `hands` of a run that is noted as it goes. */
  repair(scope?: ReconcileScope, hands?: Partial<Hands>): Promise<ReconcileReport>;
}

export async function openReconcileBed(
  options: { partitions?: number; chain?: boolean; postgres?: { readonly url: string } } = {},
): Promise<ReconcileBed> {
  const { partitions = 1, chain = false, postgres } = options;
  const server = await startRedis();
  const db = await openLedger({ partitions, ...(postgres && { server: postgres }) });
  const { storeId } = await ensureStore(db.sql, partitions);
  const epochs = createEpochLedger(db.sql, storeId);
  const opened = await openStore(server.url, { epochs, partitions });
  const redis = new Redis(server.url);
  const blocking = Array.from({ length: partitions }, () => connectBlocking(server.url, "drain"));
  for (const connection of blocking) await connection.connect();
  const journal = createJournal({
    redis: opened.redis,
    blocking: (partition) => blocking[partition] ?? redis,
    partitions,
    storeId,
    keepEntries: 1_000,
  });
  const drain = startDrain({
    journal,
    ledgerWriter: createLedgerWriter(db.sql, { chain }),
    clock: systemClock,
    log: silent,
    metrics: createMetrics(),
    onFenced: () => undefined,
  });
  const own = connectRedis(server.url, "reconcile");
  await own.connect();
  const stock = createReconcileStock({ redis: own, partitions, storeId });
  const ledger = createReconcileLedger(db.sql);
  const walk = async (partition: number, onPage: () => void) => {
    const walked = await verifyChain(db.sql, partition, { onPage });
    return walked.kind === "broken" ? walked : null;
  };
  const common = {
    stock,
    ledger,
    clock: steadyClock,
    onProgress: () => undefined,
    ...(chain ? { chain: walk } : {}),
  };
  const asked = { actor: "admin:ada", reference: "run-1" };
  const mend = createMender({
    stock,
    stockRepairs: createStockRepairs({
      redis: own,
      storeId,
      store: opened.store,
      clock: steadyClock,
      ...asked,
    }),
    ledgerRepairs: createLedgerRepairs(db.sql, asked),
  });
  const isDrained = async (): Promise<boolean> => {
    for (let partition = 0; partition < partitions; partition += 1) {
      const seq = Number(await redis.hget(metaKey(partition), "seq"));
      if ((await ledger.cursor(partition)) !== seq) return false;
    }
    return true;
  };
  return {
    redisUrl: server.url,
    storeId,
    redis,
    db,
    store: opened.store,
    drained: async () => {
      await until(isDrained, { withinMs: DRAINED_MS_MAX, what: "the ledger has every movement" });
    },
    report: (scope = { kind: "all" }) => reconcile({ ...common, scope }),
    repair: (scope = { kind: "all" }, hands = {}) =>
      reconcile({ ...common, scope, mend, ...hands }),
    async [Symbol.asyncDispose]() {
      await drain.stop();
      for (const connection of [...blocking, redis, own]) connection.disconnect();
      await opened[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** One that holds a unit for some seconds, and pays, gives it back, asks for longer or lets it pass. */
export async function visit(
  store: RedisStockStore,
  orderId: string,
  productId: string,
): Promise<boolean> {
  const more = { holdSeconds: randomInt(1, 3) };
  const outcome = await store.reserve(reserveCommand(orderId, { [productId]: 1 }, more));
  if (outcome.kind !== "reserved") return false;
  const { reservationId } = outcome.reservation;
  const luck = randomInt(5);
  if (luck === 0) await store.confirm(endCommand(reservationId));
  if (luck === 1) await store.cancel(endCommand(reservationId));
  if (luck === 2) await store.extend(extendCommand(reservationId, 60));
  if (luck === 3) await store.reassign(reassignCommand(reservationId, `another's ${orderId}`));
  return true;
}

/** So many visitors at any time, and what expires their holds. */
export function keepBusy(
  { store }: Pick<ReconcileBed, "store">,
  productIds: readonly string[],
  users = 16,
) {
  const state = { done: 0, isOver: false };
  const pace = createPace({ perSecond: VISITS_A_SECOND, burst: users });
  const user = async (name: number): Promise<void> => {
    for (let turn = 0; !state.isOver; turn += 1) {
      const id = productIds[randomInt(productIds.length)] ?? "";
      await pace(1);
      if (await visit(store, `${name}-${turn}`, id)) state.done += 1;
    }
  };
  const expiry = async (): Promise<void> => {
    while (!state.isOver) {
      await store.expire(0);
      await Bun.sleep(EXPIRE_EVERY_MS);
    }
  };
  const running = Promise.all([
    expiry(),
    ...Array.from({ length: users }, (_, name) => user(name)),
  ]);
  /** Answers how many holds were made. */
  const stop = async (): Promise<number> => {
    state.isOver = true;
    await running;
    return state.done;
  };
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** `kind product`: what a test expects of a report. */
export const namesOf = ({
  differences,
}: {
  readonly differences: readonly Difference[];
}): string[] => differences.map(({ kind, productId }) => `${kind} ${productId ?? "-"}`).toSorted();

/** Processes of the service, put together as src/compose does it, over simulated servers. */
import type { Deps } from "#inventory/context";
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";
import { RedisConnection } from "#redis/connection";
import { createJournal } from "#redis/journal";
import { Partition } from "#redis/partition";
import { createPartitionRebuild } from "#redis/rebuild";
import { RedisStockStore } from "#redis/stock-store";
import { createWaitlist } from "#redis/waitlist";
import { depsOf } from "#test/ports-double";
import { startDrain } from "#workers/drain-journal";
import { ExpiryWorker } from "#workers/expire";
import { OfferWorker } from "#workers/offer";
import { Rebuilder } from "#workers/rebuilder";
import { WakeUps } from "#workers/wake-ups";
import { epochLedgerOf, ledgerWriterOf, rebuildLedgerOf, STORE_ID } from "./ledger.ts";
import { asRedis, SimulatedClient } from "./redis/client.ts";
import { HOLD_SECONDS_MAX } from "./plan.ts";
import { Process } from "./scheduler.ts";
import type { World } from "./world.ts";

/** Entries that stay in the journal once they are in the ledger. */
const JOURNAL_KEPT = 20;
const JOURNAL_MAX = 10_000;

/** One process, from its start to its end. */
export interface Node {
  readonly role: "api" | "worker";
  readonly process: Process;
  readonly deps: Deps;
  readonly partition: Partition;
  readonly clients: readonly SimulatedClient[];
  /** Where Redis stood in the answers that it gave. */
  readonly heard: Receipt[];
}

interface Stores extends Node {
  readonly store: RedisStockStore;
  readonly wakeUps: WakeUps;
  readonly redis: SimulatedClient;
  readonly connect: (blocks?: boolean) => SimulatedClient;
  readonly log: Log;
}

/** Starts one. What it does from now on is its own. */
export function startNode(world: World, role: Node["role"], name: string): Node {
  const process = new Process(name, world.plan.skewMs());
  let node: Node | null = null;
  world.scheduler.as(process, () => {
    const stores = openStores(world, role, process);
    if (role === "worker") startWork(world, stores);
    node = stores;
  });
  if (node === null) throw new Error("no process was started");
  return node;
}

function openStores(world: World, role: Node["role"], process: Process): Stores {
  const { scheduler, redis: server, ledger, onSend, onSent } = world;
  const clients: SimulatedClient[] = [];
  const connect = (blocks = false): SimulatedClient => {
    const client = new SimulatedClient(
      { scheduler, server, owner: process, onSend, onSent },
      { blocks },
    );
    clients.push(client);
    void client.connect();
    return client;
  };
  const log = logOf(world, process.name);
  const clock: Clock = { now: () => performance.timeOrigin + performance.now() };
  const redis = connect();
  const partition = new Partition(0, clock);
  const epochs = epochLedgerOf(ledger, process);
  const partitions = [partition];
  const connection = new RedisConnection({ redis: asRedis(redis), partitions, epochs, log });
  const wakeUps = new WakeUps({ connection: asRedis(connect()), log });
  partition.onRebuilt(() => wakeUps.forget());
  const store = new RedisStockStore({
    redis: asRedis(redis),
    partitions,
    clock,
    journalEntriesMax: JOURNAL_MAX,
    recheck: (one) => connection.recheck(one),
    onDue: (of, second, inMs) => wakeUps.wakeAt(of, second, inMs),
    batchSizes: () => () => undefined,
    onOutcome: (verb, word) => world.saw(`${verb} ${word}`),
    onDamaged: (_of, owners) => world.fail(`holds are damaged: ${owners.join(" ")}`),
    onFailure: (kind) => world.saw(`failure ${kind}`),
  });
  const waitlist = createWaitlist({
    store,
    onDue: (of, second) => wakeUps.wakeAt(of, second, store.msUntil(of, second)),
  });
  const { state } = ledger;
  const late = (): never => {
    throw new Fault("ledger_unavailable", "the ledger did not answer in time");
  };
  const deps: Deps = {
    ...depsOf({
      clock,
      policy: {
        reservationMinutes: HOLD_SECONDS_MAX / 60,
        reservationMinutesMax: HOLD_SECONDS_MAX / 60,
        extensionsMax: 0,
        onExpired: "reject",
      },
      ledger: {
        reservation: (id, deadline) => {
          const row = ledger.ask(process, () => state.reservations.get(id) ?? null);
          return withDeadline(row, { at: deadline, clock }, late);
        },
      },
    }),
    store,
    waitlist,
    newGeneration: () => randomId(8),
  };
  return {
    role,
    process,
    deps,
    partition,
    clients,
    heard: [],
    store,
    wakeUps,
    redis,
    connect,
    log,
  };
}

/** As src/compose/worker.ts. */
function startWork(world: World, stores: Stores): void {
  const { ledger } = world;
  const { process, partition, connect, redis, store, wakeUps, log } = stores;
  const blocking = connect(true);
  const journal = createJournal({
    redis: asRedis(redis),
    blocking: () => asRedis(blocking),
    partitions: 1,
    storeId: STORE_ID,
    keepEntries: JOURNAL_KEPT,
  });
  // It looks each second: where nobody ever waits, for nothing.
  const offering = world.plan.hasLine
    ? new OfferWorker({
        waitlist: stores.deps.waitlist,
        partitions: 1,
        clock: stores.deps.clock,
        metrics: { outcome: (_verb, word, count) => world.saw(`${word} in line`, count) },
        log,
      })
    : null;
  const drain = startDrain({
    journal,
    onRead: (of, entries) => offering?.look(of, entries),
    ledgerWriter: ledgerWriterOf(ledger, process),
    clock: { now: () => Date.now() },
    log,
    metrics: {
      drainedSeq: () => undefined,
      quarantined: () => undefined,
      redisError: () => undefined,
      postgresError: () => undefined,
    },
    onFenced: (_partition, reason) => log.error("the drain stopped", { reason }),
  });
  void new ExpiryWorker({
    store,
    workerConnection: asRedis(connect()),
    metrics: { expiryLag: () => undefined, outcome: () => undefined },
    log,
  });
  const rebuilder = new Rebuilder({
    rebuild: createPartitionRebuild({ redis: asRedis(redis), storeId: STORE_ID }),
    ledger: rebuildLedgerOf(ledger, process),
    ledgerWriter: ledgerWriterOf(ledger, process),
    epochs: epochLedgerOf(ledger, process),
    alerts: { raise: () => ledger.ask(process, () => true) },
    log,
    fenced: () => (partition.state === "fenced" ? [0] : []),
    onRebuilt: (_partition, { dueSeconds }) => {
      world.rebuilt();
      for (const second of dueSeconds) wakeUps.wakeAt(0, second, store.msUntil(0, second));
    },
  });
  void rebuilder;
  partition.onRebuilt(() => drain.resume(0));
}

/** Errors are kept: most runs may have none. */
function logOf(world: World, name: string): Log {
  const line =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      world.tell(() => `${name} ${level}: ${message} ${JSON.stringify(fields, errorsToo)}`);
      if (level === "error") world.onError(message, fields);
    };
  const log: Log = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    with: () => log,
  };
  return log;
}

const errorsToo = (_key: string, value: unknown): unknown =>
  value instanceof Error ? `${value.name}: ${value.message}` : value;

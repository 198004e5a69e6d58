/** Reads what there is when a fault is over and nobody asks for anything any more, and holds it to every law. */
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Stores } from "#compose/stores";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { steadyClock } from "#lib/clock";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { metaKey } from "#redis/keys";
import { createReconcileStock } from "#redis/reconcile-stock";
import { reconcile } from "#workers/reconcile/run";
import { examine, recordsOf, type Acknowledged } from "#test/audit";
import { moreEffects } from "#test/effects";
import { invariants } from "#test/invariants";
import { falseReports, isAboutLost } from "#test/lost";
import { cancelHold, endsOf, makeHolds } from "#test/short-holds";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import { settlingOf, type Fault } from "#faults/fault";
import {
  availableAddsUp,
  endsArePunctual,
  everyProcessLives,
  faultWasThere,
  lateUntil,
  liveHoldsAreReserved,
  ledgerCatchesUp,
  lossIsTrue,
  nothingIsStrange,
  PAST_DUE_MS_MAX,
  readsNeverGoBack,
  redisIsTheLedger,
  whatFellDueEnded,
  type Check,
  type Lag,
  type Round,
} from "#faults/laws";
import type { BedLoad } from "#faults/load";
import { stockSeen } from "#faults/stock-seen";
import { newOnTheWay, sightOf, type Sight } from "#faults/witness";

export interface Checked {
  readonly checks: readonly Check[];
  /** Acknowledged now and earlier, less what was reported as lost. */
  readonly kept: readonly Acknowledged[];
  readonly lost: number;
  /** From the end of the fault until the ledger had all, and until nothing was late any more. */
  readonly lagMs: number;
  readonly lateMs: number;
  /** Requests that did not simply pass, by what happened to them. */
  readonly onTheWay: string;
}

export interface ToCheck {
  readonly bed: Bed;
  readonly fault: Fault;
  readonly load: BedLoad;
  /** Since the bed was made, before this fault. */
  readonly earlier: readonly Acknowledged[];
  readonly before: Sight;
  /** What the fault saw itself, so often. */
  readonly noted: number;
  /** Of `performance.now()`. */
  readonly endedAt: number;
  /** When the fault began: what was read before it saw nothing of it. */
  readonly readsBefore: number;
}

/** What nobody was woken for waits for a sweep, every 5 s. */
const SWEPT_MS_MAX = 8_000;
/**
 * Fresh holds are due in as many seconds, one after the other. Two workers sweep, each every 5 s:
 * what nobody was woken for cannot be in time in three of them.
 */
const FRESH_SECONDS = [1, 2, 3] as const;
const FRESH_HOLDS_EACH = 4;
const ENDS_MS_MAX = 10_000;
/** After the time in which holds must be in time: a round of them takes some seconds. */
const ROUNDS_MS_MAX = 20_000;
/** Where the time is nearly over. */
const LAG_MS_MIN = 1_000;
/** Under load behind the fault, before all is looked at. */
const EFFECTS = 40;
/** A short hold lasts at most three seconds, to the end of that second. */
const SHORT_MS_MAX = 5_000;
/** Longer than all of it takes. */
const LOOKS_MS_MAX = 60_000;

/** To be called when all is served again. Lets the load have some more effects, and stops it. */
export async function check(what: ToCheck): Promise<Checked> {
  const { bed, fault, load, before } = what;
  const redis = new Redis(bed.servers.redisUrl);
  const sql = postgres(bed.servers.databaseUrl, { max: 2, onnotice: () => {} });
  try {
    // Beside all other waits, which are no part of it: users too may wait for the ledger to follow.
    const lag = lagOf(redis, sql, what);
    // Awaited later, whatever comes before.
    lag.catch(() => undefined);
    await using stores = await openStoresOf(bed.servers.redisUrl, bed.servers.databaseUrl);
    const made: Acknowledged[] = [];
    const endedAt = (await timeIn(redis)) - (performance.now() - what.endedAt);
    const fresh = await makeFresh(stores, load, made);
    await moreEffects(load.users, EFFECTS);
    await load.stop();
    const due = await dueHolds({ redis, stores, what, made, first: fresh, endedAt });
    await endWhatIsSoonDue(redis, stores, made);
    const caughtUp = await lag;
    const sight = await sightOf(bed, sql, what.noted);
    const { lost } = sight;
    const isLost = ({ requestId }: Acknowledged): boolean => lost.requests.has(requestId);
    const all = [...what.earlier, ...load.acknowledged, ...made];
    const kept = all.filter((one) => !isLost(one));
    const gone = all.filter(isLost);
    const told = kept.filter((one) => !isAboutLost(one, lost));
    const { audited, broken, seen } = await examine({ ...bed.servers, acknowledged: told });
    const { movements, reservations, levels, acknowledged } = audited;
    const saw = `${movements} movements, ${levels} levels, ${reservations} reservations`;
    const mayLose = fault.mayLose === true;
    const rebuilds = lost.rebuilds - before.lost.rebuilds;
    const reads = { wentBack: load.wentBack, reads: load.reads - what.readsBefore };
    const hasLost = mayLose && lost.requests.size > before.lost.requests.size;
    const checks: Check[] = [
      faultWasThere(fault.witness, before, sight),
      ...due.checks,
      ledgerCatchesUp(caughtUp),
      ...[...broken].map(([name, found]) => ({
        name,
        saw: `${saw}, ${acknowledged} acknowledged`,
        seen: seen.get(name) ?? 0,
        broken: found,
      })),
      liveHoldsAreReserved(await invariants(redis).catch(String)),
      redisIsTheLedger(await compared(stores)),
      availableAddsUp(await stockSeen({ bed, redis, sql, productIds: load.everyProduct })),
      readsNeverGoBack({ ...reads, rebuilds, hasLost }),
      nothingIsStrange({ ...load, lost }),
      lossIsTrue({
        acknowledged: all.length,
        gone: gone.length,
        untrue: await falseReports(sql, gone),
        mayLose,
      }),
      everyProcessLives(processesOf(bed)),
    ];
    const lagMs = caughtUp.sinceFaultMs + (caughtUp.tookMs ?? Infinity);
    const onTheWay = newOnTheWay(before, sight);
    return { checks, kept, lost: gone.length, lagMs, lateMs: due.lateUntilMs, onTheWay };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

/** From now until the ledger has what Redis has now. */
async function lagOf(redis: Redis, sql: postgres.Sql, { fault, endedAt }: ToCheck): Promise<Lag> {
  const startedAt = performance.now();
  const since = (at: number): number => Math.round(performance.now() - at);
  const sinceFaultMs = since(endedAt);
  const withinMs = settlingOf(fault).lagMs;
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

/** Of the partition: Redis's, unless it went back. */
async function timeIn(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  const lastNow = Number(await redis.hget(metaKey(0), "lastNow"));
  return Math.max(Number(seconds) * 1_000 + Number(micros) / 1_000, lastNow);
}

/** Ids of holds of one second and some more. */
async function makeFresh(
  stores: Stores,
  { productIds: [productId = ""] }: BedLoad,
  made: Acknowledged[],
): Promise<ReadonlySet<string>> {
  const of = (seconds: number) =>
    makeHolds(stores, { productId, count: FRESH_HOLDS_EACH, seconds }, made);
  const holds = (await Promise.all(FRESH_SECONDS.map(of))).flat();
  return new Set(holds.map(({ reservationId }) => reservationId));
}

/**
 * The short holds of the load end, at the latest by a sweep; and soon after a fault those that are
 * made then end within a second of their due time, as ever.
 */
async function dueHolds(given: {
  readonly redis: Redis;
  readonly stores: Stores;
  readonly what: ToCheck;
  readonly made: Acknowledged[];
  /** Those that were made under load. */
  readonly first: ReadonlySet<string>;
  /** Of the fault, by the partition's time. */
  readonly endedAt: number;
}): Promise<{ readonly checks: readonly Check[]; readonly lateUntilMs: number }> {
  const { redis, stores, what, made, first, endedAt } = given;
  const { load, fault } = what;
  const withinMs = settlingOf(fault).onTimeMs;
  // Users may have needed long until they left: that is no time of theirs.
  const startedAt = performance.now();
  const tookMs = (): number => Math.round(performance.now() - startedAt);
  const isOther = (id: string): boolean => !first.has(id);
  const { lateMs, left } = await untilGone(redis);
  const meanwhile = {
    made: load.shortHolds,
    lateMs: new Map([...lateMs].filter(([id]) => isOther(id))),
    left: left.filter(isOther),
    withinMs: SWEPT_MS_MAX,
  };
  const rounds: Round[] = [await roundOf(stores, load, first, endedAt)];
  while ((rounds.at(-1)?.latestMs ?? 0) > PAST_DUE_MS_MAX && tookMs() <= withinMs + ROUNDS_MS_MAX) {
    const fresh = await makeFresh(stores, load, made);
    await untilGone(redis);
    rounds.push(await roundOf(stores, load, fresh, endedAt));
  }
  const checks = [
    whatFellDueEnded(meanwhile, fault.withoutShortHolds),
    endsArePunctual(rounds, withinMs),
  ];
  return { checks, lateUntilMs: lateUntil(rounds) };
}

/** By the ledger: when each of them was due, and when it was over. */
async function roundOf(
  stores: Stores,
  { productIds: [productId = ""] }: BedLoad,
  fresh: ReadonlySet<string>,
  endedAt: number,
): Promise<Round> {
  const ends = async () => (await endsOf(stores, productId)).filter(({ id }) => fresh.has(id));
  const ended = await until(
    async () => {
      const known = await ends();
      return known.length >= fresh.size && known;
    },
    { withinMs: ENDS_MS_MAX, what: "the ends are in the ledger" },
  ).catch(() => null);
  if (ended === null) return { holds: fresh.size, latestMs: Infinity, lateUntilMs: Infinity };
  const late = ended.filter(({ at, due }) => at - due > PAST_DUE_MS_MAX);
  return {
    holds: fresh.size,
    latestMs: Math.max(0, ...ended.map(({ at, due }) => Math.round(at - due))),
    lateUntilMs: Math.max(0, ...late.map(({ due }) => Math.round(due - endedAt))),
  };
}

/** How long past its due time each short hold was still seen alive, and which are alive for good. */
async function untilGone(redis: Redis) {
  const lateMs = new Map<string, number>();
  let left: readonly string[] = [];
  // Later ones may be of users, who let some of theirs run out.
  const dueBefore = (await timeIn(redis)) + SHORT_MS_MAX;
  const areGone = async (): Promise<boolean> => {
    const now = await timeIn(redis);
    const short = await dueOf(redis, dueBefore);
    for (const { reservationId, expiresAt } of short) {
      if (now > expiresAt) lateMs.set(reservationId, Math.round(now - expiresAt));
    }
    left = short.map(({ reservationId }) => reservationId);
    return left.length === 0;
  };
  await until(areGone, { withinMs: SWEPT_MS_MAX, what: "every short hold has ended" }).catch(
    () => undefined,
  );
  return { lateMs, left };
}

/** Live holds that end before then. */
async function dueOf(redis: Redis, before: number) {
  return (await recordsOf(redis, 1)).flatMap((hold) =>
    hold.status === "ACTIVE" && hold.expiresAt !== null && hold.expiresAt < before
      ? [{ ...hold, expiresAt: hold.expiresAt }]
      : [],
  );
}

/** A hold that came due while it is looked at would be seen live here, and ended there. */
async function endWhatIsSoonDue(redis: Redis, stores: Stores, made: Acknowledged[]): Promise<void> {
  const soon = await dueOf(redis, (await timeIn(redis)) + LOOKS_MS_MAX);
  await Promise.all(soon.map((hold) => cancelHold(stores, hold, made)));
}

/** What `bun run verify` says. */
const compared = ({ redis, sql, storeId }: Stores): Promise<ReconcileReport> =>
  reconcile({
    stock: createReconcileStock({ redis, partitions: 1, storeId }),
    ledger: createReconcileLedger(sql),
    clock: steadyClock,
    scope: { kind: "all" },
    onProgress: () => undefined,
  });

const processesOf = ({ apis, workers }: Bed) =>
  [...apis, ...workers].map(({ name, service }) => ({
    name,
    hasExited: service.hasExited(),
    output: service.hasExited() ? service.output().slice(-2_000) : "",
  }));

/** Reads what there is when a fault is over and nobody asks for anything any more, and holds it to every law. */
import { Redis } from "ioredis";
import postgres from "postgres";
import { examine, type Acknowledged } from "#test/audit";
import { moreEffects } from "#test/effects";
import { invariants } from "#test/invariants";
import { falseReports, isAboutLost } from "#test/lost";
import { openStoresOf } from "#test/stores";
import type { Bed } from "#faults/bed";
import { compared } from "#faults/compared";
import {
  endWhatIsDueWithin,
  makeFresh,
  SWEPT_MS_MAX,
  timeIn,
  untilGone,
  untilInTime,
  type FreshHolds,
} from "#faults/due-holds";
import { settlingOf, type Fault } from "#faults/fault";
import { lagMsOf, lagOf } from "#faults/lag";
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
  readsNeverGoBack,
  redisIsTheLedger,
  whatFellDueEnded,
  type Check,
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

/** Under load behind the fault, before all is looked at. */
const EFFECTS = 40;
/** Longer than all of it takes. */
const LOOKS_MS_MAX = 60_000;

/** To be called when all is served again. Lets the load have some more effects, and stops it. */
export async function check(what: ToCheck): Promise<Checked> {
  const { bed, fault, load, before } = what;
  const redis = new Redis(bed.servers.redisUrl);
  const sql = postgres(bed.servers.databaseUrl, { max: 2, onnotice: () => {} });
  try {
    // Beside all other waits, which are no part of it: users too may wait for the ledger to follow.
    const withinMs = settlingOf(fault).lagMs;
    const lag = lagOf({ redis, sql, endedAt: what.endedAt, withinMs });
    // Awaited later, whatever comes before.
    lag.catch(() => undefined);
    await using stores = await openStoresOf(bed.servers.redisUrl, bed.servers.databaseUrl);
    const made: Acknowledged[] = [];
    const endedAt = (await timeIn(redis)) - (performance.now() - what.endedAt);
    const [productId = ""] = load.productIds;
    const first = await makeFresh(stores, productId, made);
    await moreEffects(load.users, EFFECTS);
    await load.stop();
    const due = await dueHolds(what, { redis, stores, productId, made, first, endedAt });
    await endWhatIsDueWithin(LOOKS_MS_MAX, { redis, stores, made });
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
    const urls = bed.apis.map(({ service }) => service.url);
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
      availableAddsUp(await stockSeen({ urls, redis, sql, productIds: load.everyProduct })),
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
    const lagMs = lagMsOf(caughtUp);
    const onTheWay = newOnTheWay(before, sight);
    return { checks, kept, lost: gone.length, lagMs, lateMs: due.lateUntilMs, onTheWay };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

/**
 * The short holds of the load end, at the latest by a sweep; and soon after a fault those that are
 * made then end within a second of their due time, as ever.
 */
async function dueHolds({ load, fault }: ToCheck, fresh: Omit<FreshHolds, "withinMs">) {
  const isOther = (id: string): boolean => !fresh.first.has(id);
  const { lateMs, left } = await untilGone(fresh.redis);
  const meanwhile = {
    made: load.shortHolds,
    lateMs: new Map([...lateMs].filter(([id]) => isOther(id))),
    left: left.filter(isOther),
    withinMs: SWEPT_MS_MAX,
  };
  const withinMs = settlingOf(fault).onTimeMs;
  const rounds = await untilInTime({ ...fresh, withinMs });
  const checks = [
    whatFellDueEnded(meanwhile, fault.withoutShortHolds),
    endsArePunctual(rounds, withinMs),
  ];
  return { checks, lateUntilMs: lateUntil(rounds) };
}

const processesOf = ({ apis, workers }: Bed) =>
  [...apis, ...workers].map(({ name, service }) => ({
    name,
    hasExited: service.hasExited(),
    output: service.hasExited() ? service.output().slice(-2_000) : "",
  }));

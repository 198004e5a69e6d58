/** One fault, from before it begins until all that must hold was looked at. */
import postgres from "postgres";
import type { Acknowledged } from "#test/audit";
import { Caller } from "#test/caller";
import { moreEffects } from "#test/effects";
import { Random } from "#test/random";
import { tokenOf } from "#test/service";
import { until } from "#test/until";
import { randomId } from "#lib/ids";
import type { Bed } from "#faults/bed";
import { check } from "#faults/checks";
import type { Check } from "#faults/laws";
import type { Step } from "#faults/plan";
import { startBedLoad, type LoadLike } from "#faults/load";
import { sightOf, type Sight } from "#faults/witness";

/** Before the fault. */
const EFFECTS = 40;
const SERVED_MS_MAX = 10_000;
/** A rebuild asks twice, 5 s apart, whether another server is in use. */
const REBUILT_MS_MAX = 30_000;

/** A bed with all that was acknowledged on it since it was made. */
export interface Life {
  readonly bed: Bed;
  acknowledged: readonly Acknowledged[];
}

export interface Survived {
  readonly checks: readonly Check[];
  readonly acknowledged: number;
  /** From the end of the fault until each API served a change, and all processes were ready. */
  readonly servedMs: number;
  readonly wholeMs: number;
  /** And until the ledger had all, and until nothing ended late any more. */
  readonly lagMs: number;
  readonly lateMs: number;
  readonly lostReported: number;
  /** Requests that did not simply pass, by what happened to them. */
  readonly onTheWay: string;
}

export interface How {
  readonly load?: LoadLike;
  /** Of `performance.now()`: the load runs until then before the fault begins. */
  readonly notBefore?: number;
}

/** What does not hold is in its checks; it rejects where it could not be looked at. */
export async function survive(
  life: Life,
  { fault, seed }: Step,
  { load: like = {}, notBefore = 0 }: How = {},
): Promise<Survived> {
  const { bed } = life;
  const random = new Random(seed);
  const withShortHolds = fault.withoutShortHolds === undefined;
  const withoutLedger = fault.withoutLedger === true;
  const before = await sightNow(bed);
  const lastsMs = random.whole(fault.lastsMs[0], fault.lastsMs[1] + 1);
  const ofLoad = { seed: random.seed(), withShortHolds, withoutLedger, like };
  // What begins may draw as often as requests come.
  const ofFault = new Random(random.seed());
  const load = await startBedLoad(bed, ofLoad);
  try {
    await moreEffects(load.users, EFFECTS);
    await untilThen(notBefore);
    let noted = 0;
    const readsBefore = load.reads;
    const saw = (times: number): void => void (noted += times);
    const end = await fault.begin({ bed, load, random: ofFault, saw });
    await untilThen(performance.now() + lastsMs);
    await end?.();
    const endedAt = performance.now();
    const sinceMs = (): number => Math.round(performance.now() - endedAt);
    const withinMs = fault.mayLose === true ? REBUILT_MS_MAX : SERVED_MS_MAX;
    await Promise.all(bed.apis.map(({ service }) => served(service.url, withinMs)));
    const servedMs = sinceMs();
    const services = [...bed.apis, ...bed.workers].map(({ service }) => service);
    await Promise.all(services.map((service) => service.ready()));
    const wholeMs = sinceMs();
    const earlier = life.acknowledged;
    const what = { bed, fault, load, earlier, before, noted, endedAt, readsBefore };
    const { checks, kept, lost, lagMs, lateMs, onTheWay } = await check(what);
    life.acknowledged = kept;
    const acknowledged = load.acknowledged.length;
    return {
      checks,
      acknowledged,
      servedMs,
      wholeMs,
      lagMs,
      lateMs,
      lostReported: lost,
      onTheWay,
    };
  } finally {
    await load.stop();
  }
}

async function untilThen(at: number): Promise<void> {
  const leftMs = Math.max(0, at - performance.now());
  await until(() => performance.now() >= at, {
    withinMs: leftMs + 1_000,
    what: `${Math.round(leftMs)} ms have passed`,
  });
}

/** A change of its own, again and again until it is done. */
async function served(url: string, withinMs: number): Promise<void> {
  const caller = new Caller(url);
  const token = await tokenOf("admin", "administrator");
  const id = `served-${randomId(8)}`;
  const body = { productId: id, sku: id, initialStock: 1 };
  const request = { method: "POST", path: "/initialize", token, body, key: id } as const;
  const requestId = randomId(16);
  await until(async () => (await caller.attempt(request, requestId))?.status === 201, {
    withinMs,
    what: "an API serves a change",
  });
}

async function sightNow(bed: Bed): Promise<Sight> {
  const sql = postgres(bed.servers.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await sightOf(bed, sql, 0);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

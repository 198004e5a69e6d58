/** Holds that fall due at a fault and after it, and how long past their due time they were alive. */
import type { Redis } from "ioredis";
import type { Stores } from "#compose/stores";
import { metaKey } from "#redis/keys";
import { recordsOf, type Acknowledged } from "#test/audit";
import { cancelHold, endsOf, makeHolds } from "#test/short-holds";
import { until } from "#test/until";
import { PAST_DUE_MS_MAX, type Round } from "#faults/laws";

/** What nobody was woken for waits for a sweep, every 5 s. */
export const SWEPT_MS_MAX = 8_000;
/**
 * Fresh holds are due in as many seconds, one after the other. Two workers sweep, each every 5 s:
 * what nobody was woken for cannot be in time in three of them.
 */
const FRESH_SECONDS = [1, 2, 3] as const;
const FRESH_HOLDS_EACH = 4;
const ENDS_MS_MAX = 10_000;
/** After the time in which holds must be in time: a round of them takes some seconds. */
const ROUNDS_MS_MAX = 20_000;
/** A short hold lasts at most three seconds, to the end of that second. */
const SHORT_MS_MAX = 5_000;

/** Of the partition: Redis's, unless it went back. */
export async function timeIn(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  const lastNow = Number(await redis.hget(metaKey(0), "lastNow"));
  return Math.max(Number(seconds) * 1_000 + Number(micros) / 1_000, lastNow);
}

/** Ids of holds of as many seconds. */
export async function makeFresh(
  stores: Stores,
  productId: string,
  made: Acknowledged[],
  seconds: readonly number[] = FRESH_SECONDS,
): Promise<ReadonlySet<string>> {
  const of = (one: number) =>
    makeHolds(stores, { productId, count: FRESH_HOLDS_EACH, seconds: one }, made);
  const holds = (await Promise.all(seconds.map(of))).flat();
  return new Set(holds.map(({ reservationId }) => reservationId));
}

export interface FreshHolds {
  readonly redis: Redis;
  readonly stores: Stores;
  readonly productId: string;
  readonly made: Acknowledged[];
  /** Those that were made under load. */
  readonly first: ReadonlySet<string>;
  /** Of the fault, by the partition's time. */
  readonly endedAt: number;
  /** How long after it all must be in time. */
  readonly withinMs: number;
}

/** Round after round of fresh holds, the first under load, until those of one were in time. */
export async function untilInTime(holds: FreshHolds): Promise<readonly Round[]> {
  const { redis, stores, productId, made, first, endedAt, withinMs } = holds;
  // Users may have needed long until they left: that is no time of theirs.
  const startedAt = performance.now();
  const tookMs = (): number => performance.now() - startedAt;
  const rounds: Round[] = [await roundOf(stores, productId, first, endedAt)];
  while ((rounds.at(-1)?.latestMs ?? 0) > PAST_DUE_MS_MAX && tookMs() <= withinMs + ROUNDS_MS_MAX) {
    const fresh = await makeFresh(stores, productId, made);
    await untilGone(redis);
    rounds.push(await roundOf(stores, productId, fresh, endedAt));
  }
  return rounds;
}

/** By the ledger: when each of them was due, and when it was over. */
async function roundOf(
  stores: Stores,
  productId: string,
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
export async function untilGone(redis: Redis) {
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

/** A hold that came due while all is looked at would be seen live here, and ended there. */
export async function endWhatIsDueWithin(
  ms: number,
  { redis, stores, made }: Pick<FreshHolds, "redis" | "stores" | "made">,
): Promise<void> {
  const soon = await dueOf(redis, (await timeIn(redis)) + ms);
  await Promise.all(soon.map((hold) => cancelHold(stores, hold, made)));
}

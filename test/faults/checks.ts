/** What must hold when a fault is over and nobody asks for anything any more: by name, with what was seen. */
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { metaKey } from "#redis/keys";
import { examine, recordsOf, type Acknowledged } from "#test/audit";
import { Caller } from "#test/caller";
import { invariants } from "#test/invariants";
import { reported, type Reported } from "#test/lost";
import { tokenOf } from "#test/service";
import { cancelHold, makeHolds } from "#test/short-holds";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import type { Fault } from "#faults/fault";
import type { BedLoad } from "#faults/load";

export interface Check {
  readonly name: string;
  /** In words, with numbers: a check that saw nothing has checked nothing. */
  readonly saw: string;
  readonly broken: readonly string[];
}

export interface Checked {
  readonly checks: readonly Check[];
  /** Acknowledged now and earlier, less what was reported as lost. */
  readonly kept: readonly Acknowledged[];
  readonly lost: number;
}

export interface ToCheck {
  readonly bed: Bed;
  readonly fault: Fault;
  readonly load: BedLoad;
  /** Since the bed was made, before this fault. */
  readonly earlier: readonly Acknowledged[];
  readonly before: Reported;
}

const PAST_DUE_MS_MAX = 1_000;
/** What nobody was woken for waits for a sweep, every 5 s. */
const SWEPT_MS_MAX = 12_000;
/** After a fault connections that BullMQ waits on may be dead for some seconds more. */
const PUNCTUAL_MS_MAX = 20_000;
const FRESH_HOLDS = 10;
/** A short hold lasts at most two seconds. */
const SHORT_MS_MAX = 4_000;
/** Longer than all of it takes. */
const LOOKS_MS_MAX = 60_000;

export async function check(what: ToCheck): Promise<Checked> {
  const { bed, load } = what;
  const redis = new Redis(bed.servers.redisUrl);
  const sql = postgres(bed.servers.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const { check: due, made } = await nothingIsAlivePastDue(redis, what);
    await endWhatIsSoonDue(redis, what, made);
    const lost = await reported(sql);
    const isLost = ({ requestId }: Acknowledged): boolean => lost.requests.has(requestId);
    const now = [...load.acknowledged, ...made];
    const kept = [...what.earlier, ...now].filter((one) => !isLost(one));
    const gone = [...what.earlier, ...now].filter(isLost);
    const told = kept.filter((one) => !isAboutLost(one, lost));
    const { audited, broken } = await examine({ ...bed.servers, acknowledged: told });
    const laws = [...broken].map(([name, found]) => {
      const { movements, reservations, levels, acknowledged } = audited;
      const saw = `${movements} movements, ${levels} levels, ${reservations} reservations`;
      return { name, saw: `${saw}, ${acknowledged} acknowledged`, broken: found };
    });
    const checks = [
      due,
      { name: "the ledger lags by 0 within 10 s", saw: `${audited.drainedInMs} ms`, broken: [] },
      ...laws,
      await liveHoldsAreReserved(redis),
      await availableAddsUp(bed, load.productIds),
      readsNeverGoBack(what, lost),
      nothingIsStrange(what, lost),
      await lossIsTrue(sql, what, gone),
      everyProcessLives(bed),
    ];
    return { checks, kept, lost: gone.length };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

/** A hold that lost its confirmed part gives back all of it: how much is not what its caller thinks. */
const isAboutLost = ({ reservationId }: Acknowledged, { subjects }: Reported): boolean =>
  typeof reservationId === "string" && subjects.includes(reservationId.split("-")[1] ?? "");

/** Of the partition: Redis's, unless it went back. */
async function timeIn(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  const lastNow = Number(await redis.hget(metaKey(0), "lastNow"));
  return Math.max(Number(seconds) * 1_000 + Number(micros) / 1_000, lastNow);
}

/**
 * The short holds of the load end, at the latest by a sweep; and soon after a fault those that are
 * made then end within a second of their due time, as ever.
 */
async function nothingIsAlivePastDue(redis: Redis, what: ToCheck) {
  const name = "nothing is alive 1 s past its due time";
  const made: Acknowledged[] = [];
  const startedAt = performance.now();
  for (let rounds = 1; ; rounds += 1) {
    const lateMs = await lateUntilGone(redis);
    const saw = `${what.load.shortHolds} short holds, the latest ended ${lateMs} ms late`;
    const words = rounds === 1 ? saw : `${saw} in round ${rounds}`;
    if (lateMs <= PAST_DUE_MS_MAX) return { check: { name, saw: words, broken: [] }, made };
    if (performance.now() - startedAt > PUNCTUAL_MS_MAX) {
      return { check: { name, saw: words, broken: [`${lateMs} ms late`] }, made };
    }
    await makeShortHolds(what, made);
  }
}

/** How long past its due time any short hold was still seen alive, in milliseconds. */
async function lateUntilGone(redis: Redis): Promise<number> {
  let lateMs = 0;
  // Later ones may be of users, who let some of theirs run out.
  const dueBefore = (await timeIn(redis)) + SHORT_MS_MAX;
  const areGone = async (): Promise<boolean> => {
    const now = await timeIn(redis);
    const short = (await recordsOf(redis, 1)).flatMap(({ status, expiresAt }) =>
      status === "ACTIVE" && expiresAt !== null && expiresAt < dueBefore ? [now - expiresAt] : [],
    );
    lateMs = Math.max(lateMs, ...short);
    return short.length === 0;
  };
  await until(areGone, { withinMs: SWEPT_MS_MAX, what: "every short hold has ended" });
  return Math.round(lateMs);
}

async function makeShortHolds({ bed, load }: ToCheck, made: Acknowledged[]): Promise<void> {
  const { redisUrl, databaseUrl } = bed.servers;
  await using stores = await openStoresOf(redisUrl, databaseUrl);
  const [productId = ""] = load.productIds;
  await makeHolds(stores, { productId, count: FRESH_HOLDS, seconds: 1 }, made);
}

/** A hold that came due while it is looked at would be seen live here, and ended there. */
async function endWhatIsSoonDue(
  redis: Redis,
  { bed }: ToCheck,
  made: Acknowledged[],
): Promise<void> {
  const dueBefore = (await timeIn(redis)) + LOOKS_MS_MAX;
  const soon = (await recordsOf(redis, 1)).filter(
    ({ status, expiresAt }) => status === "ACTIVE" && expiresAt !== null && expiresAt < dueBefore,
  );
  if (soon.length === 0) return;
  const { redisUrl, databaseUrl } = bed.servers;
  await using stores = await openStoresOf(redisUrl, databaseUrl);
  await Promise.all(soon.map((hold) => cancelHold(stores, hold, made)));
}

async function liveHoldsAreReserved(redis: Redis): Promise<Check> {
  const name = "live holds are what is reserved";
  try {
    const { products, levels, holds, movements } = await invariants(redis);
    const saw = `${products} products, ${levels} levels, ${holds} holds, ${movements} movements`;
    return { name, saw: `${saw} in the journal`, broken: [] };
  } catch (error) {
    return { name, saw: "Redis by itself", broken: String(error).split("\n") };
  }
}

const Read = z.looseObject({
  availableStock: z.int(),
  reservedStock: z.int(),
  totalStock: z.int(),
  safetyStock: z.int(),
  version: z.int(),
  locations: z.array(z.looseObject({ onHand: z.int(), reserved: z.int() })),
});

async function availableAddsUp(bed: Bed, productIds: readonly string[]): Promise<Check> {
  const token = await tokenOf("admin", "administrator");
  const broken: string[] = [];
  const callers = bed.apis.map(({ service }) => new Caller(service.url));
  for (const productId of productIds) {
    const reads = [];
    for (const caller of callers) {
      const { body } = await caller.call({ method: "GET", path: `/product/${productId}`, token });
      const read = Read.safeParse(body);
      if (!read.success) broken.push(`${productId} reads ${JSON.stringify(body)}`);
      else reads.push(read.data);
    }
    for (const read of reads) {
      const { totalStock: onHand, reservedStock: reserved, availableStock: available } = read;
      const sums = [sumOf(read.locations, "onHand"), sumOf(read.locations, "reserved")];
      const isRight = Math.max(0, onHand - reserved - read.safetyStock) === available;
      const isSum = onHand === sums[0] && reserved === sums[1];
      const isSame = Bun.deepEquals(read, reads[0]);
      if (!isRight || !isSum || !isSame) broken.push(`${productId} reads ${JSON.stringify(reads)}`);
    }
  }
  const saw = `${productIds.length} products, each by ${callers.length} APIs`;
  return { name: "available is on hand less reserved less safety", saw, broken };
}

const sumOf = <Name extends string>(
  all: readonly Readonly<Record<Name, number>>[],
  name: Name,
): number => all.reduce((sum, one) => sum + one[name], 0);

/** A version that was lost, and reported, may come again. */
function readsNeverGoBack({ fault, load, before }: ToCheck, lost: Reported): Check {
  const hasLost = fault.mayLose === true && lost.requests.size > before.requests.size;
  const rebuilds = lost.rebuilds - before.rebuilds;
  const allowed = hasLost ? rebuilds * load.productIds.length : 0;
  const broken = load.wentBack.length > allowed ? load.wentBack : [];
  const saw = `${load.reads} reads, ${load.wentBack.length} of lost versions`;
  return { name: "reads never go back", saw, broken };
}

/** Who goes on with what was lost hears that it is not there; nobody else hears such a thing. */
function nothingIsStrange({ load }: ToCheck, lost: Reported): Check {
  const isExplained = (text: string): boolean => lost.subjects.some((id) => text.includes(id));
  const broken = load.strange.filter((text) => !isExplained(text));
  const saw = `refused or unanswered and repeated: ${JSON.stringify(load.refusals)}`;
  return { name: "no caller hears what it should not", saw, broken };
}

async function lossIsTrue(
  sql: postgres.Sql,
  { fault }: ToCheck,
  gone: readonly Acknowledged[],
): Promise<Check> {
  const ids = gone.map(({ requestId }) => requestId);
  const there = await sql`SELECT seq, request_id FROM movements WHERE request_id = ANY(${ids})`;
  const broken = there.map((row) => `${row["request_id"]} is movement ${row["seq"]}, not lost`);
  if (ids.length > 0 && fault.mayLose !== true) broken.push(`${ids.length} were reported as lost`);
  return { name: "what is gone was reported by id", saw: `${ids.length} reported`, broken };
}

function everyProcessLives({ apis, workers }: Bed): Check {
  const all = [...apis, ...workers];
  const broken = all
    .filter(({ service }) => service.hasExited())
    .map(({ name, service }) => `${name} ended by itself:\n${service.output().slice(-2_000)}`);
  return { name: "every process lives", saw: `${all.length} processes`, broken };
}

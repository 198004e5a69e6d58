/** What must hold when a fault is over, each as a function of what was read: nothing here waits or asks. */
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { isOfLost, type Reported } from "#test/lost";
import type { WentBack } from "#test/readers";
import { timesOf, type Sight, type Witness } from "#faults/witness";

export interface Check {
  readonly name: string;
  /** In words, with numbers. */
  readonly saw: string;
  /** Of what it is about: a check that saw nothing has checked nothing. */
  readonly seen: number;
  /** Why there may be nothing to see, where there may. */
  readonly unseen?: string;
  readonly broken: readonly string[];
}

/** What speaks against it; empty where it holds. */
export const failuresOf = ({ broken, seen, unseen }: Check): readonly string[] =>
  broken.length === 0 && seen === 0 && unseen === undefined ? ["it saw nothing"] : broken;

export interface Lag {
  /** Movements that the ledger lacked when all was served again, and how many there were in all. */
  readonly behind: number;
  readonly movements: number;
  /** From then until it had these; null: it had not when the time was over. */
  readonly tookMs: number | null;
  readonly sinceFaultMs: number;
  /** From the end of the fault. */
  readonly withinMs: number;
}

export function ledgerCatchesUp(lag: Lag): Check {
  const { behind, movements, tookMs, sinceFaultMs, withinMs } = lag;
  const afterMs = tookMs === null ? null : sinceFaultMs + tookMs;
  const after = afterMs === null ? `more than ${withinMs} ms` : `${afterMs} ms`;
  const isInTime = afterMs !== null && afterMs <= withinMs;
  return {
    name: "soon after the fault the ledger has what there was",
    saw: `${behind} of ${movements} movements behind ${sinceFaultMs} ms after it, none ${after} after it`,
    seen: movements,
    broken: isInTime ? [] : [`it had them ${after} after it, not within ${withinMs} ms`],
  };
}

export interface Ends {
  /** Holds that fell due while the load ran. */
  readonly made: number;
  /** Of those that were alive past their due time: how long, in milliseconds. */
  readonly lateMs: ReadonlyMap<string, number>;
  /** Those that were alive when the time was over. */
  readonly left: readonly string[];
  readonly withinMs: number;
}

/** Nobody may have been woken for them: then a sweep ends them. */
export function whatFellDueEnded(ends: Ends, unseen?: string): Check {
  const { made, lateMs, left, withinMs } = ends;
  const latest = Math.max(0, ...lateMs.values());
  return {
    name: "what fell due meanwhile has ended by a sweep",
    saw: `${made} short holds, the latest was ${latest} ms late`,
    seen: made,
    ...(unseen === undefined ? {} : { unseen }),
    broken: left.map((id) => `${id} is alive ${lateMs.get(id)} ms late, ${withinMs} ms afterwards`),
  };
}

export const PAST_DUE_MS_MAX = 1_000;

/** Fresh holds, due one after the other. */
export interface Round {
  readonly holds: number;
  readonly latestMs: number;
  /** When the last one that ended more than a second late was due: so long after the fault. */
  readonly lateUntilMs: number;
}

/** Round after round of them, until those of one were in time. */
export function endsArePunctual(rounds: readonly Round[], withinMs: number): Check {
  const last = rounds.at(-1);
  const isLate = last === undefined || last.latestMs > PAST_DUE_MS_MAX;
  const words = rounds.map(({ latestMs }) => `${latestMs} ms`).join(", ");
  const untilMs = lateUntil(rounds);
  const isBroken = isLate || untilMs > withinMs;
  return {
    name: "soon after the fault nothing is alive 1 s past its due time",
    saw: `${last?.holds ?? 0} holds in each of ${rounds.length} rounds, late by ${words}: until ${untilMs} ms after it`,
    seen: last?.holds ?? 0,
    broken: isBroken ? [`late by ${words}, until ${untilMs} ms after it, not ${withinMs} ms`] : [],
  };
}

export const lateUntil = (rounds: readonly Round[]): number =>
  Math.max(0, ...rounds.map(({ lateUntilMs }) => lateUntilMs));

/** What Redis was by itself, or what its invariants said. */
export function liveHoldsAreReserved(found: Seen | string): Check {
  const name = "live holds are what is reserved";
  if (typeof found === "string") {
    return { name, saw: "Redis by itself", seen: 1, broken: found.split("\n") };
  }
  return { name, saw: `${wordsOf(found)} in the journal`, seen: leastOf(found), broken: [] };
}

/**
 * The product's own comparison of both. A claim of an SKU comes before its product: one whose caller
 * died in between, or whose product was lost, is left, and whoever wants the SKU takes it over.
 */
export function redisIsTheLedger(
  report: Pick<ReconcileReport, "differences" | "differenceCount" | "quarantined"> & {
    readonly checked: Seen;
  },
): Check {
  const { checked, differences, differenceCount, quarantined } = report;
  const others = differences.filter(({ kind, ledger }) => kind !== "sku" || ledger !== null);
  const broken = others.map((one) => JSON.stringify(one));
  if (differenceCount > differences.length) broken.push(`${differenceCount} in all`);
  if (quarantined > 0) broken.push(`${quarantined} movements are in quarantine`);
  const name = "a comparison finds no difference";
  const left = differences.length - others.length;
  const saw = `${wordsOf(checked)}, ${left} claims without a product`;
  return { name, saw, seen: leastOf(checked), broken };
}

interface Seen {
  readonly products: number;
  readonly levels: number;
  readonly holds: number;
  readonly movements: number;
}

const wordsOf = ({ products, levels, holds, movements }: Seen): string =>
  `${products} products, ${levels} levels, ${holds} holds, ${movements} movements`;

const leastOf = ({ products, levels, holds, movements }: Seen): number =>
  Math.min(products, levels, holds, movements);

/** A product as one place has it. */
export interface Stock {
  readonly onHand: number;
  readonly reserved: number;
  readonly safetyStock: number;
  /** `name=value` of all else that is known there, sorted. */
  readonly fields: readonly string[];
  /** `location on hand/reserved`, sorted. */
  readonly levels: readonly string[];
}

export interface StockSeen {
  readonly productId: string;
  /** By each API, with what it says itself and what its locations sum up to. */
  readonly apis: readonly (Stock & { readonly available: number; readonly sums: string })[];
  readonly redis: Stock;
  readonly ledger: Stock;
}

/** What is held back as safety stock was sold by nobody: there is no zero to hide behind. */
export function availableAddsUp(all: readonly StockSeen[]): Check {
  const broken = all.flatMap(({ productId, apis, redis, ledger }) => [
    ...apis.flatMap(({ available, sums, ...api }) => {
      const { onHand, reserved, safetyStock } = api;
      const free = onHand - reserved - safetyStock;
      return [
        ...(free === available ? [] : [`${productId}: ${available} available, ${free} free`]),
        ...(sums === `${onHand}/${reserved}` ? [] : [`${productId}: its locations have ${sums}`]),
        ...differences(productId, "an API", api, redis),
      ];
    }),
    ...differences(productId, "the ledger", ledger, redis),
  ]);
  const reads = all.reduce((sum, { apis }) => sum + apis.length, 0);
  const held = all.filter(({ redis }) => redis.safetyStock > 0).length;
  return {
    name: "available is on hand less reserved less safety",
    saw: `${all.length} products, ${held} with safety stock, ${reads} reads by APIs`,
    seen: Math.min(reads, held),
    broken,
  };
}

const differences = (productId: string, where: string, one: Stock, redis: Stock): string[] =>
  Bun.deepEquals(one, redis)
    ? []
    : [`${productId}: ${where} has ${JSON.stringify(one)}, Redis ${JSON.stringify(redis)}`];

export interface ReadsSeen {
  /** Since the fault began. */
  readonly reads: number;
  readonly wentBack: readonly WentBack[];
  /** As long. */
  readonly rebuilds: number;
  /** Something was reported as lost, and might have been. */
  readonly hasLost: boolean;
}

/** A version that was lost, and reported, may come again: once for each product and rebuild. */
export function readsNeverGoBack({ reads, wentBack, rebuilds, hasLost }: ReadsSeen): Check {
  const allowed = hasLost ? rebuilds : 0;
  const broken = [...Map.groupBy(wentBack, ({ productId }) => productId).values()]
    .flatMap((ofOne) => ofOne.slice(allowed))
    .map(({ productId, version, after }) => `${productId}: version ${version} after ${after}`);
  const saw = `${reads} reads, ${wentBack.length} of lost versions in ${rebuilds} rebuilds`;
  return { name: "reads never go back", saw, seen: reads, broken };
}

export interface AnswersSeen {
  readonly answers: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly strange: readonly string[];
  readonly lost: Pick<Reported, "requests" | "subjects" | "known">;
}

/** Who goes on with what was lost hears that it is not there; nobody else hears such a thing. */
export function nothingIsStrange({ answers, refusals, strange, lost }: AnswersSeen): Check {
  const broken = strange.filter((text) => !isOfLost(text, lost));
  const told = `${answers} answers, ${strange.length} about what was lost`;
  const saw = `${told}; refused or unanswered and repeated: ${JSON.stringify(refusals)}`;
  return { name: "no caller hears what it should not", saw, seen: answers, broken };
}

export interface LossSeen {
  readonly acknowledged: number;
  /** Reported as lost. */
  readonly gone: number;
  /** What reports say that is not so. */
  readonly untrue: readonly string[];
  readonly mayLose: boolean;
}

export function lossIsTrue({ acknowledged, gone, untrue, mayLose }: LossSeen): Check {
  const broken = [...untrue];
  if (gone > 0 && !mayLose) broken.push(`${gone} were reported as lost`);
  const saw = `${gone} of ${acknowledged} reported`;
  return { name: "what is gone was reported by id", saw, seen: acknowledged, broken };
}

export interface ProcessSeen {
  readonly name: string;
  readonly hasExited: boolean;
  readonly output: string;
}

export function everyProcessLives(all: readonly ProcessSeen[]): Check {
  const broken = all
    .filter(({ hasExited }) => hasExited)
    .map(({ name, output }) => `${name} ended by itself:\n${output}`);
  return { name: "every process lives", saw: `${all.length} processes`, seen: all.length, broken };
}

export function faultWasThere(witness: Witness, before: Sight, now: Sight): Check {
  const times = Object.entries(timesOf(witness, before, now));
  const saw = times.map(([what, n]) => `${what} ${n}`).join(", ");
  const seen = Math.max(0, Math.min(...times.map(([, n]) => n)));
  return { name: "the fault did its harm", saw, seen, broken: [] };
}

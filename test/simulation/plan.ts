/** What one run is like: how much of what goes wrong. Drawn from the seed, before it begins. */
import type { Random } from "#test/random";

/** Runs begin with a quiet time in which products are made. */
export const CHAOS_FROM_MS = 300;

/** The longest life of a hold, from when it was made. */
export const HOLD_SECONDS_MAX = 6;

/** What can go wrong, each by itself; most runs have a few of them. */
export const FAULTS = [
  "cut",
  "silence",
  "redis restarts",
  "redis older",
  "redis empty",
  "redis full",
  "redis clock",
  "ledger away",
  "ledger fails",
  "api dies",
  "worker dies",
  "dies in a turn",
  "pause",
  "sleeps through a loss",
  "jobs lost",
  "answers lost",
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Plan {
  readonly apis: number;
  readonly workers: number;
  readonly products: number;
  readonly stock: number;
  readonly clients: number;
  /** What most of them do; null: this and that. */
  readonly fashion: "adjust" | "sell" | "reserve" | null;
  readonly operations: number;
  readonly chaosMs: number;
  /** What of a sale there is besides: a limit with a name, a campaign, a line of who waits. */
  readonly hasLimit: boolean;
  readonly hasCampaign: boolean;
  readonly hasLine: boolean;
  /** Milliseconds from the beginning. */
  readonly faults: readonly { readonly at: number; readonly kind: FaultKind }[];
  /** How often an answer of the service does not reach its caller, until nothing goes wrong any more. */
  readonly lostAnswers: number;
  readonly skewMs: () => number;
}

/** Kinds of one run. */
const KINDS_MAX = 4;
const EACH_MAX = 3;
/** How many runs have each part of a sale: what a run does not have costs it nothing. */
const LIMITED = 0.15;
const CAMPAIGNS = 0.15;
const LINES = 0.15;
/** Few: who may buy at once waits for nothing. */
const STOCK_IN_LINE_MAX = 4;

export function planOf(random: Random): Plan {
  const chaosMs = 2_500 + random.next() * 5_000;
  const isCalm = random.next() < 0.1;
  const drawn = random.shuffled(FAULTS).slice(0, random.whole(1, KINDS_MAX + 1));
  // A bad network goes with everything: what is sent twice, late or never is what this is about.
  if (random.next() < 0.5) drawn.push(random.pick(["cut", "silence"] as const));
  const kinds = isCalm ? [] : drawn;
  const faults = kinds.flatMap((kind) =>
    Array.from({ length: random.whole(1, EACH_MAX + 1) }, () => {
      return { at: CHAOS_FROM_MS + random.next() * chaosMs, kind };
    }),
  );
  // Many callers at once fill batches, and what waits for a server that is away.
  const isCrowd = random.next() < 0.25;
  const hasLine = random.next() < LINES;
  const isSkewed = random.next() < 0.3;
  return {
    apis: isCrowd ? 1 : 2,
    workers: random.whole(1, 3),
    products: random.whole(1, 3),
    stock: hasLine ? random.whole(1, STOCK_IN_LINE_MAX + 1) : random.whole(2, 16),
    clients: isCrowd ? random.whole(8, 15) : random.whole(2, 6),
    fashion: isCrowd ? random.pick(["adjust", "sell", "reserve"] as const) : null,
    operations: isCrowd ? random.whole(2, 5) : random.whole(4, 9),
    hasLimit: random.next() < LIMITED,
    hasCampaign: random.next() < CAMPAIGNS,
    hasLine,
    chaosMs,
    faults,
    lostAnswers: kinds.includes("answers lost") ? 0.2 : 0,
    skewMs: () => (isSkewed ? random.whole(-3_000, 3_000) : 0),
  };
}

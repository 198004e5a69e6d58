/** One measurement: load, the wait for what it left behind, and the proof that it counted right. */
import { cpuUsOf } from "./cpu.ts";
import type { Bench } from "./servers.ts";
import { ledgerCaughtUp, ledgerUnitsOf, unitsOf } from "./stock.ts";
import { loadOf, PROCESSES, type ProcessName, type Target, type Variant } from "./variants.ts";
import { underLoad, type WrkResult } from "./wrk.ts";

export interface Shape {
  readonly seconds: number;
  readonly connections: number;
}

export interface Extras {
  /** For a variant that is measured at several addresses. */
  readonly url?: string;
  /** More than the variant answers a second: lists that must not repeat are made as long as that. */
  readonly perSecondMax?: number;
  /** Read at once before the load, and as soon as the ledger has all of it. */
  readonly counters?: () => Promise<Readonly<Record<string, number>>>;
}

export interface Measurement {
  readonly variant: string;
  readonly connections: number;
  /** Answers in all, those that came after the load included. */
  readonly answers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time for each answer, from the first request until the ledger has all of it. */
  readonly cpuUs: Readonly<Partial<Record<ProcessName | "wrk", number>>>;
  /** From the end of the load until the ledger has what there was then; null where there is none. */
  readonly ledgerMs: number | null;
  /** Of HTTP, head and body. */
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** What the counters grew by for each answer. */
  readonly grown: Readonly<Record<string, number>>;
}

/** More than any variant answers a second. */
const PER_SECOND_MAX = 30_000;
const LOOK_EVERY_MS = 30;
/** Looks in a row that found nothing new. */
const QUIET_LOOKS = 5;
const QUIET_MS_MAX = 10_000;

/** Runs a variant once; rejects when one answer or one counter is not what it must be. */
export async function measure(
  variant: Variant,
  bench: Bench,
  shape: Shape,
  { url = "", perSecondMax = PER_SECOND_MAX, counters = noCounters }: Extras = {},
): Promise<Measurement> {
  const target = variant.target(bench, url);
  const load = await loadOf(variant, bench, Math.ceil(shape.seconds * perSecondMax));
  const unitsBefore = await variant.units?.(bench);
  const before = await answersOf(variant, target);
  // What the load needed first (holds to confirm) is none of it.
  if (target.installation) await ledgerCaughtUp(target.installation);
  const countersBefore = await counters();
  const cpuBefore = cpuOf(target);
  const result = await underLoad(target.url, load, shape);
  const [ledgerMs] = await Promise.all([lagOf(target), answersWhenQuiet(variant, target)]);
  // Of what was answered after wrk had left, too.
  if (target.installation) await ledgerCaughtUp(target.installation);
  // What looks at the stock costs Redis: it comes after.
  const cpuAfter = cpuOf(target);
  const countersAfter = await counters();
  const after = await answersThatMoved(variant, bench, target, before, unitsBefore);
  const answers = answered(variant, result, before, after, shape.connections);
  await verifyUnits(variant, bench, unitsBefore, answers);
  const cpuUs: Partial<Record<ProcessName | "wrk", number>> = { wrk: result.cpuUs / answers };
  for (const name of PROCESSES) {
    const [from, to] = [cpuBefore[name], cpuAfter[name]];
    if (from !== undefined && to !== undefined) cpuUs[name] = (to - from) / answers;
  }
  return {
    variant: variant.name,
    connections: shape.connections,
    answers,
    perSecond: result.requests / result.seconds,
    p50Ms: result.p50Us / 1_000,
    p99Ms: result.p99Us / 1_000,
    cpuUs,
    ledgerMs,
    requestBytes: result.requestBytes,
    answerBytes: result.bytesHeard / result.requests,
    grown: Object.fromEntries(
      Object.entries(countersAfter).map(([name, value]) => {
        return [name, (value - (countersBefore[name] ?? Number.NaN)) / answers];
      }),
    ),
  };
}

const noCounters: NonNullable<Extras["counters"]> = () => Promise.resolve({});

/** Milliseconds until the ledger has what Redis has now; null where there is no ledger. */
async function lagOf({ installation }: Target): Promise<number | null> {
  if (installation === null) return null;
  const startedAt = performance.now();
  await ledgerCaughtUp(installation);
  return performance.now() - startedAt;
}

function cpuOf({ pids }: Target): Partial<Record<ProcessName, number>> {
  const times: Partial<Record<ProcessName, number>> = {};
  for (const name of PROCESSES) {
    const pid = pids[name];
    if (pid !== undefined) times[name] = cpuUsOf(pid);
  }
  return times;
}

type Answers = ReadonlyMap<string, number>;

const COUNTER = /^holdfast_http_requests_total\{.*route="([^"]*)",status="(\d+)"\} (\d+)$/gm;

/** Answers of the variant's route by status, as the service counts them. */
async function answersOf({ route }: Variant, { url }: Target): Promise<Answers> {
  if (route === null) return new Map();
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  if (!response.ok) throw new Error(`the metrics cannot be read: ${text}`);
  const counts = new Map<string, number>();
  for (const [, path, status = "", count] of text.matchAll(COUNTER)) {
    if (path === route) counts.set(status, Number(count));
  }
  return counts;
}

/** wrk leaves at the end of its time; what it had sent by then is still answered. */
async function answersWhenQuiet(variant: Variant, target: Target): Promise<Answers> {
  const end = performance.now() + QUIET_MS_MAX;
  let last = await answersOf(variant, target);
  for (let equal = 0; ;) {
    await Bun.sleep(LOOK_EVERY_MS);
    const now = await answersOf(variant, target);
    const isSame = [...now].every(([status, count]) => last.get(status) === count);
    equal = isSame ? equal + 1 : 0;
    if (equal === QUIET_LOOKS || performance.now() > end) return now;
    last = now;
  }
}

/** The answers once stock has moved by them; verifyUnits judges where it does not come to that. */
async function answersThatMoved(
  variant: Variant,
  bench: Bench,
  target: Target,
  before: Answers,
  unitsBefore: number | undefined,
): Promise<Answers> {
  const end = performance.now() + QUIET_MS_MAX;
  for (;;) {
    const after = await answersWhenQuiet(variant, target);
    if (variant.units === undefined || unitsBefore === undefined) return after;
    const moved = (await variant.units(bench)) - unitsBefore;
    const isSame = moved === expectedUnits(variant, countOf(after, before, variant.status));
    if (isSame || performance.now() > end) return after;
  }
}

/** How many were answered as they must be; throws when a single one was not. */
function answered(
  { name, status, route }: Variant,
  result: WrkResult,
  before: Answers,
  after: Answers,
  connections: number,
): number {
  const { requests, refused, broken } = result;
  const wrong = status >= 400 ? requests - refused : refused;
  if (requests === 0 || broken > 0 || wrong > 0) {
    throw new Error(`${name}: ${requests} answers, ${wrong} not ${status}, ${broken} broken`);
  }
  if (route === null) return requests;
  const counts = [...after.keys()].map((code) => ({ code, n: countOf(after, before, code) }));
  const others = counts.filter(({ code, n }) => n > 0 && code !== String(status));
  const count = countOf(after, before, status);
  if (others.length > 0 || count < requests || count > requests + connections) {
    const seen = counts.map(({ code, n }) => `${n} × ${code}`).join(", ");
    throw new Error(`${name}: wrk heard ${requests} answers, the service counted ${seen}`);
  }
  return count;
}

async function verifyUnits(
  variant: Variant,
  bench: Bench,
  unitsBefore: number | undefined,
  answers: number,
): Promise<void> {
  const { name, units, products } = variant;
  if (units === undefined || unitsBefore === undefined) return;
  const moved = (await units(bench)) - unitsBefore;
  const expected = expectedUnits(variant, answers);
  if (moved !== expected) {
    throw new Error(`${name}: ${expected} units were acknowledged, ${moved} moved`);
  }
  const { installation } = variant.target(bench, "");
  if (installation === null) return;
  const [live, ledger] = [
    await unitsOf(installation, products),
    await ledgerUnitsOf(installation, products),
  ];
  if (live.onHand !== ledger.onHand || live.reserved !== ledger.reserved) {
    throw new Error(`${name}: Redis and the ledger do not agree`);
  }
}

/** Every answer moves one unit, except a refusal. */
const expectedUnits = ({ status }: Variant, answers: number): number =>
  status === 409 ? 0 : answers;

const countOf = (after: Answers, before: Answers, status: string | number): number =>
  (after.get(String(status)) ?? 0) - (before.get(String(status)) ?? 0);

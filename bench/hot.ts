/** The hot product and the echo under a load of known size, and the proof that it counted right. */
import { PATHS } from "#http/paths";
import { cpuUsOf } from "./cpu.ts";
import { answersFrom, offer, type Offered, type Order } from "./offered.ts";
import type { Bench } from "./servers.ts";
import { HOT, ledgerCaughtUp, unitsOf } from "./stock.ts";

/** Who is asked: one reserve of the hot product, or the echo behind the same edge. */
export type Asked = "reserve" | "echo";

export type Load = Pick<Order, "connections" | "seconds" | "perSecond"> &
  Partial<Pick<Order, "patienceMs" | "warmUpSeconds" | "step">>;

export interface Seen extends Offered {
  /** Processor time of the API's process in microseconds, for each answer below 400. */
  readonly apiUs: number;
}

/** Longer than any deadline: who measures latency gives nothing up. */
const PATIENCE_MS = 30_000;
/** A generator's first requests are those of a program that is not compiled yet. */
const WARM_UP_SECONDS = 1;

/** Runs a load once; rejects where units moved that nobody was told of, or were told and did not. */
export async function underKnownLoad(bench: Bench, asked: Asked, load: Load): Promise<Seen> {
  const isEcho = asked === "echo";
  const url = isEcho ? bench.echo.url : bench.split.url;
  const pid = isEcho ? bench.echo.pid : bench.split.apiPid;
  const before = await reservedOf(bench);
  const cpuBefore = cpuUsOf(pid);
  const offered = await offer({
    patienceMs: PATIENCE_MS,
    warmUpSeconds: WARM_UP_SECONDS,
    step: null,
    ...load,
    port: Number(new URL(url).port),
    path: isEcho ? "/echo" : PATHS.reserve.replace(":productId", HOT),
    tokens: bench.tokens.customers,
  });
  const made = answersFrom(offered, 200, 299);
  const apiUs = (cpuUsOf(pid) - cpuBefore) / made;
  const moved = (await reservedOf(bench)) - before;
  const { broken, unanswered } = offered;
  const unknown = answersFrom(offered, 504, 504) + broken + unanswered;
  const least = isEcho ? 0 : made;
  if (moved < least || moved > least + (isEcho ? 0 : unknown)) {
    throw new Error(`${made} were told that they have a unit (${unknown} nothing), ${moved} moved`);
  }
  return { ...offered, apiUs };
}

/** The next load finds a ledger that has everything. */
export const settled = (bench: Bench): Promise<void> => ledgerCaughtUp(bench.split);

/** Throws where not every request was answered as it must be. */
export function mustBeWhole(seen: Seen, what: string): Seen {
  const others = seen.sent - answersFrom(seen, 201, 201);
  if (others + seen.givenUp === 0) return seen;
  const facts = { answers: seen.answers, givenUp: seen.givenUp, broken: seen.broken };
  throw new Error(`${what}: not every request was answered with 201: ${JSON.stringify(facts)}`);
}

const reservedOf = async ({ split }: Bench): Promise<number> =>
  (await unitsOf(split, [HOT])).reserved;

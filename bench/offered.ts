/** A load of known size: what is asked of bench/generator.ts, and what it tells afterwards. */
import { join } from "node:path";
import { z } from "zod";

/** POSTs of one unit for a new order each, over connections with one request at a time. */
export const Order = z.strictObject({
  port: z.int(),
  path: z.string(),
  /** File with a token a line; they take turns. */
  tokens: z.string(),
  connections: z.int(),
  seconds: z.number(),
  /**
   * Requests a second, whatever is answered (an open loop). null: each connection asks again as soon as
   * it was answered (a closed loop), which finds the most that can be answered.
   */
  perSecond: z.int().nullable(),
  /** Another rate of the open loop from that second on. What is due from there has figures of its own. */
  step: z.strictObject({ atSeconds: z.int(), perSecond: z.int() }).nullable(),
  /** A request for which no connection was free so long (ms) is given up. */
  patienceMs: z.number(),
  /** Seconds from the start whose requests count as load, and not in any figure. */
  warmUpSeconds: z.number(),
});
export type Order = z.infer<typeof Order>;

const Times = z.strictObject({
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
  most: z.number().nullable(),
});

export const Offered = z.strictObject({
  /** Answers by status, all of them. */
  answers: z.record(z.string(), z.int()),
  /** Answers below 400 a second, of those that came after the warm-up and before the step or the end. */
  goodPerSecond: z.number(),
  /** The same by second from the start to the end, warm-up included. */
  goodBySecond: z.array(z.int()),
  sent: z.int(),
  /** By second from the start to the end. */
  sentBySecond: z.array(z.int()),
  /** No connection was free for them. */
  givenUp: z.int(),
  /** Connections that ended before the answer. */
  broken: z.int(),
  /** Sent and not answered seconds after the end. */
  unanswered: z.int(),
  /** Milliseconds from the moment at which a request was due until its answer was there. */
  goodMs: Times,
  /** The same of what was due from the step on. */
  steppedMs: Times,
  refusedMs: Times,
  /** Milliseconds from the moment at which a request was sent until its good answer was there. */
  servedMs: Times,
  /** Milliseconds from the moment at which a request was due until it was sent. */
  lateMs: Times,
  /** Answers of 429 and 503 by what their Retry-After says; `none` without one. */
  retryAfter: z.record(z.string(), z.int()),
  /** Processor time of the generator for each request. */
  cpuUs: z.number(),
  /** Its share of one processor while it sent. */
  cpuShare: z.number(),
  bytesSent: z.number(),
  bytesHeard: z.number(),
});
export type Offered = z.infer<typeof Offered>;

const GENERATOR = join(import.meta.dir, "generator.ts");

/** Puts a server under a load from a process of its own; rejects where that did not report. */
export async function offer(order: Order): Promise<Offered> {
  const child = Bun.spawn([process.execPath, GENERATOR, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`the generator failed:\n${out}${err}`);
  return Offered.parse(JSON.parse(out));
}

/** Of answers by status, those between the two. */
export const answersFrom = ({ answers }: Offered, least: number, most: number): number =>
  Object.entries(answers)
    .filter(([status]) => Number(status) >= least && Number(status) <= most)
    .reduce((sum, [, count]) => sum + count, 0);

/**
 * The generator shares the processors with the servers. Where so much of a p99 is the time until a
 * request was sent, or the generator was that near its end, the p99 says more of it than of a server.
 */
const LATE_SHARE_MAX = 0.5;
const GENERATOR_SHARE_MAX = 0.8;

export interface Timed {
  readonly p99Ms: number;
  /** From the moment at which a request was due until it was sent. */
  readonly lateP99Ms: number;
  /** Of a core. */
  readonly generatorShare: number;
}

/** Why a p99 is the generator's; null where it is the server's. */
export function whyOfGenerator({ p99Ms, lateP99Ms, generatorShare }: Timed): string | null {
  const late = lateP99Ms / p99Ms;
  if (!(late <= LATE_SHARE_MAX)) return `the generator was late by ${late.toFixed(2)} of that p99`;
  if (generatorShare <= GENERATOR_SHARE_MAX) return null;
  return `the generator used ${generatorShare.toFixed(2)} of a core`;
}

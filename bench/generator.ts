/**
 * A generator of load with a constant rate, which wrk does not have. Latency counts from the moment at
 * which a request was due, so a server that stalls is charged with all that was due meanwhile. Takes an
 * order (bench/offered.ts) as JSON; prints what it saw. Requests are bytes made beforehand but for the
 * order's number, and of answers it reads status and length: it shares the machine with the servers.
 */
import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import { answerIn, retryAfterOf } from "./answers.ts";
import { Order, type Offered } from "./offered.ts";
import { dueAt, dueBy, type Schedule } from "./schedule.ts";
import { percentile } from "./statistics.ts";

const TICK_MS = 1;
/** Connections that are being opened at once; a listener's queue has room for more. */
const OPENED_AT_ONCE = 200;
/** An open loop begins with so many and opens more while none is free: servers close idle ones. */
const OPENED_FIRST = 1_000;
/** What was sent is waited for so long after the end. */
const GRACE_MS = 10_000;
/** Digits of an order's number. */
const DIGITS = 9;
/** More a second than one process of ours sends. */
const PER_SECOND_MAX = 100_000;

const order = Order.parse(JSON.parse(Bun.argv[2] ?? ""));
const schedule: Schedule | null =
  order.perSecond === null ? null : { perSecond: order.perSecond, step: order.step };
const run = `g${process.pid}x${Date.now()}`;

/** One request at a time. */
interface Connection {
  /** On the clock of `performance`; null: it is free. */
  dueAtMs: number | null;
  sentAtMs: number;
  /** The beginning of an answer. */
  heard: Buffer | null;
  /** The end of a request that the socket did not take at once. */
  unsent: Buffer | null;
}
type Line = Socket<Connection>;

interface Request {
  readonly bytes: Buffer;
  /** Where the digits of the order's number stand. */
  readonly at: number;
}

/** Microseconds; what is beyond the room is not kept. */
class Samples {
  readonly #us: Uint32Array;
  #count = 0;

  constructor(most: number) {
    this.#us = new Uint32Array(most);
  }

  add(ms: number): void {
    if (this.#count < this.#us.length) this.#us[this.#count++] = Math.max(0, ms * 1_000);
  }

  times(): Offered["goodMs"] {
    const sorted = this.#us.subarray(0, this.#count).sort();
    const ms = (share: number): number | null =>
      sorted.length === 0 ? null : percentile(sorted, share) / 1_000;
    return { p50: ms(0.5), p99: ms(0.99), p999: ms(0.999), most: ms(1) };
  }
}

function requestsOf(): Request[] {
  const tokens = readFileSync(order.tokens, "utf8").trim().split("\n");
  const body = `{"quantity":1,"orderId":"${run}-${"0".repeat(DIGITS)}"}`;
  return tokens.map((token) => {
    const head = [
      `POST ${order.path} HTTP/1.1`,
      "Host: bench",
      `Authorization: Bearer ${token}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ].join("\r\n");
    const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
    return { bytes, at: bytes.length - DIGITS - '"}'.length };
  });
}

const requests = requestsOf();
const fastest = Math.max(order.perSecond ?? PER_SECOND_MAX, order.step?.perSecond ?? 0);
const room = Math.ceil(fastest * order.seconds) + order.connections;
const [good, served, stepped] = [new Samples(room), new Samples(room), new Samples(room)];
const [refused, late] = [new Samples(room), new Samples(room)];
const answers: Record<string, number> = {};
const retryAfter: Record<string, number> = {};
const [goodBySecond, sentBySecond]: [number[], number[]] = [[], []];
let [sent, broken, goodInTime, bytesSent, bytesHeard, outstanding] = [0, 0, 0, 0, 0, 0];
/** Connections without a request, the one that is free for longest first. */
let free: Line[] = [];
let firstFree = 0;
/** Connections that are open or being opened, and those of them that are being opened. */
let [lines, opening] = [0, 0];

/** On the clock of `performance`; set when all connections are open. */
let startMs = Infinity;
let endMs = Infinity;
let [countedFromMs, stepMs] = [Infinity, Infinity];
/** Requests of an open loop that were sent or given up. */
let handled = 0;
let givenUp = 0;

function nextFree(): Line | undefined {
  const line = free[firstFree];
  if (line === undefined) return undefined;
  firstFree += 1;
  if (firstFree > 1_024 && firstFree * 2 > free.length) {
    free = free.slice(firstFree);
    firstFree = 0;
  }
  return line;
}

function send(line: Line, dueAtMs: number): void {
  const request = requests[sent % requests.length];
  if (request === undefined) throw new Error("there are no tokens");
  const { bytes, at } = request;
  for (let digit = DIGITS - 1, rest = sent; digit >= 0; digit -= 1) {
    bytes[at + digit] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  sent += 1;
  outstanding += 1;
  const sentAtMs = performance.now();
  line.data.dueAtMs = dueAtMs;
  line.data.sentAtMs = sentAtMs;
  countIn(sentBySecond, sentAtMs);
  if (isCounted(dueAtMs)) late.add(sentAtMs - dueAtMs);
  const written = Math.max(0, line.write(bytes));
  bytesSent += bytes.length;
  if (written < bytes.length) line.data.unsent = Buffer.from(bytes.subarray(written));
}

const isCounted = (dueAtMs: number): boolean => dueAtMs >= countedFromMs && dueAtMs < stepMs;

function countIn(seconds: number[], nowMs: number): void {
  const second = Math.floor((nowMs - startMs) / 1_000);
  seconds[second] = (seconds[second] ?? 0) + 1;
}

const bySecond = (seconds: readonly number[]): number[] =>
  Array.from({ length: Math.floor(order.seconds) }, (_, i) => seconds[i] ?? 0);

function sendRest(line: Line): void {
  const { unsent } = line.data;
  if (unsent === null) return;
  const written = Math.max(0, line.write(unsent));
  line.data.unsent = written < unsent.length ? unsent.subarray(written) : null;
}

/** An answer that cannot be understood ends the run: Bun would tell the socket of it, and go on. */
function hear(line: Line, chunk: Buffer): void {
  try {
    take(line, chunk);
  } catch (error) {
    process.stderr.write(`${Bun.inspect(error)}\n`);
    process.exit(1);
  }
}

function take(line: Line, chunk: Buffer): void {
  const { data } = line;
  const bytes = data.heard === null ? chunk : Buffer.concat([data.heard, chunk]);
  const answer = answerIn(bytes);
  if (answer === null) {
    data.heard = Buffer.from(bytes);
    return;
  }
  data.heard = null;
  const { dueAtMs } = data;
  if (dueAtMs === null) throw new Error("an answer came to no request");
  data.dueAtMs = null;
  outstanding -= 1;
  bytesHeard += answer.bytes;
  note(answer.status, { dueAtMs, sentAtMs: data.sentAtMs }, bytes);
  const now = performance.now();
  if (order.perSecond === null && now < endMs) send(line, now);
  else free.push(line);
}

interface Asked {
  readonly dueAtMs: number;
  readonly sentAtMs: number;
}

function note(status: number, { dueAtMs, sentAtMs }: Asked, bytes: Buffer): void {
  const now = performance.now();
  answers[status] = (answers[status] ?? 0) + 1;
  if (status < 400) {
    if (dueAtMs >= stepMs) stepped.add(now - dueAtMs);
    if (isCounted(dueAtMs)) {
      good.add(now - dueAtMs);
      served.add(now - sentAtMs);
    }
    if (now >= endMs) return;
    countIn(goodBySecond, now);
    if (isCounted(now)) goodInTime += 1;
    return;
  }
  if (isCounted(dueAtMs)) refused.add(now - dueAtMs);
  if (status !== 429 && status !== 503) return;
  const asked = retryAfterOf(bytes) ?? "none";
  retryAfter[asked] = (retryAfter[asked] ?? 0) + 1;
}

/** A server may close a connection; another one takes its place where it is needed. */
function ended({ data }: Line): void {
  lines -= 1;
  if (data.dueAtMs !== null) {
    broken += 1;
    outstanding -= 1;
  }
  free = free.slice(firstFree).filter((line) => line.data !== data);
  firstFree = 0;
  if (order.perSecond === null && performance.now() < endMs) void openOne().catch(ignore);
}

/** Refused while the server is too busy to take it: fewer connections is what the load then has. */
function ignore(): void {}

/** Opens one more, which is free then. */
async function openOne(): Promise<void> {
  lines += 1;
  opening += 1;
  try {
    free.push(await connect());
  } catch (error) {
    lines -= 1;
    throw error;
  } finally {
    opening -= 1;
  }
}

function openMore(): void {
  while (lines < order.connections && opening < OPENED_AT_ONCE) void openOne().catch(ignore);
}

function connect(): Promise<Line> {
  return Bun.connect<Connection>({
    hostname: "127.0.0.1",
    port: order.port,
    data: { dueAtMs: null, sentAtMs: 0, heard: null, unsent: null },
    socket: { data: hear, drain: sendRest, close: ended, error: ignore },
  });
}

async function openFirst(): Promise<void> {
  const { connections, perSecond } = order;
  const first = perSecond === null ? connections : Math.min(connections, OPENED_FIRST);
  for (let opened = 0; opened < first; opened += OPENED_AT_ONCE) {
    const count = Math.min(OPENED_AT_ONCE, first - opened);
    await Promise.all(Array.from({ length: count }, openOne));
  }
}

/** Sends what is due, gives up what waited too long, and says whether all is done. */
function tick(plan: Schedule): boolean {
  const now = performance.now();
  const total = dueBy(order.seconds * 1_000, plan);
  const due = Math.min(total, dueBy(now - startMs, plan));
  while (handled < due) {
    const dueAtMs = startMs + dueAt(handled, plan);
    if (now - dueAtMs > order.patienceMs) givenUp += 1;
    else {
      const line = nextFree();
      if (line === undefined) {
        openMore();
        break;
      }
      send(line, dueAtMs);
    }
    handled += 1;
  }
  return handled === total;
}

/** Resolves when everything that was due is sent or given up, and answered or waited for. */
function loaded(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const isSent = schedule === null || tick(schedule);
      const now = performance.now();
      if (now < endMs || (now < endMs + GRACE_MS && !(isSent && outstanding === 0))) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
}

await openFirst();
const before = process.cpuUsage();
startMs = performance.now();
endMs = startMs + order.seconds * 1_000;
countedFromMs = startMs + order.warmUpSeconds * 1_000;
const countedSeconds = (order.step?.atSeconds ?? order.seconds) - order.warmUpSeconds;
if (order.step !== null) stepMs = startMs + order.step.atSeconds * 1_000;
if (order.perSecond === null) {
  for (let line = nextFree(); line !== undefined; line = nextFree()) send(line, startMs);
}
await loaded();
const { user, system } = process.cpuUsage(before);
const tookMs = performance.now() - startMs;
const wanted = schedule === null ? sent : dueBy(order.seconds * 1_000, schedule);
const offered: Offered = {
  answers,
  goodPerSecond: goodInTime / countedSeconds,
  goodBySecond: bySecond(goodBySecond),
  sent,
  sentBySecond: bySecond(sentBySecond),
  givenUp: schedule === null ? 0 : givenUp + (wanted - handled),
  broken,
  unanswered: outstanding,
  goodMs: good.times(),
  steppedMs: stepped.times(),
  refusedMs: refused.times(),
  servedMs: served.times(),
  lateMs: late.times(),
  retryAfter,
  cpuUs: (user + system) / Math.max(1, sent),
  cpuShare: (user + system) / 1_000 / tookMs,
  bytesSent,
  bytesHeard,
};
await Bun.write(Bun.stdout, `${JSON.stringify(offered)}\n`);
process.exit(0);

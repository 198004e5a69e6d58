/** What one reservation takes of everything, and the page that is computed from it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { PATHS } from "#http/paths";
import { journalKey } from "#redis/keys";
import { helpIfAsked } from "#test/help";
import { capacityPage, Figures } from "./capacity-model.ts";
import { print, readNumbers, runBench, say } from "./command.ts";
import { startMeter } from "./cpu.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Measurement } from "./measure.ts";
import { offer } from "./offered.ts";
import { startBench, type Bench } from "./servers.ts";
import { HOT, ledgerCaughtUp } from "./stock.ts";
import { VARIANTS } from "./variants.ts";

helpIfAsked(`Measures what one reservation takes of processors, disks, memory and network, and computes what
so many a second need.

Usage:
  bun run bench:capacity [options]

Options:
  --seconds N      length of the measurement                    (default: 10)
  --connections N  open connections                             (default: 256)
  --write          writes bench/capacity.json and docs/capacity.md; else the page is printed
  --computed       measures nothing: from bench/capacity.json
  --json           prints the figures as JSON instead of the page

Examples:
  bun run bench:capacity
  bun run bench:capacity --seconds 30 --write
  bun run bench:capacity --computed --write

Servers and their data are its own, in the system's temporary folder (TMPDIR), which must be on a real
disk. Needs wrk in PATH. What goes through the loopback device is counted, so nothing else should.`);

const ROOT = join(import.meta.dir, "..");
const FIGURES = join(import.meta.dir, "capacity.json");
const PAGE = join(ROOT, "docs/capacity.md");
const WARM_UP_SECONDS = 6;
/** Of the load that counts bytes of HTTP, which wrk does not tell. */
const HTTP_SECONDS = 2;
const RULES = {
  seconds: { fallback: 10, most: 600 },
  connections: { fallback: 256, most: 4_096 },
};

/** All that grows by bytes while reservations are made. */
interface Counters {
  readonly toRedis: number;
  readonly fromRedis: number;
  readonly together: number;
  readonly file: number;
  readonly wal: number;
  readonly ledger: number;
  readonly hold: number;
}
const NAMES = [
  "toRedis",
  "fromRedis",
  "together",
  "file",
  "wal",
  "ledger",
  "hold",
] as const satisfies readonly (keyof Counters)[];

async function infoOf(redis: Redis, section: string, name: string): Promise<number> {
  const text = await redis.info(section);
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1]);
}

/** Bytes that the loopback device has carried: what one process sends is what another one hears. */
function loopbackBytes(): number {
  const text = readFileSync("/proc/net/dev", "utf8");
  return Number(/^ *lo: *(\d+)/m.exec(text)?.[1]);
}

const journalMemory = async (redis: Redis): Promise<number> =>
  (await redis.memory("USAGE", journalKey(0), "SAMPLES", 0)) ?? 0;

/** Bytes of memory for each movement that the journal has: an entry bears the seq of its last one. */
async function bytesOfMovement(redis: Redis): Promise<number> {
  const seqOf = ([entry]: readonly [id: string, fields: string[]][]): number =>
    Number(entry?.[0].split("-")[1]);
  const first = seqOf(await redis.xrange(journalKey(0), "-", "+", "COUNT", 1));
  const last = seqOf(await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1));
  return (await journalMemory(redis)) / (last - first);
}

async function countersOf({ split: { redis, sql } }: Bench): Promise<Counters> {
  const [row] = await sql`
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS wal,
      pg_database_size(current_database()) AS ledger
  `;
  return {
    toRedis: await infoOf(redis, "stats", "total_net_input_bytes"),
    fromRedis: await infoOf(redis, "stats", "total_net_output_bytes"),
    together: loopbackBytes(),
    file: await infoOf(redis, "persistence", "aof_current_size"),
    wal: Number(row?.["wal"]),
    ledger: Number(row?.["ledger"]),
    hold: (await infoOf(redis, "memory", "used_memory")) - (await journalMemory(redis)),
  };
}

async function measured(bench: Bench, name: string, seconds: number, connections: number) {
  const variant = VARIANTS.find((one) => one.name === name);
  if (variant === undefined) throw new Error(`there is no variant ${name}`);
  say(`${name} for ${seconds} s ...`);
  return await measure(variant, bench, { seconds, connections });
}

const timesOf = ({ cpuUs }: Measurement): Figures["reserveUs"] => {
  const of = (name: keyof Figures["reserveUs"]): number => cpuUs[name] ?? Number.NaN;
  return { api: of("api"), worker: of("worker"), redis: of("redis"), postgres: of("postgres") };
};

/** Bytes of a request and of its answer, head and body. */
async function bytesOfHttp(bench: Bench, connections: number) {
  const { url } = bench.split;
  const { sent, bytesSent, bytesHeard, unanswered, broken } = await offer({
    port: Number(new URL(url).port),
    path: PATHS.reserve.replace(":productId", HOT),
    tokens: bench.tokens.customers,
    connections,
    seconds: HTTP_SECONDS,
    perSecond: null,
    patienceMs: 0,
    warmUpSeconds: 0,
  });
  if (unanswered + broken > 0) throw new Error(`${unanswered + broken} requests had no answer`);
  await ledgerCaughtUp(bench.split);
  return { request: bytesSent / sent, answer: bytesHeard / sent };
}

async function figuresOf(seconds: number, connections: number): Promise<Figures> {
  await using bench = await startBench(say);
  const { commit, cores, model, versions } = await describeMachine(bench);
  // A file that is written anew would be smaller than what was written.
  await bench.split.redis.config("SET", "auto-aof-rewrite-percentage", "0");
  await measured(bench, "reserve", WARM_UP_SECONDS, connections);
  const others = startMeter();
  const before = await countersOf(bench);
  const reserve = await measured(bench, "reserve", seconds, connections);
  const after = await countersOf(bench);
  const journal = await bytesOfMovement(bench.split.redis);
  const http = await bytesOfHttp(bench, connections);
  const confirm = await measured(bench, "confirm", Math.ceil(seconds / 5), connections);
  const grown = NAMES.map(
    (name) => [name, (after[name] - before[name]) / reserve.answers] as const,
  );
  const round = (value: number): number => Math.round(value * 10) / 10;
  const rounded = (times: Figures["reserveUs"]) =>
    Object.fromEntries(Object.entries(times).map(([name, us]) => [name, round(us)]));
  const bytes = [...grown, ...Object.entries({ ...http, journal })];
  return Figures.parse({
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: `${cores} cores (${model}) that the servers, the databases and the generator share`,
    versions: Object.fromEntries(
      ["Bun", "Redis", "PostgreSQL"].map((name) => [name, versions[name] ?? "unknown"]),
    ),
    othersShare: Math.round(others() * 100) / 100,
    connections,
    perSecond: Math.round(reserve.perSecond),
    reserveUs: rounded(timesOf(reserve)),
    confirmUs: rounded(timesOf(confirm)),
    bytes: Object.fromEntries(bytes.map(([name, value]) => [name, round(value)])),
  });
}

async function main(args: readonly string[]): Promise<void> {
  const isWritten = args.includes("--write");
  const isComputed = args.includes("--computed");
  const rest = args.filter((one) => one !== "--write" && one !== "--computed");
  const options = readNumbers(rest, RULES);
  const figures = isComputed
    ? Figures.parse(JSON.parse(readFileSync(FIGURES, "utf8")))
    : await figuresOf(options.of("seconds"), options.of("connections"));
  if (isWritten) {
    writeFileSync(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
    writeFileSync(PAGE, capacityPage(figures));
    return say("bench/capacity.json and docs/capacity.md are written");
  }
  print(options.json ? JSON.stringify(figures, null, 2) : capacityPage(figures));
}

await runBench(main);

/** What one reservation and its end take of everything, and the page that is computed from it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { journalKey } from "#redis/keys";
import { helpIfAsked } from "#test/help";
import { capacityPage, Figures } from "./capacity-model.ts";
import { print, readNumbers, runBench, say, UsageError } from "./command.ts";
import { startMeter } from "./cpu.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Extras, type Shape } from "./measure.ts";
import { startBench, type Bench } from "./servers.ts";
import { VARIANTS } from "./variants.ts";
import { INSTALL_WRK, wrkVersion } from "./wrk.ts";

helpIfAsked(`Measures what one reservation and its end take of processors, disks, memory and network, and
computes what so many a second need.

Usage:
  bun run bench:capacity [options]

Options:
  --seconds N      length of the measurement of each             (default: 10)
  --connections N  open connections                              (default: 256)
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
/** Confirms a second are fewer than reservations; so many times as many would still find holds. */
const CONFIRMS_MAX = 2;
const ENTRIES_LOOKED_AT = 1_000;
/** None of the product's. */
const SCRATCH_KEY = "bench:journal";
const RULES = {
  seconds: { fallback: 10, most: 600 },
  connections: { fallback: 256, most: 4_096 },
};

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

/** Bytes of memory for each movement of the newest entries, which are those of the last load. */
async function bytesOfMovement(redis: Redis): Promise<number> {
  const newest = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", ENTRIES_LOOKED_AT);
  const [base, ...entries] = newest.toReversed();
  if (base === undefined) throw new Error("the journal is empty");
  // An entry bears the seq of its last movement.
  const seqOf = (id: string): number => Number(id.split("-")[1]);
  const last = entries.at(-1)?.[0] ?? base[0];
  try {
    for (const [id, fields] of entries) await redis.xadd(SCRATCH_KEY, id, ...fields);
    const bytes = (await redis.memory("USAGE", SCRATCH_KEY, "SAMPLES", 0)) ?? Number.NaN;
    return bytes / (seqOf(last) - seqOf(base[0]));
  } finally {
    await redis.del(SCRATCH_KEY);
  }
}

/** All that grows by bytes while reservations are made and end. */
async function countersOf({ split: { redis, sql } }: Bench) {
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

type Load = Shape & Pick<Extras, "perSecondMax">;

/** One variant, warm, with the bytes of what it changes. */
async function measured(bench: Bench, name: "reserve" | "confirm", load: Load) {
  const variant = VARIANTS.find((one) => one.name === name);
  if (variant === undefined) throw new Error(`there is no variant ${name}`);
  const { perSecondMax } = load;
  const extras = { counters: () => countersOf(bench), ...(perSecondMax && { perSecondMax }) };
  say(`${name}: warming up for ${WARM_UP_SECONDS} s ...`);
  await measure(variant, bench, { ...load, seconds: WARM_UP_SECONDS }, extras);
  say(`${name} for ${load.seconds} s ...`);
  const measurement = await measure(variant, bench, load, extras);
  return { measurement, journal: await bytesOfMovement(bench.split.redis) };
}
type Measured = Awaited<ReturnType<typeof measured>>;

const round = (value: number): number => Math.round(value * 10) / 10;
const roundedOf = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));

const timesOf = ({ measurement: { cpuUs } }: Measured): Record<string, number> => {
  const { api, worker, redis, postgres } = cpuUs;
  const times = { api, worker, redis, postgres };
  return roundedOf(
    Object.fromEntries(Object.entries(times).map(([name, us = Number.NaN]) => [name, us])),
  );
};

const bytesOf = ({ measurement, journal }: Measured): Record<string, number> => {
  const { requestBytes: request, answerBytes: answer, grown } = measurement;
  return roundedOf({ request, answer, ...grown, journal });
};

async function figuresOf({ seconds, connections }: Shape): Promise<Figures> {
  if (wrkVersion() === undefined) throw new UsageError(INSTALL_WRK);
  await using bench = await startBench(say);
  const { commit, cores, model, versions } = await describeMachine(bench);
  // A file that is written anew would be smaller than what was written.
  await bench.split.redis.config("SET", "auto-aof-rewrite-percentage", "0");
  const others = startMeter();
  const reserve = await measured(bench, "reserve", { seconds, connections });
  const { perSecond } = reserve.measurement;
  // Each hold is confirmed once, so all have to be there first.
  const perSecondMax = perSecond * CONFIRMS_MAX;
  const confirm = await measured(bench, "confirm", { seconds, connections, perSecondMax });
  return Figures.parse({
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: `${cores} cores (${model}) that the servers, the databases and the generator share`,
    versions: Object.fromEntries(
      ["Bun", "Redis", "PostgreSQL"].map((name) => [name, versions[name] ?? "unknown"]),
    ),
    othersShare: Math.round(others() * 100) / 100,
    connections,
    perSecond: Math.round(perSecond),
    reserveUs: timesOf(reserve),
    confirmUs: timesOf(confirm),
    bytes: bytesOf(reserve),
    endBytes: bytesOf(confirm),
  });
}

async function main(args: readonly string[]): Promise<void> {
  const isWritten = args.includes("--write");
  const isComputed = args.includes("--computed");
  const rest = args.filter((one) => one !== "--write" && one !== "--computed");
  const options = readNumbers(rest, RULES);
  const figures = isComputed
    ? Figures.parse(JSON.parse(readFileSync(FIGURES, "utf8")))
    : await figuresOf({ seconds: options.of("seconds"), connections: options.of("connections") });
  if (isWritten) {
    writeFileSync(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
    writeFileSync(PAGE, capacityPage(figures));
    return say("bench/capacity.json and docs/capacity.md are written");
  }
  print(options.json ? JSON.stringify(figures, null, 2) : capacityPage(figures));
}

await runBench(main);

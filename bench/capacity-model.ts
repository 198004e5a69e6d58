/** docs/capacity.md: what so many reservations a second need, computed from what one and its end took. */
import { z } from "zod";
import { OTHERS_MAX } from "./cpu.ts";

const Cpu = z.strictObject({
  api: z.number(),
  worker: z.number(),
  redis: z.number(),
  postgres: z.number(),
});

const Bytes = z.strictObject({
  /** Of HTTP: head and body. */
  request: z.number(),
  answer: z.number(),
  toRedis: z.number(),
  fromRedis: z.number(),
  /** Everything between the processes, with the heads of the packets. */
  together: z.number(),
  /** Written to the append-only file. */
  file: z.number(),
  /** Written to PostgreSQL's log, and what its tables and indexes grow by. */
  wal: z.number(),
  ledger: z.number(),
  /** Of Redis's memory: what a hold takes of it, or takes more once it ended. */
  hold: z.number(),
  /** Of Redis's memory: what the journal keeps of it for the ledger. */
  journal: z.number(),
});

/** What one run measured; all but the rate is for one reservation of one product, or for its end. */
export const Figures = z.strictObject({
  date: z.string(),
  commit: z.string(),
  machine: z.string(),
  versions: z.record(z.string(), z.string()),
  /** Part of the processors that was used by what was none of the bench's. */
  othersShare: z.number(),
  connections: z.int(),
  perSecond: z.number(),
  /** Microseconds of processor of a reservation, and of a confirm. */
  reserveUs: Cpu,
  confirmUs: Cpu,
  /** Of a reservation, and of a confirm: every hold ends once. */
  bytes: Bytes,
  endBytes: Bytes,
});
export type Figures = z.infer<typeof Figures>;

/** Reservations a second. */
const RATES = [10_000, 100_000, 1_000_000];
/** Of a processor, so that peaks, rewrites of the file and repeats have room. */
const LOAD_SHARE = 0.6;
/** A hold that names no time lives so long: RESERVATION_MINUTES. */
const HOLD_SECONDS = 900;
/** Seconds that Redis keeps an ended hold; twin: ENDED_KEEP_MS in lua/lib/holds.lua. */
export const ENDED_SECONDS = { CONFIRMED: 86_400, EXPIRED: 900 } as const;
/** Movements that may wait for PostgreSQL, of a partition: JOURNAL_MAX_ENTRIES. */
const WAITING_MAX = 10_000_000;
const [KILO, MEGA, GIGA, TERA] = [1e3, 1e6, 1e9, 1e12];
const US_A_SECOND = 1_000_000;
/** A core that is full by computing alone is not two. */
const ROUNDING = 1e-9;

/** A reservation is a movement of the ledger, and its end is another one. */
const MOVEMENTS = 2;

const PROCESSES = ["api", "worker", "redis", "postgres"] as const;

/** Microseconds of a reservation and of its end together. */
function wholeUsOf({ reserveUs, confirmUs }: Figures): Figures["reserveUs"] {
  const of = (name: (typeof PROCESSES)[number]): number => reserveUs[name] + confirmUs[name];
  return { api: of("api"), worker: of("worker"), redis: of("redis"), postgres: of("postgres") };
}

/** Reservations a second, each with its end, of one of each: `most` is the end, `planned` leaves room. */
export function limitsOf(figures: Figures) {
  const us = wholeUsOf(figures);
  const of = (each: number) => {
    return { most: US_A_SECOND / each, planned: (US_A_SECOND / each) * LOAD_SHARE };
  };
  const redis = of(us.redis);
  const worker = of(us.worker);
  /**
   * As if worker and PostgreSQL took turns: what the one makes ready while the other writes is not
   * taken off, as what they wait for disks is not put on.
   */
  const drain = of(us.worker + us.postgres);
  const waiting = (redis.planned - drain.planned) * MOVEMENTS;
  return {
    redis,
    worker,
    drain,
    /** What a partition's journal takes of a sale at Redis's rate that its drain cannot follow. */
    saleSeconds: waiting > 0 ? WAITING_MAX / waiting : Infinity,
    installation: Math.min(redis.planned, worker.planned),
  };
}

/** What so many reservations a second need, each of which ends. */
export function needsOf(figures: Figures, perSecond: number) {
  const { bytes, endBytes } = figures;
  const us = wholeUsOf(figures);
  const cores = (each: number): number =>
    Math.ceil((perSecond * each) / US_A_SECOND / LOAD_SHARE - ROUNDING);
  const partitions = cores(Math.max(us.redis, us.worker + us.postgres));
  const whole = (name: keyof Figures["bytes"]): number =>
    perSecond * (bytes[name] + endBytes[name]);
  const ended = whole("hold");
  return {
    apis: cores(us.api),
    redis: cores(us.redis),
    workers: cores(us.worker),
    postgresCores: cores(us.postgres),
    installations: cores(Math.max(us.redis, us.worker)),
    partitions,
    holdBytes: perSecond * HOLD_SECONDS * bytes.hold + ENDED_SECONDS.EXPIRED * ended,
    soldBytesAMinute: 60 * ended,
    waitingBytesAMinute: 60 * whole("journal"),
    secondsWithoutLedger: (WAITING_MAX * partitions) / (perSecond * MOVEMENTS),
    fileBytes: whole("file"),
    walBytes: whole("wal"),
    ledgerBytesAnHour: 3_600 * whole("ledger"),
    requestBits: 8 * whole("request"),
    answerBits: 8 * whole("answer"),
    redisBits: 8 * (whole("toRedis") + whole("fromRedis")),
    allBits: 8 * whole("together"),
  };
}
type Needs = ReturnType<typeof needsOf>;

const count = (value: number): string => `${Math.round(value)}`.replaceAll(/\B(?=(\d{3})+$)/g, " ");

/** Two digits that count, behind a factor of a thousand. */
function scaled(value: number, unit: string): string {
  const [factor, prefix] =
    value >= TERA
      ? [TERA, "T"]
      : value >= GIGA
        ? [GIGA, "G"]
        : value >= MEGA
          ? [MEGA, "M"]
          : [KILO, "k"];
  const number = value / factor;
  return `${number >= 10 ? count(number) : number.toFixed(1)} ${prefix}${unit}`;
}

const ROWS: readonly (readonly [string, (needs: Needs) => string])[] = [
  ["processes of the API, a core each", ({ apis }) => count(apis)],
  ["Redis servers, a core each", ({ redis }) => count(redis)],
  ["workers, a core each", ({ workers }) => count(workers)],
  ["cores of PostgreSQL", ({ postgresCores }) => count(postgresCores)],
  ["partitions, at least", ({ partitions }) => count(partitions)],
  ["installations, each with a Redis, a worker and a PostgreSQL", (n) => count(n.installations)],
  ["memory of Redis: holds that all expire", (n) => scaled(n.holdBytes, "B")],
  [
    "memory of Redis: each minute of holds that are confirmed",
    (n) => scaled(n.soldBytesAMinute, "B"),
  ],
  ["memory of Redis: each minute without PostgreSQL", (n) => scaled(n.waitingBytesAMinute, "B")],
  [
    "time without PostgreSQL until changes are refused",
    (n) => `${count(n.secondsWithoutLedger)} s`,
  ],
  ["disk of Redis: written", (n) => scaled(n.fileBytes, "B/s")],
  ["disk of PostgreSQL: log written", (n) => scaled(n.walBytes, "B/s")],
  ["disk of PostgreSQL: tables and indexes grow by", (n) => scaled(n.ledgerBytesAnHour, "B/h")],
  ["network: requests to the API", (n) => scaled(n.requestBits, "bit/s")],
  ["network: its answers", (n) => scaled(n.answerBits, "bit/s")],
  ["network: with Redis, both ways", (n) => scaled(n.redisBits, "bit/s")],
  [
    "network: everything, PostgreSQL and heads of packets included",
    (n) => scaled(n.allBits, "bit/s"),
  ],
];

/** Not aligned: one longer cell would change every line. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = [line(titles), line(titles.map(() => "---")), ...rows.map(line)];
  return `<!-- prettier-ignore -->\n${lines.join("\n")}`;
}

function measuredTable({ reserveUs, confirmUs, bytes, endBytes }: Figures): string {
  const us = (pick: (times: Figures["reserveUs"]) => number): string[] =>
    [reserveUs, confirmUs].map((times) => `${pick(times).toFixed(1)} µs`);
  const inBytes = (...names: readonly (keyof Figures["bytes"])[]): string[] =>
    [bytes, endBytes].map((of) => names.map((name) => `${count(of[name])} B`).join(", "));
  return table(
    ["of", "for each reservation", "for its end"],
    [
      ["processor: API", ...us(({ api }) => api)],
      ["processor: worker", ...us(({ worker }) => worker)],
      ["processor: Redis", ...us(({ redis }) => redis)],
      ["processor: PostgreSQL", ...us(({ postgres }) => postgres)],
      [
        "processor: together",
        ...us((times) => PROCESSES.reduce((sum, name) => sum + times[name], 0)),
      ],
      ["HTTP: request, answer", ...inBytes("request", "answer")],
      ["Redis: sent to it, by it", ...inBytes("toRedis", "fromRedis")],
      ["between all processes, with the heads of packets", ...inBytes("together")],
      ["append-only file of Redis", ...inBytes("file")],
      ["log of PostgreSQL", ...inBytes("wal")],
      ["tables and indexes of PostgreSQL", ...inBytes("ledger")],
      ["memory of Redis: the hold, and more once it ended", ...inBytes("hold")],
      ["memory of Redis: its part of the journal", ...inBytes("journal")],
    ],
  );
}

/** How fast one product sells for long, and for a while. */
function productText({ redis, drain, saleSeconds }: ReturnType<typeof limitsOf>): string {
  const lasting = Math.min(redis.planned, drain.planned);
  const base = `**One product** lives in one partition, which has one thread of Redis and one drain into the ledger. So a sale of one hot product that lasts has ${count(lasting)} reservations a second as planned`;
  const end = "No number of partitions, servers or processes takes it beyond that.";
  if (saleSeconds === Infinity) {
    return `${base}, and ${count(Math.min(redis.most, drain.most))} where nothing else is left of those cores: that is Redis's limit, the drain keeps up. ${end}`;
  }
  return `${base}: that is its drain's limit, and ${count(drain.most)} where nothing else is left of those cores. Redis alone makes ${count(redis.planned)} as planned, ${count(redis.most)} at most, and what the drain does not follow waits in the journal: a sale at Redis's planned rate fits into \`JOURNAL_MAX_ENTRIES\` (${count(WAITING_MAX)} movements) for ${minutesText(saleSeconds)}, behind which reservations are refused. ${end}`;
}

/** Whole minutes that are surely there. */
const minutesText = (seconds: number): string =>
  seconds < 120 ? `${Math.floor(seconds)} seconds` : `${count(Math.floor(seconds / 60))} minutes`;

/** The document. */
export function capacityPage(figures: Figures): string {
  const { date, commit, machine, versions, othersShare, connections, perSecond } = figures;
  const limits = limitsOf(figures);
  const all = RATES.map((rate) => needsOf(figures, rate));
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const noisy =
    othersShare > OTHERS_MAX
      ? `\n**Others used ${percent(othersShare)} of the processors meanwhile**: processor times are too high then. \`bun run bench:capacity --write\` on a quiet machine replaces them.\n`
      : "";
  return `# Capacity

What to plan for how many reservations a second. \`bun run bench:capacity --write\` measures one reservation of one product and its end (everything on: token, validation, metrics, \`appendfsync always\`, each movement written to PostgreSQL meanwhile), and writes this page and its figures (\`bench/capacity.json\`). The rest is arithmetic: \`bench/capacity-model.ts\`. Nobody has run 100 000 a second: the larger a figure is, the less it is more than that arithmetic.

## What one reservation and its end took

Measured on ${date} at commit ${commit}, on ${machine}, with ${software.join(", ")}, at ${connections} connections, where ${count(perSecond)} reservations a second were made. Others used ${percent(othersShare)} of the processors.
${noisy}
${measuredTable(figures)}

Every hold ends once: it is confirmed, cancelled, or it expires. The end that was measured is a confirm, and each is counted as one; what expires needs no API and no network to it. Fewer connections make smaller batches, which cost more each. The log of PostgreSQL is measured without what it writes once more after each checkpoint. The ids of customers and orders are short here: what is longer of yours comes on top, in the memory, the file and the journal of Redis, and in each index of PostgreSQL that has it.

## What so many a second need

Processors are planned to be used to ${percent(LOAD_SHARE)}. A hold lives ${HOLD_SECONDS / 60} minutes and is kept ${ENDED_SECONDS.EXPIRED / 60} more once it expired, ${ENDED_SECONDS.CONFIRMED / 3_600} hours once it was confirmed. Every reservation names a new order of one product, and ends: each figure is for both.

${table(
  ["", ...RATES.map((rate) => `${count(rate)}/s`)],
  ROWS.map(([name, text]) => [name, ...all.map(text)]),
)}

## What has to be split, and when

- ${productText(limits)}
- **The API** is split first: it keeps nothing. \`start api --workers N\` uses N cores of one machine, and further machines serve beside it.
- **Partitions** (\`PARTITIONS\`, fixed when the store is made) share one Redis and one thread of it. They are for the ledger: each is written by one drain at a time, ${count(limits.drain.planned)} reservations a second with their ends as planned, ${count(limits.drain.most)} where nothing else is left of those cores. That is as if the worker and PostgreSQL took turns; what the one makes ready while the other writes comes on top. A cart does not span partitions.
- **Redis** is the next limit: one server is one core, ${count(limits.redis.planned)} reservations a second with their ends as planned, over all products. It needs a second core for writing its file anew, and a disk that syncs quickly. Redis Cluster is not built ([ARCHITECTURE.md](../ARCHITECTURE.md#not-yet)).
- **The worker** takes apart what is written: ${count(limits.worker.planned)} reservations a second with their ends as planned. A second one beside it is for when the first dies: both go for the same batches, and one of them wins.
- **PostgreSQL** has one ledger of an installation, on one server. Its disk is what fills: put old movements away in time ([operations](operations.md#old-movements)).
- **Beyond ${count(limits.installation)} a second** an installation is not enough. Several of them, each with its own products, its own Redis, worker and PostgreSQL, add up; who calls has to know which one has a product. That is what the row of installations counts.
- **Memory** is the holds'. What is sold stays for a day, so that a repeat hears what became of it: a long sale needs the row of confirmed holds times its minutes.
`;
}

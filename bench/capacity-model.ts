/** docs/capacity.md: what so many reservations a second need, computed from what one of them took. */
import { z } from "zod";

const Cpu = z.strictObject({
  api: z.number(),
  worker: z.number(),
  redis: z.number(),
  postgres: z.number(),
});

/** What one run measured; all but the rate is for one reservation of one product. */
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
  bytes: z.strictObject({
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
    /** Of Redis's memory: a live hold, and what the journal keeps for the ledger. */
    hold: z.number(),
    journal: z.number(),
  }),
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
/** Above it the figures say more of the others than of us. */
const OTHERS_MAX = 0.1;

/** What one of each can do a second: `most` is the end, `planned` leaves room. */
export function limitsOf({ reserveUs }: Figures) {
  const of = (us: number) => ({ most: US_A_SECOND / us, planned: (US_A_SECOND / us) * LOAD_SHARE });
  const redis = of(reserveUs.redis);
  const worker = of(reserveUs.worker);
  return {
    redis,
    worker,
    /** Its batches are taken apart and written one after the other. */
    drain: of(reserveUs.worker + reserveUs.postgres),
    installation: Math.min(redis.planned, worker.planned),
  };
}

/** What so many reservations a second need. */
export function needsOf(figures: Figures, perSecond: number) {
  const { reserveUs, bytes } = figures;
  const cores = (us: number): number =>
    Math.ceil((perSecond * us) / US_A_SECOND / LOAD_SHARE - ROUNDING);
  const partitions = cores(Math.max(reserveUs.redis, reserveUs.worker + reserveUs.postgres));
  return {
    apis: cores(reserveUs.api),
    redis: cores(reserveUs.redis),
    workers: cores(reserveUs.worker),
    postgresCores: cores(reserveUs.postgres),
    installations: cores(Math.max(reserveUs.redis, reserveUs.worker)),
    partitions,
    holdBytes: perSecond * (HOLD_SECONDS + ENDED_SECONDS.EXPIRED) * bytes.hold,
    soldBytesAMinute: perSecond * 60 * bytes.hold,
    waitingBytesAMinute: perSecond * 60 * bytes.journal,
    secondsWithoutLedger: (WAITING_MAX * partitions) / perSecond,
    fileBytes: perSecond * bytes.file,
    walBytes: perSecond * bytes.wal,
    ledgerBytesAnHour: perSecond * 3_600 * bytes.ledger,
    requestBits: perSecond * bytes.request * 8,
    answerBits: perSecond * bytes.answer * 8,
    redisBits: perSecond * (bytes.toRedis + bytes.fromRedis) * 8,
    allBits: perSecond * bytes.together * 8,
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

function measuredTable({ reserveUs, bytes }: Figures): string {
  const us = (value: number): string => `${value.toFixed(1)} µs`;
  const sum = Object.values(reserveUs).reduce((total, value) => total + value, 0);
  return table(
    ["of", "for each reservation"],
    [
      ["processor: API", us(reserveUs.api)],
      ["processor: worker", us(reserveUs.worker)],
      ["processor: Redis", us(reserveUs.redis)],
      ["processor: PostgreSQL", us(reserveUs.postgres)],
      ["processor: together", us(sum)],
      ["HTTP: request, answer", `${count(bytes.request)} B, ${count(bytes.answer)} B`],
      ["Redis: sent to it, by it", `${count(bytes.toRedis)} B, ${count(bytes.fromRedis)} B`],
      ["between all processes, with the heads of packets", `${count(bytes.together)} B`],
      ["append-only file of Redis", `${count(bytes.file)} B`],
      ["log of PostgreSQL", `${count(bytes.wal)} B`],
      ["tables and indexes of PostgreSQL", `${count(bytes.ledger)} B`],
      ["memory of Redis: the hold", `${count(bytes.hold)} B`],
      ["memory of Redis: its part of the journal", `${count(bytes.journal)} B`],
    ],
  );
}

/** The document. */
export function capacityPage(figures: Figures): string {
  const { date, commit, machine, versions, othersShare, connections, perSecond } = figures;
  const { confirmUs } = figures;
  const limits = limitsOf(figures);
  const all = RATES.map((rate) => needsOf(figures, rate));
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const confirm = Object.values(confirmUs).reduce((sum, value) => sum + value, 0);
  const noisy =
    othersShare > OTHERS_MAX
      ? `\n**Others used ${percent(othersShare)} of the processors meanwhile**: processor times are too high then. \`bun run bench:capacity --write\` on a quiet machine replaces them.\n`
      : "";
  return `# Capacity

What to plan for how many reservations a second. \`bun run bench:capacity --write\` measures one reservation of one product (everything on: token, validation, metrics, \`appendfsync always\`, each movement written to PostgreSQL meanwhile), and writes this page and its figures (\`bench/capacity.json\`). The rest is arithmetic: \`bench/capacity-model.ts\`. Nobody has run 100 000 a second: the larger a figure is, the less it is more than that arithmetic.

## What one reservation took

Measured on ${date} at commit ${commit}, on ${machine}, with ${software.join(", ")}, at ${connections} connections, where ${count(perSecond)} reservations a second were made. Others used ${percent(othersShare)} of the processors.
${noisy}
${measuredTable(figures)}

A confirm is another such change: ${confirm.toFixed(1)} µs of processor, ${confirmUs.redis.toFixed(1)} of them of Redis. Cancelling and expiring cost about that. Fewer connections make smaller batches, which cost more each. The log of PostgreSQL is measured without what it writes once more after each checkpoint. The ids of customers and orders are short here: what is longer of yours comes on top, in the memory, the file and the journal of Redis, and in each index of PostgreSQL that has it.

## What so many a second need

Processors are planned to be used to ${percent(LOAD_SHARE)}. A hold lives ${HOLD_SECONDS / 60} minutes and is kept ${ENDED_SECONDS.EXPIRED / 60} more once it expired, ${ENDED_SECONDS.CONFIRMED / 3_600} hours once it was confirmed. Every reservation names a new order of one product.

${table(
  ["", ...RATES.map((rate) => `${count(rate)}/s`)],
  ROWS.map(([name, text]) => [name, ...all.map(text)]),
)}

## What has to be split, and when

- **One product** lives in one partition, and a partition on one thread of Redis. That is ${count(limits.redis.planned)} reservations of one hot product a second as planned, and ${count(limits.redis.most)} where nothing else is left of that core. No number of partitions, servers or processes takes it beyond that.
- **The API** is split first: it keeps nothing. \`start api --workers N\` uses N cores of one machine, and further machines serve beside it.
- **Partitions** (\`PARTITIONS\`, fixed when the store is made) share one Redis and one thread of it. They are for the ledger: each is written by one drain at a time, at most ${count(limits.drain.most)} movements a second. A cart does not span partitions.
- **Redis** is the next limit: one server is one core, ${count(limits.redis.planned)} reservations a second as planned, over all products. It needs a second core for writing its file anew, and a disk that syncs quickly. Redis Cluster is not built ([ARCHITECTURE.md](../ARCHITECTURE.md#not-yet)).
- **The worker** takes apart what is written: ${count(limits.worker.planned)} movements a second as planned. A second one beside it is for when the first dies: both go for the same batches, and one of them wins.
- **PostgreSQL** has one ledger of an installation, on one server. Its disk is what fills: put old movements away in time ([operations](operations.md#old-movements)).
- **Beyond ${count(limits.installation)} a second** an installation is not enough. Several of them, each with its own products, its own Redis, worker and PostgreSQL, add up; who calls has to know which one has a product. That is what the row of installations counts.
- **Memory** is the holds'. What is sold stays for a day, so that a repeat hears what became of it: a long sale needs the row of confirmed holds times its minutes.
`;
}

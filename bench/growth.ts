/** Whether a store that has grown is as fast as a small one, and how it gets rid of a backlog. */
import postgres from "postgres";
import { freePort } from "#embedded/free-port";
import { createPostgres } from "#postgres/client";
import { createEpochLedger } from "#postgres/epochs";
import { ensureStore } from "#postgres/store-row";
import { helpIfAsked } from "#test/help";
import { createDatabase, removeFolder, temporaryFolder } from "#test/servers";
import { openStore } from "#test/store";
import { aimLines, aimOf, figureText, tableLines, type Aim } from "./aims.ts";
import type { Rate } from "./callers.ts";
import { print, readNumbers, runBench, say, UsageError, type Numbers } from "./command.ts";
import { cpuUsOf, othersText, startMeter } from "./cpu.ts";
import {
  backlogOf,
  bytesOf,
  fillBacklog,
  fillHolds,
  fillProducts,
  rateOf,
  type Sized,
} from "./growth-store.ts";
import { launchBun, mustHave, startRedis } from "./servers.ts";
import { median } from "./statistics.ts";
import { ledgerCaughtUp } from "./stock.ts";

helpIfAsked(`Measures whether a store that has grown reserves as fast as a small one, how fast PostgreSQL takes a
backlog of the journal, and how fast an API starts beside all that.

Usage:
  bun run bench:growth [options]

Options:
  --products N   products of the large store                        (default: 1000000)
  --holds N      holds that are live in it                          (default: 1000000)
  --backlog N    movements that wait for PostgreSQL in its journal  (default: 5000000)
  --small N      products of the small store                        (default: 1000)
  --seconds N    length of one measurement of the rate              (default: 5)
  --rounds N     rounds; medians are printed                        (default: 3)
  --json         prints every figure as JSON

Examples:
  bun run bench:growth
  bun run bench:growth --products 100000 --holds 100000 --backlog 500000
  bun run bench:growth --rounds 5 --json > growth.json

Both stores are filled by the store's own verbs, without HTTP; with the defaults that takes some 15 minutes,
10 GB of memory and 30 GB in the system's temporary folder (TMPDIR), which must be on a real disk for
fsync to cost what it costs. Redis does not rewrite its file while the rates are measured.`);

/** What the service set out to reach. */
const RATE_MIN = 0.9;
/** Rates show growth only where Redis is their limit; its processor time shows it everywhere. */
const REDIS_US_MAX = 1 / RATE_MIN;
const BACKLOG_SECONDS_MAX = 120;
const START_SECONDS_MAX = 5;

const STARTS = 3;
const RULES = {
  products: { fallback: 1_000_000, most: 10_000_000 },
  holds: { fallback: 1_000_000, most: 10_000_000 },
  backlog: { fallback: 5_000_000, most: 50_000_000 },
  small: { fallback: 1_000, most: 1_000_000 },
  seconds: { fallback: 5, most: 600 },
  rounds: { fallback: 3, most: 100 },
};
/** Above every backlog: what is refused here is a mistake of this file. */
const JOURNAL_ENTRIES_MAX = 1_000_000_000;
const DRAIN_MS_MAX = 3_600_000;
const STOP_MS_MAX = 20_000;
const MEBIBYTE = 1024 ** 2;

interface Site {
  readonly folder: string;
  readonly stack: AsyncDisposableStack;
  readonly env: Readonly<Record<string, string>>;
  readonly postgresPid: number;
  readonly sql: postgres.Sql;
}

interface Stores {
  readonly site: Site;
  readonly large: Sized;
  readonly small: Sized;
}

/** Starts the servers of both stores; the large one has a ledger. */
async function openStores(
  folder: string,
  stack: AsyncDisposableStack,
  of: Numbers<keyof typeof RULES>["of"],
): Promise<Stores> {
  say("starting two Redis and PostgreSQL ...");
  const servers = stack.use(await startRedis(folder, "large", { postgres: true }));
  const others = stack.use(await startRedis(folder, "small", { postgres: false }));
  const { url: databaseUrl } = await createDatabase({ url: servers.databaseUrl });
  const env = {
    REDIS_URL: servers.redisUrl,
    DATABASE_URL: databaseUrl,
    JOURNAL_MAX_ENTRIES: `${JOURNAL_ENTRIES_MAX}`,
  };
  const sql = stack.adopt(postgres(databaseUrl, { max: 1 }), (pool) => pool.end());
  const site = { folder, stack, env, postgresPid: mustHave(servers.postgresPid), sql };
  // It migrates.
  await (await startRole(site, "worker")).end("SIGTERM", STOP_MS_MAX);
  const epochSql = stack.adopt(createPostgres(databaseUrl, { connectionsMax: 1 }), (pool) =>
    pool.end(),
  );
  const { storeId } = await ensureStore(epochSql, 1);
  const limits = { journalEntriesMax: JOURNAL_ENTRIES_MAX };
  const epochs = createEpochLedger(epochSql, storeId);
  const large = {
    bed: stack.use(await openStore(servers.redisUrl, { ...limits, epochs })),
    redisPid: mustHave(servers.redisPid),
    products: of("products"),
    live: 0,
  };
  const small = {
    bed: stack.use(await openStore(others.redisUrl, limits)),
    redisPid: mustHave(others.redisPid),
    products: of("small"),
    live: 0,
  };
  return { site, large, small };
}

async function startRole(site: Site, role: "api" | "worker") {
  const port = freePort();
  const env = { ...site.env, [role === "api" ? "PORT" : "WORKER_PORT"]: `${port}` };
  const script = ["src/main.ts", "start", role];
  return await launchBun(site, { name: role, script, env, port, isReady: true });
}

/** Products with a worker beside them, holds and backlog without. */
async function fill(
  { site, large, small }: Stores,
  of: Numbers<keyof typeof RULES>["of"],
): Promise<void> {
  await fillProducts(small);
  const worker = await startRole(site, "worker");
  await fillProducts(large);
  say("the ledger takes the products ...");
  await ledgerCaughtUp({ redis: large.bed.redis, sql: site.sql }, DRAIN_MS_MAX);
  await worker.end("SIGTERM", STOP_MS_MAX);
  await fillHolds(large, of("holds"));
  await fillBacklog(large, Math.ceil((of("backlog") - of("holds")) / 2));
}

const KINDS = ["all", "hot"] as const;
interface Pair {
  readonly what: (typeof KINDS)[number];
  readonly small: Rate;
  readonly large: Rate;
}

/** Small and large by turns, so that what disturbs the machine disturbs both. */
async function ratesOf(
  { large, small }: Stores,
  rounds: number,
  seconds: number,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  const of = (sized: Sized, what: Pair["what"]) => rateOf(sized, what, seconds);
  say("warming up ...");
  for (const what of KINDS) {
    await of(small, what);
    await of(large, what);
  }
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds} ...`);
    for (const what of KINDS) {
      const isLargeFirst = round % 2 === 0;
      const first = await of(isLargeFirst ? large : small, what);
      const second = await of(isLargeFirst ? small : large, what);
      pairs.push(
        isLargeFirst
          ? { what, small: second, large: first }
          : { what, small: first, large: second },
      );
    }
  }
  return pairs;
}

/** Seconds from the start of an API's process until it may be sent requests. */
async function startsOf(site: Site): Promise<readonly number[]> {
  const seconds: number[] = [];
  for (let start = 1; start <= STARTS; start += 1) {
    say(`start ${start} of ${STARTS} ...`);
    const startedAt = performance.now();
    const api = await startRole(site, "api");
    seconds.push((performance.now() - startedAt) / 1_000);
    await api.end("SIGTERM", STOP_MS_MAX);
  }
  return seconds;
}

/** From the start of a worker until PostgreSQL has every movement; microseconds are for each. */
async function drainOf({ site, large }: Stores) {
  const movements = await backlogOf(large);
  say(`PostgreSQL takes ${movements} movements ...`);
  const before = { redis: cpuUsOf(large.redisPid), postgres: cpuUsOf(site.postgresPid) };
  const startedAt = performance.now();
  const worker = await startRole(site, "worker");
  await ledgerCaughtUp({ redis: large.bed.redis, sql: site.sql }, DRAIN_MS_MAX);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuUs = {
    worker: cpuUsOf(worker.pid) / movements,
    redis: (cpuUsOf(large.redisPid) - before.redis) / movements,
    postgres: (cpuUsOf(site.postgresPid) - before.postgres) / movements,
  };
  await worker.end("SIGTERM", STOP_MS_MAX);
  return { movements, seconds, perSecond: movements / seconds, cpuUs };
}

/** Throws where the ledger does not have the holds that are live. */
async function mustAgree({ site, large }: Stores): Promise<void> {
  const [row] = await site.sql`SELECT sum(reserved) AS reserved FROM levels`;
  const reserved = Number(row?.["reserved"]);
  if (reserved === large.live) return;
  throw new Error(`${large.live} units are held, the ledger has ${reserved}`);
}

const middleOf = (pairs: readonly Pair[], what: Pair["what"], pick: (pair: Pair) => number) =>
  median(pairs.filter((pair) => pair.what === what).map(pick));

function tableOf(pairs: readonly Pair[]): string[] {
  const rows = KINDS.flatMap((what) =>
    (["small", "large"] as const).map((size) => [
      `${what === "all" ? "all products" : "one hot product"}, ${size} store`,
      String(Math.round(middleOf(pairs, what, (pair) => pair[size].perSecond))),
      figureText(middleOf(pairs, what, (pair) => pair[size].redisUs)),
      figureText(middleOf(pairs, what, (pair) => pair[size].callerUs)),
    ]),
  );
  return tableLines([["reserve", "per s", "redis µs", "caller µs"], ...rows]);
}

function aimsOf(
  pairs: readonly Pair[],
  drain: Awaited<ReturnType<typeof drainOf>>,
  starts: readonly number[],
  backlog: number,
): Aim[] {
  const ratio = (what: Pair["what"]): number =>
    middleOf(pairs, what, ({ large, small }) => large.perSecond / small.perSecond);
  const redisRatio = (what: Pair["what"]): number =>
    middleOf(pairs, what, ({ large, small }) => large.redisUs / small.redisUs);
  return [
    ...KINDS.flatMap((what) => {
      const words = `reserve of ${what === "all" ? "all products" : "a hot product"}`;
      return [
        aimOf(`${words}: rate of the large store, of the small one's`, ratio(what), {
          least: RATE_MIN,
        }),
        aimOf(`${words}: Redis's µs in the large store, of the small one's`, redisRatio(what), {
          most: REDIS_US_MAX,
        }),
      ];
    }),
    aimOf(`seconds until PostgreSQL has ${backlog} movements`, backlog / drain.perSecond, {
      most: (BACKLOG_SECONDS_MAX * backlog) / RULES.backlog.fallback,
    }),
    aimOf("seconds until an API that starts is ready", median(starts), {
      most: START_SECONDS_MAX,
    }),
  ];
}

async function main(args: readonly string[]): Promise<void> {
  const { of, json } = readNumbers(args, RULES);
  if (of("backlog") < of("holds")) {
    throw new UsageError("--backlog takes at least --holds: each hold is a movement of it");
  }
  const folder = temporaryFolder("bench-growth");
  await using stack = new AsyncDisposableStack();
  stack.defer(() => removeFolder(folder));
  const stores = await openStores(folder, stack, of);
  await fill(stores, of);
  const others = startMeter();
  const pairs = await ratesOf(stores, of("rounds"), of("seconds"));
  const size = await bytesOf(stores.large);
  const starts = await startsOf(stores.site);
  const drain = await drainOf(stores);
  const othersShare = others();
  await mustAgree(stores);
  const aims = aimsOf(pairs, drain, starts, of("backlog"));
  if (json) {
    const all = { command: args, othersShare, aims, pairs, starts, drain, size };
    return print(JSON.stringify(all, null, 2));
  }
  const { worker, redis, postgres: database } = drain.cpuUs;
  const [memory, file] = [size.memory, size.file].map((bytes) => Math.round(bytes / MEBIBYTE));
  const texts = [
    `Holdfast bench:growth: ${of("products")} products, ${of("holds")} live holds, a backlog of ${of("backlog")} movements`,
    othersText(othersShare),
    `size      Redis has ${memory} MiB in memory and ${file} MiB of append-only file`,
    "",
    "Aims",
    ...aimLines(aims),
    "",
    "Medians over the rounds; µs of processor for each reservation.",
    "",
    ...tableOf(pairs),
    "",
    `PostgreSQL took ${drain.movements} movements in ${drain.seconds.toFixed(1)} s, ${Math.round(drain.perSecond)} a second; µs of processor for each: worker ${figureText(worker)}, redis ${figureText(redis)}, postgres ${figureText(database)}.`,
    `Starts: ${starts.map((seconds) => seconds.toFixed(2)).join(", ")} s. What is held stands in the ledger.`,
  ];
  print(texts.join("\n"));
}

await runBench(main);

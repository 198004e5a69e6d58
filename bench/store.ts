/**
 * The stock store by itself, without HTTP and without a ledger: how many reservations it makes, what a
 * live hold takes of Redis's memory, and how long a script call runs at every size of a batch.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { startEmbedded } from "#embedded/servers";
import { CustomerId, type Reservation } from "#inventory/model";
import { journalKey } from "#redis/keys";
import { BATCH_ITEMS_MAX } from "#redis/batch";
import { helpIfAsked } from "#test/help";
import { removeFolder, temporaryFolder } from "#test/servers";
import { endCommand, initialize, openStore, reserveCommand, type TestStore } from "#test/store";
import { aimLines, aimOf } from "./aims.ts";
import { CALLERS, rateWhileAsked, type Rate } from "./callers.ts";
import { print, readNumbers, runBench, say } from "./command.ts";
import { median, percentile } from "./statistics.ts";
import { HOT, UNITS } from "./stock.ts";

helpIfAsked(`Measures the stock store by itself: rate, memory of a hold, length of a script call.

Usage:
  bun run bench:store [--seconds N] [--holds N] [--json]     (default: 5 seconds, 100000 holds)

Its Redis is its own, with appendfsync always, in the system's temporary folder (TMPDIR), which must
be on a real disk for fsync to cost what it costs.`);

/** What the store set out to reach. */
const RATE_MIN = 130_000;
const HOLD_BYTES_MAX = 400;
const CALL_US_MAX = 2_000;

const RULES = {
  seconds: { fallback: 5, most: 600 },
  holds: { fallback: 100_000, most: 10_000_000 },
};
const WARM_UP_SECONDS = 2;
const CALLS_OF_A_SIZE = 200;
const CART_LINES = 100;
const SIZES = [1, 2, 4, 8, 16, 32, BATCH_ITEMS_MAX];

const place = `${process.pid}-${Date.now()}`;
let made = 0;

/** Another order of another customer, as shops name them. */
const command = (lines: Readonly<Record<string, number>>) => {
  made += 1;
  const more = { customerId: CustomerId.parse(crypto.randomUUID()) };
  return reserveCommand(`${crypto.randomUUID()}-${place}-${made}`.slice(0, 36), lines, more);
};

async function reserveOne({ store }: TestStore, lines: Readonly<Record<string, number>>) {
  const outcome = await store.reserve(command(lines));
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

const usedBy = async (redis: Redis): Promise<number> => {
  // The journal goes to the ledger and is trimmed; what it takes is no hold's.
  await redis.xtrim(journalKey(0), "MAXLEN", 0);
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
};

async function bytesOfHold(bed: TestStore, holds: number): Promise<number> {
  const before = await usedBy(bed.redis);
  for (let first = 0; first < holds; first += CALLERS) {
    const some = Array.from({ length: Math.min(CALLERS, holds - first) }, () => ({ [HOT]: 1 }));
    await Promise.all(some.map((lines) => reserveOne(bed, lines)));
  }
  return ((await usedBy(bed.redis)) - before) / holds;
}

const SlowLog = z.array(
  z.tuple([z.int(), z.int(), z.int(), z.array(z.string())]).rest(z.unknown()),
);

interface Calls {
  readonly verb: string;
  readonly items: number;
  readonly calls: number;
  readonly medianUs: number;
  readonly p99Us: number;
  readonly mostUs: number;
}

/** Script calls of a verb with so many items each, as long as Redis says that they ran. */
async function callsOf(
  redis: Redis,
  verb: string,
  items: number,
  batch: () => Promise<unknown>,
): Promise<Calls> {
  await redis.call("SLOWLOG", "RESET");
  for (let call = 0; call < CALLS_OF_A_SIZE; call += 1) await batch();
  const entries = SlowLog.parse(await redis.call("SLOWLOG", "GET", "-1"));
  const us = entries
    .filter(([, , , [name = ""]]) => name.toLowerCase().startsWith("evalsha"))
    .map(([, , took]) => took)
    .toSorted((one, other) => one - other);
  return {
    verb,
    items,
    calls: us.length,
    medianUs: median(us),
    p99Us: percentile(us, 0.99),
    mostUs: percentile(us, 1),
  };
}

async function lengthsOfCalls(bed: TestStore): Promise<readonly Calls[]> {
  const { store, redis } = bed;
  await redis.config("SET", "slowlog-log-slower-than", "0");
  await redis.config("SET", "slowlog-max-len", "100000");
  const cart: Record<string, number> = {};
  for (let line = 0; line < CART_LINES; line += 1) {
    await initialize(store, `bench-cart-${line}`, UNITS);
    cart[`bench-cart-${line}`] = 1;
  }
  const many = (items: number, lines: Readonly<Record<string, number>>): Promise<Reservation[]> =>
    Promise.all(Array.from({ length: items }, () => reserveOne(bed, lines)));
  const all: Calls[] = [];
  const ends = { confirm: store.confirm.bind(store), cancel: store.cancel.bind(store) };
  for (const items of SIZES) {
    all.push(await callsOf(redis, "reserve", items, () => many(items, { [HOT]: 1 })));
    for (const [verb, end] of Object.entries(ends)) {
      const waiting: Reservation[][] = [];
      for (let call = 0; call < CALLS_OF_A_SIZE; call += 1) {
        waiting.push(await many(items, { [HOT]: 1 }));
      }
      const batch = () =>
        Promise.all((waiting.pop() ?? []).map((one) => end(endCommand(one.reservationId))));
      all.push(await callsOf(redis, verb, items, batch));
    }
  }
  for (const items of [1, 2]) {
    const verb = `reserve of ${CART_LINES} lines`;
    all.push(await callsOf(redis, verb, items, () => many(items, cart)));
  }
  return all;
}

/** Takes more entries than any run makes: there is no ledger that would take them. */
const journalEntriesMax = 1_000_000_000;

async function onFreshStore<Result>(
  url: string,
  work: (bed: TestStore) => Promise<Result>,
): Promise<Result> {
  await using bed = await openStore(url, { journalEntriesMax });
  await initialize(bed.store, HOT, UNITS);
  const result = await work(bed);
  await bed.redis.flushall();
  return result;
}

interface Told {
  readonly rate: Rate;
  readonly bytes: number;
  readonly calls: readonly Calls[];
}

function tell({ rate, bytes, calls }: Told, json: boolean): void {
  const longest = Math.max(...calls.map(({ p99Us }) => p99Us));
  const aims = [
    aimOf("reservations a second", rate.perSecond, { least: RATE_MIN }),
    aimOf("bytes of Redis a live hold", bytes, { most: HOLD_BYTES_MAX }),
    aimOf("µs of a script call, p99 of any size", longest, { most: CALL_US_MAX }),
  ];
  if (json) return print(JSON.stringify({ aims, rate, bytes, calls }, null, 2));
  const lines = calls.map(({ verb, items, medianUs, p99Us, mostUs }) => {
    const words = `${verb} of ${items}`.padEnd(28);
    return `${words}${String(medianUs).padStart(8)}${String(p99Us).padStart(8)}${String(mostUs).padStart(8)}`;
  });
  const text = [
    "Aims of the store without HTTP and ledger",
    ...aimLines(aims),
    "",
    `A reservation costs Redis ${rate.redisUs.toFixed(1)} µs and its caller ${rate.callerUs.toFixed(1)} µs.`,
    "",
    `${"µs of a script call of".padEnd(28)}${"median".padStart(8)}${"p99".padStart(8)}${"most".padStart(8)}`,
    ...lines,
  ];
  print(text.join("\n"));
}

async function main(args: readonly string[]): Promise<void> {
  const { of, json } = readNumbers(args, RULES);
  const folder = temporaryFolder("bench-store");
  const servers = await startEmbedded({ dataDir: folder, redis: true, postgres: false, say });
  try {
    const { redisUrl, redisPid } = servers;
    if (redisPid === undefined) throw new Error("the bench lacks its Redis");
    const rate = await onFreshStore(redisUrl, async (bed) => {
      const make = () => reserveOne(bed, { [HOT]: 1 });
      say("warming up ...");
      await rateWhileAsked(redisPid, WARM_UP_SECONDS, make);
      say(`reserving for ${of("seconds")} s ...`);
      return await rateWhileAsked(redisPid, of("seconds"), make);
    });
    const { bytes, calls } = await onFreshStore(redisUrl, async (bed) => {
      say(`${of("holds")} holds ...`);
      const each = await bytesOfHold(bed, of("holds"));
      say("script calls of every size ...");
      return { bytes: each, calls: await lengthsOfCalls(bed) };
    });
    tell({ rate, bytes, calls }, json);
  } finally {
    await servers.stop();
    removeFolder(folder);
  }
}

await runBench(main);

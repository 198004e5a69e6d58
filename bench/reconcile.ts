/**
 * How long a comparison of a large store takes, quiet and while it sells, and what it costs Redis:
 * `bun bench/reconcile.ts [products] [holds] [visits a second]`.
 */
import { helpIfAsked } from "#test/help";
import { startPostgres } from "#test/servers";
import { initialize, reserveCommand } from "#test/store";
import { openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { numberOf, UsageError } from "./command.ts";
import { cpuUsOf } from "./cpu.ts";

helpIfAsked(`Measures how long a comparison of a large store takes, and what it costs Redis.

Usage:
  bun run bench:reconcile [PRODUCTS] [HOLDS] [VISITS_A_SECOND]     (default: 100000 20000 1000)

Servers and their data are its own.`);

const NAMES = ["PRODUCTS", "HOLDS", "VISITS_A_SECOND"];
const NUMBER_MAX = 10_000_000;

function numbers(args: readonly string[]): number[] {
  try {
    if (args.length > NAMES.length) throw new UsageError(`at most ${NAMES.join(" ")}; see --help`);
    return args.map((text, i) => numberOf(NAMES[i] ?? "", text, NUMBER_MAX));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return process.exit(2);
  }
}

const [products = 100_000, holds = 20_000, visits = 1_000] = numbers(Bun.argv.slice(2));
/** Commands that wait at once while the store is filled. */
const CHUNK = 1_000;
const QUIET_MS = 15_000;
/** Until the load has its connections, and its first holds end. */
const WARM_UP_MS = 5_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ids = Array.from({ length: products }, (_, i) => `product-${i}`);

async function fill({ store, drained }: ReconcileBed): Promise<void> {
  for (let first = 0; first < products; first += CHUNK) {
    await Promise.all(ids.slice(first, first + CHUNK).map((id) => initialize(store, id, 1_000)));
  }
  for (let first = 0; first < holds; first += CHUNK) {
    const some = Array.from({ length: Math.min(CHUNK, holds - first) }, (_, i) => first + i);
    await Promise.all(
      some.map((i) =>
        store.reserve(reserveCommand(`order-${i}`, { [`product-${i % products}`]: 1 })),
      ),
    );
  }
  await drained();
}

/** Seconds of processor that the server has used. */
async function processorOf({ redis }: ReconcileBed): Promise<number> {
  const pid = /^process_id:(\d+)/m.exec(await redis.info("server"))?.[1];
  return cpuUsOf(Number(pid)) / 1_000_000;
}

async function measured(bed: ReconcileBed, what: string, work: () => Promise<unknown>) {
  const [startedAt, before] = [performance.now(), await processorOf(bed)];
  const answer = await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const processor = (await processorOf(bed)) - before;
  say(`${what}: ${seconds.toFixed(1)} s, Redis ${processor.toFixed(2)} s of processor`);
  return { answer, seconds, processor };
}

await using postgres = await startPostgres({ fsync: false });
await using bed = await openReconcileBed({ postgres });
await measured(bed, "filled", () => fill(bed));
const quiet = await measured(bed, "compared at rest", () => bed.report());
say(JSON.stringify(quiet.answer));

/** Load as another process makes it, which answers how many holds it has made by now. */
function startLoad({ redisUrl, db, storeId }: ReconcileBed) {
  let told = Promise.withResolvers<number>();
  const script = `${import.meta.dir}/reconcile-load.ts`;
  const child = Bun.spawn({
    cmd: [process.execPath, script, redisUrl, db.url, storeId, `${products}`, `${visits}`],
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (made) => told.resolve(Number(made)),
  });
  return {
    async made(): Promise<number> {
      told = Promise.withResolvers();
      child.send("made");
      return await told.promise;
    },
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await child.exited;
    },
  };
}

await using load = startLoad(bed);
await load.made();
await Bun.sleep(WARM_UP_MS);

const perHold = async (what: string, work: () => Promise<unknown>): Promise<number> => {
  const before = await load.made();
  const { processor, seconds } = await measured(bed, what, work);
  const made = (await load.made()) - before;
  const each = processor / made;
  say(
    `${what}: ${(made / seconds).toFixed(0)} holds/s, ${(each * 1e6).toFixed(1)} µs of Redis each`,
  );
  return each;
};
const alone = await perHold("sold alone", () => Bun.sleep(QUIET_MS));
const together = await perHold("sold and compared", () => bed.report());
const after = await perHold("sold alone again", () => Bun.sleep(QUIET_MS));
const more = (together / ((alone + after) / 2) - 1) * 100;
say(`a hold costs Redis ${more.toFixed(0)} % more meanwhile`);

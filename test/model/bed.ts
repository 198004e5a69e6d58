/** A Redis with stores on it, on which run follows run, each on an empty keyspace. */
import { Redis } from "ioredis";
import { loadScript } from "#redis/script";
import { metaKey } from "#redis/keys";
import type { Shape } from "#model/plan";
import { compare, type Run } from "#model/run";
import { same } from "#model/same";
import { loadWhole, look } from "#model/seen";
import type { Slots } from "#model/slots";
import type { Step } from "#model/turns";
import { Tap, WordCounts } from "#model/tap";
import { unreservedOf, newWorld, productOf, reservationOf, seqOf } from "#model/world";
import { SCRIPT_PATHS } from "#test/answers";
import { startRedis } from "#test/servers";
import { openStore, soon, type TestStore } from "#test/store";

/** Ahead of Redis's own clock, the scripts' clock stands still wherever it is put. */
const AHEAD_MS = 30 * 86_400_000;
/** Longer than anything here takes. */
const HOUR_MS = 3_600_000;

export interface Bed extends AsyncDisposable {
  readonly words: WordCounts;
  /** Commands and runs that went through. */
  readonly counts: { commands: number; runs: number };
  /** Does these steps on an empty keyspace; rejects at the first difference from the model. */
  run(shape: Shape, steps: readonly Step[]): Promise<void>;
}

/** A process that runs are of, one after the other, and what is known of its batches. */
type Watched = TestStore & { readonly tap: Tap; readonly slots: Slots };

export async function openBed(options: { cluster: boolean; partitions: number }): Promise<Bed> {
  // Nothing here is about the disk, and a long run would fill it.
  const settings = { appendonly: "no", save: "" };
  const server = await startRedis({ cluster: options.cluster, settings });
  const redis = new Redis(server.url);
  await loadWhole(redis);
  for (const path of SCRIPT_PATHS) await redis.script("LOAD", loadScript(path).text);
  const stores = new Map<number, Watched>();
  const words = new WordCounts();
  const counts = { commands: 0, runs: 0 };
  let failedAfter: number | undefined;

  /** One process for each size of the journal that shapes have: it is a setting of the process. */
  async function storeOf({ journalEntriesMax }: Shape) {
    const open = stores.get(journalEntriesMax);
    if (open) return open;
    await redis.flushall();
    const { partitions } = options;
    // Nobody looks by itself while the keyspace is emptied between two runs.
    const quiet = { partitions, journalEntriesMax, attendEveryMs: HOUR_MS };
    const opened = await openStore(server.url, quiet);
    const tap = new Tap();
    tap.listenTo(opened.redis);
    const made = Object.assign(opened, { tap, slots: new Map() });
    stores.set(journalEntriesMax, made);
    metas.set(made, await metasOf());
    return made;
  }
  const metas = new Map<TestStore, Record<string, string>[]>();
  const metasOf = (): Promise<Record<string, string>[]> =>
    Promise.all(Array.from({ length: options.partitions }, (_, i) => redis.hgetall(metaKey(i))));

  return {
    words,
    counts,
    async run(shape, steps) {
      const opened = await storeOf(shape);
      const begun = metas.get(opened) ?? [];
      const run = await beginRun(redis, opened, shape, begun, words);
      try {
        for (const step of steps) await step.take(run);
        await compareReads(run);
      } catch (error) {
        // What it still asks for must not meet the next run.
        stores.delete(shape.journalEntriesMax);
        await opened[Symbol.asyncDispose]();
        const told = run.told.slice(-TOLD_MAX).join("\n");
        const message = error instanceof Error ? error.message : String(error);
        // The runs that follow make the sequence shorter.
        failedAfter ??= counts.commands + run.commands;
        throw new Error(
          `${message}\n\nfirst seen after ${failedAfter} commands; the last of this run:\n${told}`,
          { cause: error },
        );
      }
      counts.commands += run.commands;
      counts.runs += 1;
    },
    async [Symbol.asyncDispose]() {
      for (const store of stores.values()) await store[Symbol.asyncDispose]();
      redis.disconnect();
      await server.stop();
    },
  };
}

const TOLD_MAX = 12;

/** Empties the keyspace down to what `begin` left, and forgets what the process knew beyond it. */
async function beginRun(
  redis: Redis,
  opened: Watched,
  shape: Shape,
  begun: readonly Record<string, string>[],
  words: WordCounts,
): Promise<Run> {
  await redis.flushall();
  const { time } = await look(redis, new Map());
  const lastNow = shape.isClockRunning ? time : time + AHEAD_MS;
  const swept = Math.floor(lastNow / 1_000);
  for (const [i, meta] of begun.entries()) {
    const numbers = { lastNow: String(lastNow), swept: String(swept) };
    await redis.hset(metaKey(i), { ...meta, ...numbers });
  }
  for (const partition of opened.partitions) {
    partition.mark = 0;
    partition.drained = 0;
  }
  const { store, waitlist, tap, slots } = opened;
  tap.take();
  const epochs = begun.map((meta) => Number(meta["epoch"]));
  return {
    shape,
    store,
    waitlist,
    redis,
    tap,
    slots,
    words,
    worlds: epochs.map((epoch, i) => newWorld(i, epoch, lastNow, swept)),
    metas: begun,
    claims: new Map(),
    batches: new Map(),
    operations: epochs.map(() => new Map()),
    journals: new Map(),
    charged: new Set(),
    keyed: [],
    startedAt: time,
    seenAt: time,
    next: 0,
    commands: 0,
    told: [],
  };
}

/** What the store reads for others is what the model says, too. */
async function compareReads(run: Run): Promise<void> {
  const { store } = run;
  for (const world of run.worlds) {
    const products = Array.from(world.products.values(), async (product) => {
      const { productId, attributes } = product;
      const [found, claimed] = await Promise.all([
        store.product(productId, soon()),
        store.productOfSku(attributes.sku, soon()),
      ]);
      same("product", found, productOf(product));
      same("productOfSku", claimed, run.claims.get(attributes.sku));
    });
    const owners = new Set<string>();
    const lookups = world.holds.toReversed().map(async (hold) => {
      const expected = reservationOf(world, hold);
      const { reservationId } = expected;
      const isLast = !owners.has(hold.owner);
      owners.add(hold.owner);
      const found = await store.reservation(reservationId, soon());
      same("reservation", found, isLast ? expected : null);
    });
    await Promise.all([...products, ...lookups]);
    const { partition, drained } = world;
    const positions = await store.positions(soon(), partition);
    same("positions", positions, [{ partition, seq: seqOf(world), drained }]);
  }
  const all = run.worlds.flatMap(({ products }) => [...products.values()]);
  const low = all.filter((it) => unreservedOf(it) <= it.attributes.lowStockThreshold);
  const listed = await store.lowStock(1_000, soon());
  same("low stock", new Set(listed), new Set(low.map(({ productId }) => productId)));
  compare(run, await look(run.redis, run.journals), new Map());
}

/** Stores of a known size for bench/growth.ts: filled past HTTP, by the store's own verbs. */
import type { Redis } from "ioredis";
import { until } from "#embedded/wait";
import { CustomerId, type Reservation } from "#inventory/model";
import { metaKey } from "#redis/keys";
import { endCommand, initialize, reserveCommand, soon, type TestStore } from "#test/store";
import { CALLERS, rateWhileAsked, type Rate } from "./callers.ts";
import { say } from "./command.ts";
import { HOT, UNITS } from "./stock.ts";

/** Holds outlast the run: none ends while the figures are taken. */
const HOLD_SECONDS = 14_400;
/** A command may wait while Redis rewrites its file. */
const DEADLINE_MS = 60_000;
const REWRITE_MS_MAX = 600_000;
const PROGRESS_EVERY_MS = 10_000;
/** Coprime with any round number of products: neighbours in time are no neighbours in the store. */
const STRIDE = 7_919;

export interface Sized {
  readonly bed: TestStore;
  readonly redisPid: number;
  readonly products: number;
  /** Reservations that were made and are live. */
  live: number;
}

const place = `${process.pid}-${Date.now()}`;
let made = 0;

const productAt = (products: number, number: number): string =>
  `growth-${(number * STRIDE) % products}`;

/** Does so many pieces of work, some of them at once, and says now and then how far it is. */
export async function inTurns(
  what: string,
  count: number,
  work: (number: number) => Promise<unknown>,
): Promise<void> {
  let [next, done] = [0, 0];
  const startedAt = performance.now();
  const tell = (): void => {
    const seconds = (performance.now() - startedAt) / 1_000;
    say(`${what}: ${done} of ${count}, ${Math.round(done / seconds)} a second`);
  };
  const progress = setInterval(tell, PROGRESS_EVERY_MS);
  const caller = async (): Promise<void> => {
    while (next < count) {
      const number = next;
      next += 1;
      await work(number);
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(CALLERS, count) }, caller));
    tell();
  } finally {
    clearInterval(progress);
  }
}

export async function fillProducts({ bed, products }: Sized): Promise<void> {
  await initialize(bed.store, HOT, UNITS);
  await inTurns("products", products, (number) =>
    initialize(bed.store, `growth-${number}`, UNITS, { deadline: soon(DEADLINE_MS) }),
  );
}

/** A new order of a new customer. */
async function reserveOne({ bed }: Sized, productId: string): Promise<Reservation> {
  made += 1;
  const outcome = await bed.store.reserve(
    reserveCommand(
      `${crypto.randomUUID()}-${place}-${made}`.slice(0, 36),
      { [productId]: 1 },
      {
        customerId: CustomerId.parse(crypto.randomUUID()),
        holdSeconds: HOLD_SECONDS,
        deadline: soon(DEADLINE_MS),
      },
    ),
  );
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

export async function fillHolds(sized: Sized, holds: number): Promise<void> {
  await inTurns("live holds", holds, async (number) => {
    await reserveOne(sized, productAt(sized.products, number));
    sized.live += 1;
  });
}

/** Holds that are made and given back: two movements each that the ledger does not have yet. */
export async function fillBacklog(sized: Sized, pairs: number): Promise<void> {
  await inTurns("holds that ended", pairs, async (number) => {
    const { reservationId } = await reserveOne(sized, productAt(sized.products, number));
    const ended = await sized.bed.store.cancel(
      endCommand(reservationId, { deadline: soon(DEADLINE_MS) }),
    );
    if (ended.kind !== "done") throw new Error(`cancel answered ${ended.kind}`);
  });
}

/** Reservations a second while callers ask all the time, of one product or of all. */
export async function rateOf(sized: Sized, what: "hot" | "all", seconds: number): Promise<Rate> {
  const { redisPid, products } = sized;
  await rewritten(sized.bed.redis);
  const rate = await rateWhileAsked(redisPid, seconds, () =>
    reserveOne(sized, what === "hot" ? HOT : productAt(products, made)),
  );
  sized.live += rate.count;
  return rate;
}

/** Waits until Redis does not rewrite its append-only file, and keeps it from beginning to. */
async function rewritten(redis: Redis): Promise<void> {
  await redis.config("SET", "auto-aof-rewrite-percentage", "0");
  await until("Redis has rewritten its file", REWRITE_MS_MAX, async () =>
    (await redis.info("persistence")).includes("aof_rewrite_in_progress:0"),
  );
}

/** Movements that Redis has and, as far as it was told, the ledger has not. */
export async function backlogOf({ bed }: Sized): Promise<number> {
  const [seq, drained] = await bed.redis.hmget(metaKey(0), "seq", "drained");
  return Number(seq) - Number(drained);
}

/** Bytes of memory that Redis counts, and of its append-only file. */
export async function bytesOf({ bed }: Sized): Promise<{ memory: number; file: number }> {
  const number = (text: string, name: string): number =>
    Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1]);
  return {
    memory: number(await bed.redis.info("memory"), "used_memory"),
    file: number(await bed.redis.info("persistence"), "aof_current_size"),
  };
}

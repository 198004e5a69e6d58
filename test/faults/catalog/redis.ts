/** A Redis that forgets, goes back, or has no room. */
import { cpSync, readFileSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { journalKey, metaKey } from "#redis/keys";
import { Caller } from "#test/caller";
import { moreEffects } from "#test/effects";
import { filesOf, startAsOperator } from "#test/operator";
import { isRunning, tokenOf } from "#test/service";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import type { During, Fault } from "#faults/fault";
import { numberIn } from "#faults/harm";
import { headersIn, LateCalls } from "#faults/late-calls";
import type { Link } from "#faults/link";
import { errorsOf } from "#faults/witness";

const EFFECTS = 60;
/** Movements that the ledger has and a rolled back Redis lacks. */
const AHEAD = 50;
const AHEAD_MS_MAX = 20_000;
/** A rebuild asks twice, 5 s apart, whether another server is in use. */
const REBUILT_MS_MAX = 20_000;
const ENDED_MS_MAX = 5_000;
/** Below what an empty Redis uses. */
const FULL = "1mb";
/** Of the service, where Redis takes no write. */
const REFUSED = "redis_unavailable: Redis takes no changes at the moment";
const REFUSED_MS_MAX = 5_000;
const Problem = z.object({ code: z.string(), detail: z.string() });
/** From when the way is free until what was held back on it has come. */
const LATE_MS_MAX = 2_000;
/** Commands cut off the end of the append-only file. */
const CUT_BYTES = [1, 20_000] as const;
/** The last of them may have been under way, and nobody was told. */
const ENTRIES_LOST_MIN = 4;

/** One connection past every proxy. */
export async function askRedis<Result>(
  bed: Bed,
  work: (redis: Redis) => Promise<Result>,
): Promise<Result> {
  const redis = new Redis(bed.servers.redisUrl);
  redis.on("error", () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

const copyOf = ({ redis }: Bed): string => join(redis.folder, "earlier-copy");

function keepCopy(bed: Bed): void {
  rmSync(copyOf(bed), { recursive: true, force: true });
  cpSync(filesOf(bed.redis), copyOf(bed), { recursive: true });
}

/** Redis starts with the files of another moment. */
async function putBack(bed: Bed): Promise<void> {
  await bed.redis.kill();
  rmSync(filesOf(bed.redis), { recursive: true, force: true });
  cpSync(copyOf(bed), filesOf(bed.redis), { recursive: true });
  // It was copied under way: its end may be torn.
  await startAsOperator(bed.redis);
}

async function rollBack({ bed }: During): Promise<void> {
  await askRedis(bed, async (redis) => {
    keepCopy(bed);
    const numberOf = async (field: string) => Number(await redis.hget(metaKey(0), field));
    const seq = await numberOf("seq");
    await until(async () => (await numberOf("drained")) > seq + AHEAD, {
      withinMs: AHEAD_MS_MAX,
      what: "the ledger is ahead of the copy",
    });
  });
  await putBack(bed);
}

/**
 * Redis goes back unnoticed: nothing of it has reached the ledger, and who was told of it sleeps.
 * Others sell from what it was; then the one that remembers wakes.
 */
async function fork({ bed, load, random }: During) {
  const [one, other] = bed.apis;
  if (!one || !other) throw new Error("a fork takes two APIs");
  const drains = bed.workers.map(({ service }) => service);
  await other.service.kill();
  await Promise.all(drains.map((service) => service.kill()));
  keepCopy(bed);
  await moreEffects(load.users, EFFECTS);
  await load.usersLeave();
  // Clients leave it too, or they would wait for it as long as it sleeps.
  one.fromClients.misbehave({ drop: 1_000 }, random);
  one.service.signal("SIGSTOP");
  one.fromClients.reset();
  await putBack(bed);
  await other.service.restart();
  await load.othersCome();
  await moreEffects(load.users, EFFECTS);
  return async () => {
    one.service.signal("SIGCONT");
    one.fromClients.misbehave(null, random);
    await Promise.all(drains.map((service) => service.restart()));
  };
}

async function lateAfterRebuild({ bed, load, saw }: During) {
  const [one] = bed.apis;
  if (!one) throw new Error("there is no API to cut off");
  one.toRedis.hold();
  const epoch = await askRedis(bed, async (redis) => {
    await moreEffects(load.users, EFFECTS / 2);
    const before = await redis.hget(metaKey(0), "epoch");
    await redis.flushall();
    await until(
      async () => {
        const [now, fence] = await redis.hmget(metaKey(0), "epoch", "fence");
        return now !== null && fence === null && now !== before;
      },
      { withinMs: REBUILT_MS_MAX, what: "the partition is rebuilt" },
    );
    return before ?? "";
  });
  return async () => saw(await refusedLate(bed, one.toRedis, epoch));
}

/** Lets go batches of an ended epoch; answers how many came, each of which has changed nothing. */
async function refusedLate({ servers }: Bed, link: Link, epoch: string): Promise<number> {
  const held = headersIn(link.asked, epoch);
  using calls = await LateCalls.watch(servers.redisUrl, held);
  link.resume();
  // Who sent them has left: a connection may be reset before Redis has read all of it.
  await until(() => calls.came.size === held.size, {
    withinMs: LATE_MS_MAX,
    what: "all that was held back came",
  }).catch(() => undefined);
  for (const [header, commands] of calls.came) {
    if (commands.join() === "hmget") continue;
    const words = `${JSON.stringify(header)} came late and was run: ${commands.join(", ")}`;
    throw new Error(`a batch of epoch ${epoch} ${words}`);
  }
  return calls.came.size;
}

/** Asks every API for a change; answers how many refused it because Redis had no memory for it. */
async function refusedForMemory({ bed, load }: During): Promise<number> {
  const token = await tokenOf("admin", "administrator");
  const path = `/product/${load.productIds[0]}/reserve`;
  const isRefused = (caller: Caller, redis: Redis) => async (): Promise<boolean> => {
    const before = await errorsOf(redis);
    const body = { quantity: 1, orderId: randomId(8) };
    const { body: answer } = await caller.once({ method: "POST", path, token, body });
    const now = await errorsOf(redis);
    const grew = [...now].filter(([code, count]) => count > (before.get(code) ?? 0));
    const { code, detail } = Problem.parse(answer);
    return `${code}: ${detail}` === REFUSED && grew.map(([name]) => name).join() === "OOM";
  };
  for (const { name, service } of bed.apis) {
    await askRedis(bed, (redis) =>
      until(isRefused(new Caller(service.url), redis), {
        withinMs: REFUSED_MS_MAX,
        what: `${name} refuses a change because Redis is out of memory`,
      }),
    );
  }
  return bed.apis.length;
}

async function cutFile({ bed, random }: During): Promise<void> {
  await bed.redis.kill();
  const [last] = readdirSync(filesOf(bed.redis))
    .filter((name) => name.endsWith(".incr.aof"))
    .toSorted((one, another) => numberIn(another) - numberIn(one));
  const path = join(filesOf(bed.redis), last ?? "");
  const lost = random.whole(...CUT_BYTES);
  truncateSync(path, Math.max(0, Math.min(statSync(path).size - lost, endOfKnown(path))));
  await startAsOperator(bed.redis);
}

/** Where the last entries of the journal begin: without less than these nobody might miss anything. */
function endOfKnown(path: string): number {
  const bytes = readFileSync(path);
  let at = bytes.length;
  for (let left = ENTRIES_LOST_MIN; left > 0 && at > 0; left -= 1) {
    at = bytes.lastIndexOf(journalKey(0), at - 1);
  }
  return at;
}

export const REDIS: readonly Fault[] = [
  {
    name: "flushall",
    witness: { by: "rebuild" },
    what: "FLUSHALL: Redis forgets everything, the jobs of BullMQ too",
    lastsMs: [0, 0],
    mayLose: true,
    begin: ({ bed }) => askRedis(bed, async (redis) => void (await redis.flushall())),
  },
  {
    name: "late-after-rebuild",
    witness: { by: "sight", of: "late batches that were refused after the rebuild" },
    what: "FLUSHALL and a rebuild while one API is cut off: what it sent arrives at what was rebuilt",
    lastsMs: [0, 0],
    mayLose: true,
    isSlow: true,
    begin: lateAfterRebuild,
  },
  {
    name: "script-flush",
    witness: { by: "error", code: "NOSCRIPT" },
    what: "SCRIPT FLUSH: Redis forgets every script",
    lastsMs: [0, 500],
    begin: ({ bed }) => askRedis(bed, async (redis) => void (await redis.script("FLUSH"))),
  },
  {
    name: "rollback",
    witness: { by: "rebuild" },
    what: "Redis starts with older files, and the ledger is ahead of them",
    lastsMs: [0, 0],
    mayLose: true,
    isSlow: true,
    begin: rollBack,
  },
  {
    name: "fork",
    witness: { by: "rebuild" },
    what: "Redis starts with older files, unnoticed, and sells on before who remembers wakes",
    lastsMs: [0, 0],
    mayLose: true,
    withoutLedger: true,
    withoutShortHolds: "who made them would remember them, and nobody may but who sleeps",
    isSlow: true,
    begin: fork,
  },
  {
    name: "cut-file",
    witness: { by: "rebuild" },
    what: "the end of the append-only file is gone when Redis starts again",
    lastsMs: [0, 0],
    mayLose: true,
    isSlow: true,
    begin: cutFile,
  },
  {
    name: "memory-full",
    witness: { by: "sight", of: "changes refused because Redis answered OOM" },
    what: "Redis is at maxmemory and evicts nothing",
    lastsMs: [1_000, 3_000],
    async begin(during) {
      const { bed } = during;
      const set = (limit: string) =>
        askRedis(bed, async (redis) => void (await redis.config("SET", "maxmemory", limit)));
      await set(FULL);
      during.saw(await refusedForMemory(during));
      return () => set("0");
    },
  },
  {
    name: "disk-full",
    witness: { by: "itself", because: "Redis ended" },
    what: "the append-only file may not grow: Redis ends at the next change",
    lastsMs: [1_000, 2_000],
    begin({ bed }) {
      bed.disk.fill(bed.redis);
      const { pid } = bed.redis;
      return async () => {
        await until(() => !isRunning(pid), { withinMs: ENDED_MS_MAX, what: "Redis has ended" });
        bed.disk.free();
        await startAsOperator(bed.redis);
      };
    },
  },
];

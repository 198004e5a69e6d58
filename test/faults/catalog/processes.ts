/** Processes that die, and processes that stand still. */
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { metaKey } from "#redis/keys";
import { QUEUE_NAME, QUEUE_PREFIX } from "#workers/catalog";
import { startService } from "#test/service";
import { until } from "#test/until";
import type { Bed, Member } from "#faults/bed";
import { asked } from "#faults/catalog/postgres";
import { askRedis } from "#faults/catalog/redis";
import type { During, Fault } from "#faults/fault";
import type { Random } from "#test/random";

const STILL_MS = [500, 3_000] as const;
/** Longer than a claim and a job's lock last, which are 30 s. */
const PAST_ITS_TIME_MS = [32_000, 33_000] as const;
/** BullMQ looks every 30 s for jobs whose lock has run out, and takes what it met twice. */
const TAKEN_OVER_MS_MAX = 40_000;
/** From the load's short holds there is a job in each second, for one of the two workers. */
const AT_WORK_MS_MAX = 30_000;
/** A job of a worker that is not stopped is over long before. */
const STUCK_MS = 500;
/** Of a thousand requests. */
const ALL = 1_000;
const DRAINED_MS_MAX = 10_000;

const KILLED = { by: "itself", because: "the process ended" } as const;
const STOPPED = { by: "itself", because: "the process stood still" } as const;
const STOPPED_MS_MAX = 2_000;

/** SIGSTOP is not waited for by who sends it. */
const untilStopped = (pid: number) =>
  until(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("T") === true, {
    withinMs: STOPPED_MS_MAX,
    what: `process ${pid} stands still`,
  });

const ACTIVE = `${QUEUE_PREFIX}:${QUEUE_NAME}:active`;
const jobsAtHand = (redis: Redis): Promise<string[]> => redis.lrange(ACTIVE, 0, -1);

/**
 * Stops a worker that has a job at hand; answers the job. Jobs take long meanwhile, for the ways of all
 * workers are slow: one that alone is slower would get none.
 */
async function stopAtWork({ service }: Member, bed: Bed, random: Random): Promise<string> {
  for (const { toRedis } of bed.workers) toRedis.misbehave({ delay: ALL }, random);
  // What a worker that was killed had at hand stays there for a while.
  const old = new Set(await askRedis(bed, jobsAtHand));
  const isStuck = (redis: Redis) => async (): Promise<string | null> => {
    const before = (await jobsAtHand(redis)).filter((job) => !old.has(job));
    if (before.length === 0) return null;
    service.signal("SIGSTOP");
    await untilStopped(service.pid);
    let left: string[] = before;
    const areOver = async (): Promise<boolean> => {
      const now = await jobsAtHand(redis);
      left = left.filter((job) => now.includes(job));
      return left.length === 0;
    };
    const over = { withinMs: STUCK_MS, what: "what was at hand is over" };
    await until(areOver, over).catch(() => undefined);
    if (left.length === 0) service.signal("SIGCONT");
    return left[0] ?? null;
  };
  const within = { withinMs: AT_WORK_MS_MAX, what: "a worker was stopped with a job at hand" };
  try {
    return await askRedis(bed, (redis) => until(isStuck(redis), within));
  } finally {
    for (const { toRedis } of bed.workers) toRedis.misbehave(null, random);
  }
}

/** A worker sleeps with a job at hand until another one has taken that over, and wakes in the middle of it. */
async function sleepAtWork({ bed, random, saw }: During) {
  const sleeper = random.pick(bed.workers);
  const job = await stopAtWork(sleeper, bed, random);
  return async () => {
    await askRedis(bed, (redis) =>
      until(async () => !(await jobsAtHand(redis)).includes(job), {
        withinMs: TAKEN_OVER_MS_MAX,
        what: `job ${job} was taken over`,
      }),
    );
    saw(1);
    sleeper.service.signal("SIGCONT");
  };
}

/** The third one has the ledger to itself for a moment: answers what it brought there. */
async function drainedAlone(bed: Bed): Promise<number> {
  for (const { service } of bed.workers) service.signal("SIGSTOP");
  try {
    await Promise.all(bed.workers.map(({ service }) => untilStopped(service.pid)));
    // What they had sent may still be written: what came later is of nobody else.
    const since = await askRedis(bed, async (redis) => Number(await redis.hget(metaKey(0), "seq")));
    const beyond = async (): Promise<number> => {
      const rows = await asked(bed, (sql) => sql`SELECT cursor_seq FROM partitions`);
      return Math.max(0, Number(rows[0]?.["cursor_seq"]) - since);
    };
    return await until(beyond, { withinMs: DRAINED_MS_MAX, what: "the third one drained" });
  } finally {
    for (const { service } of bed.workers) service.signal("SIGCONT");
  }
}

/** Whatever may be killed and stopped, one of each kind. */
const KINDS: readonly (readonly [kind: string, pick: (bed: Bed, random: Random) => Member])[] = [
  ["api", ({ apis }, random) => random.pick(apis)],
  ["worker", ({ workers }, random) => random.pick(workers)],
];

export const PROCESSES: readonly Fault[] = [
  ...KINDS.flatMap(([kind, pick]): Fault[] => [
    {
      name: `kill-${kind}`,
      witness: KILLED,
      what: `kill -9 of one ${kind}, which starts again`,
      lastsMs: [0, 1_000],
      async begin({ bed, random }) {
        const { service } = pick(bed, random);
        await service.kill();
        return () => service.restart();
      },
    },
    {
      name: `stop-${kind}`,
      witness: STOPPED,
      what: `one ${kind} stands still (SIGSTOP) and goes on`,
      lastsMs: STILL_MS,
      async begin({ bed, random }) {
        const { service } = pick(bed, random);
        service.signal("SIGSTOP");
        await untilStopped(service.pid);
        return () => service.signal("SIGCONT");
      },
    },
  ]),
  ...(["redis", "postgres"] as const).flatMap((kind): Fault[] => [
    {
      name: `kill-${kind}`,
      witness: KILLED,
      what: `kill -9 of ${kind}, which starts again`,
      lastsMs: [0, 1_000],
      async begin({ bed }) {
        await bed[kind].kill();
        return () => bed[kind].restart();
      },
    },
    {
      name: `stop-${kind}`,
      witness: STOPPED,
      what: `${kind} stands still (SIGSTOP) and goes on`,
      lastsMs: STILL_MS,
      async begin({ bed }) {
        bed[kind].pause();
        await untilStopped(bed[kind].pid);
        return () => bed[kind].resume();
      },
    },
  ]),
  {
    name: "kill-all",
    witness: KILLED,
    what: "kill -9 of every process and server at once, as when the power goes",
    lastsMs: [0, 500],
    isSlow: true,
    // Nobody is left who could tell what it was told.
    async begin({ bed: { apis, workers, redis, postgres } }) {
      const services = [...apis, ...workers].map(({ service }) => service);
      await Promise.all([...services, redis, postgres].map((one) => one.kill()));
      return async () => {
        await Promise.all([redis.restart(), postgres.restart()]);
        await Promise.all(services.map((service) => service.restart()));
      };
    },
  },
  {
    name: "worker-past-its-time",
    witness: { by: "sight", of: "jobs of the worker that stood still, taken over by the other" },
    what: "a worker stands still in a job until another took that over, longer than claims and locks last",
    lastsMs: PAST_ITS_TIME_MS,
    isSlow: true,
    begin: sleepAtWork,
  },
  {
    name: "more-drains",
    witness: {
      by: "sight",
      of: "movements that the third worker drained while the two stood still",
    },
    what: "a third worker drains, expires and looks after all beside the two, and is killed",
    lastsMs: [500, 2_000],
    async begin({ bed, saw }) {
      const third = await startService({ ...bed.servers, role: "worker" });
      return async () => {
        try {
          saw(await drainedAlone(bed));
        } finally {
          await third.kill();
        }
      };
    },
  },
];

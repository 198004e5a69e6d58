/** Processes that die, and processes that stand still. */
import { readFileSync } from "node:fs";
import { startService } from "#test/service";
import { until } from "#test/until";
import type { Bed, Member } from "#faults/bed";
import type { Fault } from "#faults/fault";
import type { Random } from "#test/random";

const STILL_MS = [500, 3_000] as const;
/** Longer than a claim and a job's lock last, which are 30 s. */
const PAST_ITS_TIME_MS = [32_000, 33_000] as const;

const KILLED = { by: "itself", because: "the process ended" } as const;
const STOPPED = { by: "itself", because: "the process stood still" } as const;
const STOPPED_MS_MAX = 2_000;

/** SIGSTOP is not waited for by who sends it. */
const untilStopped = (pid: number) =>
  until(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("T") === true, {
    withinMs: STOPPED_MS_MAX,
    what: `process ${pid} stands still`,
  });

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
    witness: STOPPED,
    what: "a worker stands still for longer than its claims and locks last, and goes on",
    lastsMs: PAST_ITS_TIME_MS,
    isSlow: true,
    async begin({ bed, random }) {
      const { service } = random.pick(bed.workers);
      service.signal("SIGSTOP");
      await untilStopped(service.pid);
      return () => service.signal("SIGCONT");
    },
  },
  {
    name: "more-drains",
    witness: { by: "itself", because: "the third was ready" },
    what: "a third worker drains, expires and looks after all beside the two, and is killed",
    lastsMs: [500, 2_000],
    async begin({ bed }) {
      const third = await startService({ ...bed.servers, role: "worker" });
      return () => third.kill();
    },
  },
];

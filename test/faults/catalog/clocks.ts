/** Clocks that jump while all serve: that of Redis, which decides, and those of the service, which must not. */
import { until } from "#test/until";
import type { Bed, Member } from "#faults/bed";
import { askRedis } from "#faults/catalog/redis";
import type { During, Fault } from "#faults/fault";
import type { Random } from "#test/random";

/** Below the fifteen minutes that a user's hold lives. */
const AHEAD_SECONDS = [5, 240] as const;
const BACK_SECONDS = [1, 3] as const;
/** It tells beyond 5 s, and looks every 2 s: until the last of these it is behind for 4 s and more. */
const FAR_BACK_SECONDS = [9, 13] as const;
const WENT_BACK = "the clock of Redis went back: time stands still";
const CAUGHT_UP = "the clock of Redis has caught up";
const TOLD_MS_MAX = 6_000;
const CAUGHT_UP_MS_MAX = 20_000;
/** Either way: a token lives an hour. */
const SERVICE_SECONDS = [10, 1_800] as const;
/** A process looks once a second. */
const JUMPED_MS_MAX = 5_000;
/** The header Date has seconds. */
const OFF_MS_MAX = 2_500;

/** How far the clock of a bed was moved so far: it never goes back for good. */
const offsets = new WeakMap<Bed, number>();

async function moveClock(bed: Bed, bySeconds: number): Promise<void> {
  const { clock } = bed;
  if (!clock) throw new Error("this bed has the true time");
  const offset = (offsets.get(bed) ?? 0) + bySeconds;
  offsets.set(bed, offset);
  await askRedis(bed, async (redis) => {
    const [before] = await redis.time();
    clock.set(offset);
    const [now] = await redis.time();
    const jumped = Number(now) - Number(before);
    if (Math.abs(jumped - bySeconds) > 1) throw new Error(`the clock of Redis jumped ${jumped} s`);
  });
}

/** So far back that every process tells, and that it is over. */
async function moveFarBack({ bed, random, saw }: During) {
  const all = [...bed.apis, ...bed.workers];
  const told = new Map(all.map((one) => [one, [timesOf(one, WENT_BACK), timesOf(one, CAUGHT_UP)]]));
  const untilTold = (which: 0 | 1, words: string, withinMs: number): Promise<unknown> =>
    until(() => all.every((one) => timesOf(one, words) > (told.get(one)?.[which] ?? 0)), {
      withinMs,
      what: `every process tells "${words}"`,
    });
  await moveClock(bed, -random.whole(...FAR_BACK_SECONDS));
  await untilTold(0, WENT_BACK, TOLD_MS_MAX);
  return async () => {
    await untilTold(1, CAUGHT_UP, CAUGHT_UP_MS_MAX);
    saw(all.length);
  };
}

const timesOf = ({ service }: Member, words: string): number =>
  service.output().split(words).length - 1;

/** One jumps, either way, and is right again when it is over. */
const jump = (role: "api" | "worker", of: (bed: Bed) => readonly Member[]): Fault => ({
  name: `clock-${role}`,
  witness: { by: "itself", because: "its answers bore another time" },
  what: `the clock of one ${role} jumps by up to half an hour, ahead or back, and is put right`,
  needs: ["service clocks"],
  lastsMs: [1_000, 2_500],
  async begin({ bed, random }) {
    const member = of(bed).find(({ clock }) => clock !== null);
    if (!member) throw new Error("every process of this bed has the true time");
    await setClock(member, secondsOf(random));
    return () => setClock(member, 0);
  },
});

const secondsOf = (random: Random): number =>
  random.whole(...SERVICE_SECONDS) * random.pick([1, -1]);

/** Settles when the answers of the process say that it is so many seconds off. */
async function setClock({ name, service, clock }: Member, seconds: number): Promise<void> {
  clock?.set(seconds);
  const isSo = async (): Promise<boolean> => {
    const answer = await fetch(`${service.url}/health`);
    await answer.body?.cancel();
    const date = Date.parse(answer.headers.get("date") ?? "");
    return Math.abs(date - Date.now() - seconds * 1_000) < OFF_MS_MAX;
  };
  await until(isSo, { withinMs: JUMPED_MS_MAX, what: `${name} is ${seconds} s off` });
}

export const CLOCKS: readonly Fault[] = [
  {
    name: "clock-ahead",
    witness: { by: "itself", because: "the clock of Redis jumped" },
    what: "the clock of Redis jumps ahead by up to four minutes and stays there",
    needs: ["clock"],
    lastsMs: [500, 1_000],
    begin: ({ bed, random }) => moveClock(bed, random.whole(...AHEAD_SECONDS)),
  },
  {
    name: "clock-back",
    witness: { by: "itself", because: "the clock of Redis jumped" },
    what: "the clock of Redis goes back by some seconds: time stands still until it has caught up",
    needs: ["clock"],
    lastsMs: [3_500, 4_000],
    begin: ({ bed, random }) => moveClock(bed, -random.whole(...BACK_SECONDS)),
  },
  {
    name: "clock-far-back",
    witness: { by: "sight", of: "processes that told that it went back, and that it caught up" },
    what: "the clock of Redis goes back by up to 12 s: every process tells, until it has caught up",
    needs: ["clock"],
    lastsMs: [0, 0],
    isSlow: true,
    begin: moveFarBack,
  },
  jump("api", ({ apis }) => apis),
  jump("worker", ({ workers }) => workers),
];

/** Ways between processes that lose, double, delay, keep and cut. */
import { FAULTS } from "#test/faulty-proxy";
import { until } from "#test/until";
import type { Bed } from "#faults/bed";
import type { Fault } from "#faults/fault";
import { WIRES, type Link, type Weights } from "#faults/link";
import { faultsOn, type OnTheWay } from "#faults/witness";

const MS = [1_500, 3_000] as const;
/** Of a thousand requests: what is as frequent as that on a way is seen there before it is over. */
const SURE = 30;
const SEEN_MS_MAX = 10_000;
const DEAD_CONNECTIONS = {
  untilMs: 20_000,
  because: "BullMQ waits for some seconds on connections that are dead and were not closed",
} as const;
const HARMED = { by: "harm on the way" } as const;
const RESET_EVERY_MS = 150;

const waysOf = (bed: Bed, ...wires: readonly Link["wire"][]): Link[] =>
  bed.links.filter(({ wire }) => wires.includes(wire));

/** Every request of those ways fares by chance. */
function byChance(
  name: string,
  what: string,
  weights: Readonly<Partial<Record<Link["wire"], Weights>>>,
): Fault {
  const each = sureOf(weights);
  return {
    name,
    ...(weights.redis?.silence === undefined ? {} : { endsLate: DEAD_CONNECTIONS }),
    what,
    witness: { by: "chance on the way", each },
    lastsMs: MS,
    begin({ bed, random }) {
      const before = faultsOn(bed);
      for (const link of bed.links) link.misbehave(weights[link.wire] ?? null, random);
      const isSeen = (way: OnTheWay): boolean =>
        (faultsOn(bed).get(way) ?? 0) > (before.get(way) ?? 0);
      return async () => {
        // A slow machine asks for little: what stays away for that long, the witness tells.
        await until(() => each.every(isSeen), {
          withinMs: SEEN_MS_MAX,
          what: "each was seen",
        }).catch(() => undefined);
        for (const link of bed.links) link.misbehave(null, random);
        await Promise.all(bed.links.map((link) => link.release()));
      };
    },
  };
}

const sureOf = (weights: Readonly<Partial<Record<Link["wire"], Weights>>>): OnTheWay[] =>
  WIRES.flatMap((wire) =>
    FAULTS.filter((kind) => (weights[wire]?.[kind] ?? 0) >= SURE).map(
      (kind) => `${wire} ${kind}` as const,
    ),
  );

/** All that these ways carry is kept while it lasts, and goes on late and in order. */
const cut = (name: string, what: string, choose: (bed: Bed) => readonly Link[]): Fault =>
  keepBack(name, what, choose, (link) => link.hold());

/** What these ways are asked arrives and is done; the answers come late, when nobody waits any more. */
const keepAnswers = (name: string, what: string, choose: (bed: Bed) => readonly Link[]): Fault =>
  keepBack(name, what, choose, (link) => link.holdAnswers());

function keepBack(
  name: string,
  what: string,
  choose: (bed: Bed) => readonly Link[],
  keep: (link: Link) => void,
): Fault {
  return {
    name,
    what,
    witness: HARMED,
    lastsMs: [2_500, 4_000],
    begin({ bed }) {
      const links = choose(bed);
      for (const link of links) keep(link);
      return () => {
        for (const link of links) link.resume();
      };
    },
  };
}

/** What is open on these ways is dead for ever, and nobody is told. */
function blackHole(name: string, what: string, choose: (bed: Bed) => readonly Link[]): Fault {
  return {
    name,
    what,
    witness: HARMED,
    lastsMs: [2_500, 4_000],
    begin({ bed }) {
      for (const link of choose(bed)) link.swallow();
    },
  };
}

export const NETWORK: readonly Fault[] = [
  byChance("lost-replies", "answers of Redis, PostgreSQL and the API are lost or come in half", {
    redis: { lose: 20, half: 15 },
    postgres: { lose: 5 },
    http: { lose: 40, half: 30 },
  }),
  byChance("lost-requests", "requests never leave, and connections fall silent", {
    redis: { drop: 20, silence: 2 },
    postgres: { drop: 5, silence: 2 },
    http: { drop: 60 },
  }),
  byChance("duplicates", "requests come twice, or after their repeat", {
    redis: { copy: 400, hold: 60 },
    http: { copy: 250, hold: 80 },
  }),
  byChance("latency", "whatever is sent may be late, and all behind it", {
    redis: { delay: 200 },
    postgres: { delay: 200 },
    http: { delay: 200 },
  }),
  byChance("bad-network", "all of these at once, on every way", {
    redis: { lose: 15, half: 10, drop: 10, delay: 60, copy: 150, hold: 30 },
    postgres: { lose: 5, drop: 5, delay: 60 },
    http: { lose: 30, half: 20, drop: 30, delay: 60, copy: 60, hold: 40 },
  }),
  {
    name: "resets",
    witness: HARMED,
    what: "all connections of one way after the other are reset, again and again",
    lastsMs: MS,
    begin({ bed, random }) {
      const timer = setInterval(() => random.pick(bed.links).reset(), RESET_EVERY_MS);
      return () => clearInterval(timer);
    },
  },
  cut("cut-redis", "nobody reaches Redis; what was sent arrives late", (bed) =>
    waysOf(bed, "redis"),
  ),
  cut("cut-postgres", "nobody reaches PostgreSQL; what was sent arrives late", (bed) =>
    waysOf(bed, "postgres"),
  ),
  cut("cut-api", "one API reaches neither server, the other both", ({ apis: [first] }) =>
    first ? [first.toRedis, first.toLedger] : [],
  ),
  cut("late-append", "one worker's statements come after the other went on", ({ workers }) =>
    workers.slice(0, 1).map(({ toLedger }) => toLedger),
  ),
  keepAnswers("late-answers-redis", "one API is answered by Redis when it waits no more", (bed) =>
    bed.apis.slice(0, 1).map(({ toRedis }) => toRedis),
  ),
  keepAnswers(
    "late-answers-postgres",
    "workers hear late that their appends were committed",
    (bed) => bed.workers.map(({ toLedger }) => toLedger),
  ),
  {
    ...blackHole("black-hole-redis", "every connection to Redis is dead and stays open", (bed) =>
      waysOf(bed, "redis"),
    ),
    endsLate: DEAD_CONNECTIONS,
  },
  blackHole("black-hole-postgres", "every connection to PostgreSQL is dead and stays open", (bed) =>
    waysOf(bed, "postgres"),
  ),
];

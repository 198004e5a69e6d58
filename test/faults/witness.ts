/** What shows that a fault did its harm: one that harmed nothing has not been lived through. */
import { Redis } from "ioredis";
import type { Sql } from "postgres";
import type { Fault as WayFault } from "#test/faulty-proxy";
import { reported, type Reported } from "#test/lost";
import type { Bed } from "#faults/bed";
import type { Wire } from "#faults/link";

/** `redis lose`: what happened to a request, on ways of that kind. */
export type OnTheWay = `${Wire} ${WayFault}`;

export type Witness =
  /** A partition was rebuilt. */
  | { readonly by: "rebuild" }
  /** Redis answered with that error, such as `OOM`. */
  | { readonly by: "error"; readonly code: string }
  /** The ways kept or swallowed what was sent, or reset connections. */
  | { readonly by: "harm on the way" }
  /** Each of these happened to a request: one way is no witness for another. */
  | { readonly by: "chance on the way"; readonly each: readonly OnTheWay[] }
  /** The fault itself saw it, and noted how often. */
  | { readonly by: "sight"; readonly of: string }
  /** Its begin or its end rejects where it did nothing. */
  | { readonly by: "itself"; readonly because: string };

/** What there was of it until now. */
export interface Sight {
  readonly lost: Reported;
  /** By the fault itself. */
  readonly noted: number;
  /** By code, since Redis started. */
  readonly errors: ReadonlyMap<string, number>;
  readonly harmed: number;
  /** Requests. */
  readonly onTheWay: ReadonlyMap<OnTheWay, number>;
}

export async function sightOf(bed: Bed, sql: Sql, noted: number): Promise<Sight> {
  const redis = new Redis(bed.servers.redisUrl);
  try {
    return {
      lost: await reported(sql),
      noted,
      errors: await errorsOf(redis),
      harmed: bed.links.reduce((sum, { harmed }) => sum + harmed, 0),
      onTheWay: faultsOn(bed),
    };
  } finally {
    redis.disconnect();
  }
}

/** Errors that Redis answered since it started, by code. */
export async function errorsOf(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const stats = await redis.info("errorstats");
  const errors = [...stats.matchAll(/^errorstat_(\w+):count=(\d+)/gm)];
  return new Map(errors.map(([, code = "", count]) => [code, Number(count)]));
}

/** How often each of what must have been seen was seen. */
export function timesOf(
  witness: Witness,
  before: Sight,
  now: Sight,
): Readonly<Record<string, number>> {
  switch (witness.by) {
    case "rebuild":
      return { rebuilds: now.lost.rebuilds - before.lost.rebuilds };
    case "error": {
      const { code } = witness;
      const of = ({ errors }: Sight): number => errors.get(code) ?? 0;
      return { [`answers ${code}`]: of(now) - of(before) };
    }
    case "harm on the way":
      return { "pieces or connections harmed": now.harmed - before.harmed };
    case "chance on the way": {
      const of = ({ onTheWay }: Sight, name: OnTheWay): number => onTheWay.get(name) ?? 0;
      return Object.fromEntries(
        witness.each.map((name) => [name, of(now, name) - of(before, name)]),
      );
    }
    case "sight":
      return { [witness.of]: now.noted - before.noted };
    case "itself":
      return { [witness.because]: 1 };
  }
}

/** So far, over all ways of a kind. */
export function faultsOn({ links }: Bed): ReadonlyMap<OnTheWay, number> {
  const all = new Map<OnTheWay, number>();
  for (const { faults, wire } of links) {
    for (const [fault, count] of faults) {
      const name = `${wire} ${fault}` as const;
      all.set(name, (all.get(name) ?? 0) + count);
    }
  }
  return all;
}

/** `redis lose 12, http copy 3`. */
export const newOnTheWay = (before: Sight, now: Sight): string =>
  [...now.onTheWay]
    .map(([name, count]) => [name, count - (before.onTheWay.get(name) ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");

/** What shows that a fault did its harm: one that harmed nothing has not been lived through. */
import { Redis } from "ioredis";
import type { Sql } from "postgres";
import type { Fault as WayFault } from "#test/faulty-proxy";
import { reported, type Reported } from "#test/lost";
import type { Bed } from "#faults/bed";

export type Witness =
  /** A partition was rebuilt. */
  | { readonly by: "rebuild" }
  /** Redis answered with that error, such as `OOM`. */
  | { readonly by: "error"; readonly code: string }
  /** The ways kept or swallowed what was sent, or reset connections. */
  | { readonly by: "harm on the way" }
  /** Each of these happened to a request on its way. */
  | { readonly by: "chance on the way"; readonly kinds: readonly WayFault[] }
  /** Its begin or its end rejects where it did nothing. */
  | { readonly by: "itself"; readonly because: string };

/** What there was of it until now. */
export interface Sight {
  readonly lost: Reported;
  /** By code, since Redis started. */
  readonly errors: ReadonlyMap<string, number>;
  readonly harmed: number;
  /** `redis lose` → requests. */
  readonly onTheWay: ReadonlyMap<string, number>;
}

export async function sightOf(bed: Bed, sql: Sql): Promise<Sight> {
  const redis = new Redis(bed.servers.redisUrl);
  try {
    const stats = await redis.info("errorstats");
    const errors = [...stats.matchAll(/^errorstat_(\w+):count=(\d+)/gm)];
    return {
      lost: await reported(sql),
      errors: new Map(errors.map(([, code = "", count]) => [code, Number(count)])),
      harmed: bed.links.reduce((sum, { harmed }) => sum + harmed, 0),
      onTheWay: faultsOn(bed),
    };
  } finally {
    redis.disconnect();
  }
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
      const of = ({ onTheWay }: Sight, kind: WayFault): number =>
        [...onTheWay].reduce((sum, [name, n]) => sum + (name.endsWith(` ${kind}`) ? n : 0), 0);
      const { kinds } = witness;
      return Object.fromEntries(kinds.map((kind) => [kind, of(now, kind) - of(before, kind)]));
    }
    case "itself":
      return { [witness.because]: 1 };
  }
}

function faultsOn({ links }: Bed): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const { faults, wire } of links) {
    for (const [fault, count] of faults) {
      const name = `${wire} ${fault}`;
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

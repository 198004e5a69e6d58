/** What the simulated Redis holds, as the laws of `test/support` ask for it. */
import { Location, type Reservation } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { decodeHold } from "#redis/hold-record";
import { decodeEntry } from "#redis/journal";
import {
  expiringKey,
  journalKey,
  locationsKey,
  lowKey,
  metaKey,
  partitionTag,
  reservationKey,
} from "#redis/keys";
import { decodeLocation } from "#redis/location-record";
import { decodeProduct } from "#redis/product-record";
import { brokenInvariants, type State } from "#test/invariants";
import { brokenIndex } from "./limit-laws.ts";
import { brokenLinesIn } from "./line-laws.ts";
import { FOR_EVER } from "./redis/keyspace.ts";
import type { SimulatedRedis } from "./redis/server.ts";

type Keys = Pick<SimulatedRedis, "keys">;

/**
 * What does not hold in Redis at this moment: each script leaves it whole, also while callers are busy.
 * Only of how far the ledger is a late message of a drain may have put back what was known: that is
 * told anew within a second, so it is held to at rest alone. null: there is nothing to say of one that
 * lost its data and was not rebuilt yet.
 */
export function brokenInRedis(
  redis: Keys,
  isAtRest: boolean,
): { readonly broken: string[]; live: number } | null {
  const meta = redis.keys.read(metaKey(0), "hash")?.fields;
  if (meta?.has("epoch") !== true || meta.has("fence")) return null;
  const known = invariantState(redis);
  const told = { ...known.meta, drained: known.meta["seq"] ?? "0" };
  const state = isAtRest ? known : { ...known, meta: told };
  const broken = [...brokenInvariants(state), ...brokenLinesIn(redis), ...brokenIndex(redis)];
  return { broken, live: state.live.length };
}

export const productsOf = ({ keys }: Keys): State["products"] =>
  Array.from(keys.keys()).flatMap(([key, value]) =>
    value.type === "hash" && key.startsWith(`${partitionTag(0)}stock:`)
      ? [decodeProduct(Object.fromEntries(value.fields))]
      : [],
  );

export function recordsOf({ keys }: Keys): Reservation[] {
  const prefix = reservationKey(0, "");
  return Array.from(keys.keys()).flatMap(([key, value]) =>
    value.type === "string" && key.startsWith(prefix)
      ? [decodeHold(0, key.slice(prefix.length), value.text)]
      : [],
  );
}

function invariantState({ keys }: Keys): State {
  const records = recordsOf({ keys });
  const live = records.filter(({ status }) => status === "ACTIVE");
  const prefix = reservationKey(0, "");
  const entries = (keys.read(journalKey(0), "stream")?.entries ?? []).map(
    ({ epoch, seq, fields }) => decodeEntry(0, `${epoch}-${seq}`, [...fields]),
  );
  const seconds = live.flatMap(({ expiresAt }) => (expiresAt === null ? [] : [expiresAt / 1_000]));
  const due = seconds.map(
    (second) => [second, keys.read(expiringKey(0, second), "list")?.items ?? []] as const,
  );
  const forEver = new Set(
    Array.from(keys.keys()).flatMap(([key, , endsAt]) => (endsAt === FOR_EVER ? [key] : [])),
  );
  const kept = records
    .map(({ reservationId }) => reservationId)
    .filter((id) => forEver.has(`${prefix}${splitReservationId(id).owner}`));
  const low = keys.read(lowKey(0), "zset")?.scores ?? [];
  const locations = keys.read(locationsKey(0), "hash")?.fields ?? [];
  return {
    partition: 0,
    meta: Object.fromEntries(keys.read(metaKey(0), "hash")?.fields ?? []),
    entries,
    movements: entries.flatMap(({ movements }) => movements),
    products: productsOf({ keys }),
    records,
    live,
    low: Array.from(low, ([product, available]) => `${product}=${available}`),
    locations: Array.from(locations, ([id, text]) => decodeLocation(Location.parse(id), text)),
    due: new Map(due),
    kept: new Set(kept),
  };
}

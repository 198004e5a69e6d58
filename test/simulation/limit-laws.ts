/** Limits at rest: what is counted is what the ledger adds up to, and nobody took more than was left. */
import { customerField, HOLDS_FIELD } from "#inventory/limits";
import type { NamedLimit } from "#inventory/limit-ports";
import type { CustomerId, Movement, ProductId } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { limitedKey, metaKey, partitionTag, recordKey, ruleKey } from "#redis/keys";
import { decodeLimit, indexOf, readableLimits } from "#redis/limit-record";
import { HOUR_MS } from "./ledger-limits.ts";
import type { SimulatedRedis } from "./redis/server.ts";
import { LIMIT } from "./verbs.ts";
import type { World } from "./world.ts";

type Run = Pick<World, "redis" | "ledger" | "saw">;

/** What each customer has under each limit, by Redis and by the ledger. */
export function countsThatDiffer({ redis, ledger, saw }: Run): string[] {
  const known = new Map<string, number>();
  const windows = new Map<string, number | null>();
  for (const { rule, window, endsAt, customerId, units, holds } of ledger.state.limits) {
    const key = ruleKey(0, rule, window);
    windows.set(key, endsAt);
    const name = `${key} ${customerField(customerId)}`;
    known.set(name, units);
    if (holds > 0) known.set(`${name}${HOLDS_FIELD}`, holds);
  }
  const stored = new Map<string, number>();
  const lastAt = ledger.state.movements.at(-1)?.at ?? 0;
  for (const [key, value, endsAt] of redis.keys.keys()) {
    // What an earlier window counted nobody asks for any more.
    const isOver = endsAt <= lastAt;
    if (!key.startsWith(`${partitionTag(0)}limit:`) || value.type !== "hash" || isOver) continue;
    for (const [field, units] of value.fields) stored.set(`${key} ${field}`, Number(units));
  }
  if (stored.size > 0) saw("look at limits");
  if ([...known.keys()].some((name) => !name.includes("product:"))) saw("look at named limits");
  return [...new Set([...known.keys(), ...stored.keys()])].flatMap((name) => {
    const [has = 0, should = 0] = [stored.get(name), known.get(name)];
    const endsAt = windows.get(name.split(" ", 1)[0] ?? "") ?? null;
    const isGone = endsAt !== null && endsAt <= redis.now();
    const isAbove = name.includes(":product:") && has > LIMIT;
    if ((has === should && !isAbove) || isGone) return [];
    return [`limit: ${name} has ${has} and should have ${should}`];
  });
}

/** Which limits name a product, and that there are any, is what their records say. */
export function brokenIndex({ keys }: Pick<SimulatedRedis, "keys">): string[] {
  const records = [...(keys.read(recordKey(0, "limit"), "hash")?.fields ?? [])];
  const { byProduct, ofAll } = indexOf(readableLimits(records.flat()));
  const found = keys.read(limitedKey(0), "hash")?.fields ?? new Map<string, string>();
  const meta = keys.read(metaKey(0), "hash")?.fields.get("limits") ?? null;
  const told = inOrder(found);
  const wanted = inOrder(byProduct);
  return [
    ...(told === wanted ? [] : [`limits by product: ${told} and not ${wanted}`]),
    ...(meta === ofAll ? [] : [`limits over all: ${meta} and not ${ofAll}`]),
  ];
}

const inOrder = (index: ReadonlyMap<string, string>): string =>
  Array.from(index, ([product, ids]) => `${product}=${ids}`)
    .toSorted()
    .join(" ");

/** What one hold has of one product, or what one sale without a hold took. */
interface Taken {
  readonly customerId: CustomerId | null;
  readonly productId: ProductId;
  readonly createdAt: number;
  readonly reservationId: string | null;
  held: number;
  sold: number;
}
/** Of the named limit as it stood, and of a product's own. */
interface Rule {
  readonly name: string;
  readonly since: number;
  readonly isOver: (productId: ProductId) => boolean;
  readonly isOfHeld: boolean;
  readonly maxUnits: number;
  readonly maxHolds: number | null;
}

/**
 * Movement by movement: whoever took something had no more than its limits allowed then, by what it had
 * taken since each of them counts. Nobody is asked where a hold changes hands.
 */
export function takenAboveLimits({ ledger, saw }: Run): string[] {
  const { movements, history, products } = ledger.state;
  const changes = history.filter(({ kind }) => kind === "limit");
  const named = new Map<string, NamedLimit>();
  const owned = [...products.values()].filter(({ maxPerCustomer }) => maxPerCustomer !== null);
  if (changes.length === 0 && owned.length === 0) return [];
  const taken = new Map<string, Taken>();
  return movements.flatMap((movement, i) => {
    for (; changes[0] && changes[0].seq <= movement.seq; changes.shift()) {
      const { id, text } = changes[0];
      if (text === null) named.delete(id);
      else named.set(id, decodeLimit(id, text));
    }
    const one = follow(taken, movement, ledger.state.reservations);
    if (one === null || one.customerId === null) return [];
    const isTaking = movement.type === "RESERVE" || one.reservationId === null;
    if (!isTaking || isReassigned(movement, movements[i - 1])) return [];
    const rules = [
      ...owned.map(({ productId, limitSince, createdAt }): Rule => {
        const since = limitSince ?? createdAt;
        const isOver = (id: ProductId): boolean => id === productId;
        const most = { maxUnits: LIMIT, maxHolds: null, isOfHeld: false };
        return { name: productId, since, isOver, ...most };
      }),
      ...Array.from(named.values(), (limit) => ruleAt(limit, movement.at)),
    ].filter(({ since, isOver }) => isOver(one.productId) && one.createdAt >= since);
    return rules.flatMap((rule) => {
      if (rule.isOfHeld && one.reservationId === null) return [];
      if (rule.name !== one.productId) saw("take judged by a named limit");
      return excess(rule, one.customerId, [...taken.values()]).map(
        (text) => `movement ${movement.seq}: ${text}`,
      );
    });
  });
}

function ruleAt(
  { limitId, products, windowHours, counts, ...limit }: NamedLimit,
  at: number,
): Rule {
  const ms = (windowHours ?? 0) * HOUR_MS;
  const began = windowHours === null ? 0 : Math.floor(at / ms) * ms;
  return {
    name: limitId,
    since: Math.max(limit.since, began),
    isOver: (id) => products === "all" || products.includes(id),
    isOfHeld: counts === "held",
    maxUnits: limit.maxUnits,
    maxHolds: limit.maxHolds,
  };
}

function excess(rule: Rule, customerId: CustomerId | null, all: readonly Taken[]): string[] {
  const under = all.filter(
    (one) =>
      one.customerId === customerId && rule.isOver(one.productId) && one.createdAt >= rule.since,
  );
  const units = under.reduce((sum, { held, sold }) => sum + held + (rule.isOfHeld ? 0 : sold), 0);
  const holds = new Set(under.filter(({ held }) => held > 0).map((one) => one.reservationId)).size;
  const { name, maxUnits, maxHolds } = rule;
  return [
    ...(units > maxUnits ? [`${customerId} has ${units} under ${name}, at most ${maxUnits}`] : []),
    ...(maxHolds !== null && holds > maxHolds
      ? [`${customerId} has ${holds} holds under ${name}, at most ${maxHolds}`]
      : []),
  ];
}

/** What the movement is of, with it; null: nobody's. */
function follow(
  taken: Map<string, Taken>,
  movement: Movement,
  reservations: World["ledger"]["state"]["reservations"],
): Taken | null {
  const { productId, reservationId, type, seq, at, customerId } = movement;
  if (productId === null || (reservationId === null && type !== "SALE")) return null;
  const name = `${reservationId ?? seq} ${productId}`;
  const hold = reservationId === null ? undefined : reservations.get(reservationId);
  const one = taken.get(name) ?? {
    customerId: hold ? hold.customerId : customerId,
    productId,
    createdAt: hold?.createdAt ?? at,
    reservationId,
    held: 0,
    sold: 0,
  };
  taken.set(name, one);
  one.held += movement.reservedAfter - movement.reservedBefore;
  if (type === "SALE") one.sold += movement.onHandBefore - movement.onHandAfter;
  return one;
}

/** Units of one owner's hold that are in another's: a movement right behind the other. */
export function isReassigned(
  { type, requestId, reservationId }: Movement,
  before: Movement | undefined,
): boolean {
  if (type !== "RESERVE" || before?.type !== "RELEASE" || requestId === null) return false;
  if (before.requestId !== requestId || !before.reservationId || !reservationId) return false;
  const [from, to] = [before.reservationId, reservationId].map(
    (id) => splitReservationId(id).owner,
  );
  return from !== to;
}

/**
 * What must hold in Redis at any quiet moment, whatever happened before. The model is simpler than
 * the system: stock is the sum of the journal, reserved is the sum of the live holds.
 */
import type { Redis } from "ioredis";
import {
  campaignAt,
  DEFAULT_RULE,
  Location,
  totalsOf,
  type Movement,
  type Product,
  type RegisteredLocation,
  type Reservation,
} from "#inventory/model";
import type { JournalEntry } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { decodeHold } from "#redis/hold-record";
import { decodeEntry } from "#redis/journal";
import { expiringKey, journalKey, locationsKey, lowKey, metaKey, partitionTag } from "#redis/keys";
import { decodeLocation, decodeRules } from "#redis/location-record";
import { decodeProduct } from "#redis/product-record";
import { keysLike, textsLike } from "#test/keyspace";
import { brokenWaitlist } from "#test/waitlist-laws";

/** What was looked at, so that a test can assert that it checked something. */
export interface Checked {
  readonly products: number;
  readonly levels: number;
  /** Live holds. */
  readonly holds: number;
  readonly movements: number;
}

/** All that a partition of Redis holds. */
export interface State {
  readonly partition: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly entries: readonly JournalEntry[];
  readonly movements: readonly Movement[];
  readonly products: readonly Product[];
  /** Live ones and those that ended a short while ago. */
  readonly records: readonly Reservation[];
  readonly live: readonly Reservation[];
  /** `product=available`. */
  readonly low: readonly string[];
  readonly locations: readonly RegisteredLocation[];
  /** Seconds (the due lists' names) → owners in the list. */
  readonly due: ReadonlyMap<number, readonly string[]>;
  /** Records that have no time to live. */
  readonly kept: ReadonlySet<string>;
}

/** Throws with every invariant that does not hold; answers how much it has checked. */
export async function invariants(redis: Redis, partitions = 1): Promise<Checked> {
  const broken: string[] = [];
  const checked = { products: 0, levels: 0, holds: 0, movements: 0 };
  for (let partition = 0; partition < partitions; partition += 1) {
    const state = await read(redis, partition);
    const told = [...brokenInvariants(state), ...(await brokenWaitlist(redis, partition))];
    broken.push(...told.map((text) => `p${partition}: ${text}`));
    checked.products += state.products.length;
    checked.levels += state.products.reduce((sum, { levels }) => sum + levels.length, 0);
    checked.holds += state.live.length;
    checked.movements += state.movements.length;
  }
  if (broken.length > 0) throw new Error(`invariants are broken:\n${broken.join("\n")}`);
  return checked;
}

const LAWS: readonly ((state: State) => string[])[] = [
  levelsAreWithinBounds,
  reservedIsTheSumOfLiveHolds,
  journalHasNoGap,
  movementsChainUpToTheLevels,
  holdsAreTheSumOfTheirMovements,
  liveHoldsWillBeReleased,
  lowSetIsExact,
  registryIsWhatTheJournalSays,
];

/** Of one partition, in words. */
export const brokenInvariants = (state: State): string[] => LAWS.flatMap((law) => law(state));

/** What PTTL answers of a key without an end; of one that is gone it answers -2. */
const FOR_EVER = -1;

async function read(redis: Redis, partition: number): Promise<State> {
  const tag = partitionTag(partition);
  const entries = (await redis.xrange(journalKey(partition), "-", "+")).map(([id, fields]) =>
    decodeEntry(partition, id, fields),
  );
  const products: Product[] = [];
  for (const key of await keysLike(redis, `${tag}stock:`)) {
    products.push(decodeProduct(await redis.hgetall(key)));
  }
  const records: Reservation[] = [];
  const kept = new Set<string>();
  for (const { name, text, ttlMs } of await textsLike(redis, `${tag}reservation:`)) {
    const record = decodeHold(partition, name, text);
    records.push(record);
    if (ttlMs === FOR_EVER) kept.add(record.reservationId);
  }
  const live = records.filter(({ status }) => status === "ACTIVE");
  const due = new Map<number, string[]>();
  for (const second of new Set(
    live.flatMap(({ expiresAt }) => (expiresAt === null ? [] : [expiresAt / 1_000])),
  )) {
    due.set(second, await redis.lrange(expiringKey(partition, second), 0, -1));
  }
  const locations = await redis.hgetall(locationsKey(partition));
  const low = await redis.zrange(lowKey(partition), "0", "-1", "WITHSCORES");
  return {
    partition,
    meta: await redis.hgetall(metaKey(partition)),
    entries,
    movements: entries.flatMap(({ movements }) => movements),
    products,
    records,
    live,
    low: pairsOf(low),
    locations: Object.entries(locations).map(([location, text]) =>
      decodeLocation(Location.parse(location), text),
    ),
    due,
    kept,
  };
}

/** RESP2 answers a flat list, RESP3 pairs. */
function pairsOf(reply: readonly unknown[]): string[] {
  const flat = reply.flat().map(String);
  return flat.flatMap((member, i) => (i % 2 === 0 ? [`${member}=${flat[i + 1] ?? ""}`] : []));
}

function levelsAreWithinBounds({ products }: State): string[] {
  return products.flatMap(({ productId, levels }) =>
    levels
      .filter(({ onHand, reserved }) => reserved < 0 || onHand < reserved)
      .map((level) => `${productId} at ${level.location}: ${level.reserved} of ${level.onHand}`),
  );
}

function reservedIsTheSumOfLiveHolds({ products, live }: State): string[] {
  const held = new Map<string, number>();
  for (const { productId, location, held: units } of live.flatMap((hold) => hold.allocations)) {
    // An empty ring-fence leaves its product, whatever holds had of it before.
    if (units === 0 && campaignAt(location) !== null) continue;
    const name = `${productId} at ${location}`;
    held.set(name, (held.get(name) ?? 0) + units);
  }
  const broken: string[] = [];
  for (const { productId, levels } of products) {
    for (const { location, reserved } of levels) {
      const name = `${productId} at ${location}`;
      const sum = held.get(name) ?? 0;
      if (sum !== reserved) broken.push(`${name}: reserved ${reserved}, live holds have ${sum}`);
      held.delete(name);
    }
  }
  return [...broken, ...[...held.keys()].map((name) => `${name}: held, but there is no level`)];
}

function journalHasNoGap({ entries, movements, meta }: State): string[] {
  const broken: string[] = [];
  // A partition that was rebuilt begins with an empty journal.
  const beganAt = Number(meta["beganAt"] ?? 0);
  let seq = movements[0] === undefined ? beganAt : movements[0].seq - 1;
  if (seq > Number(meta["drained"])) broken.push(`the journal begins at ${seq + 1}, undrained`);
  let epoch = 0;
  for (const entry of entries) {
    for (const movement of entry.movements) {
      seq += 1;
      if (movement.seq !== seq) broken.push(`movement ${movement.seq} stands where ${seq} belongs`);
    }
    if (entry.seq !== seq) broken.push(`entry ${entry.epoch}-${entry.seq} ends at ${seq}`);
    if (entry.epoch < epoch) broken.push(`epoch ${entry.epoch} follows ${epoch}`);
    epoch = entry.epoch;
  }
  if (Number(meta["seq"] ?? 0) !== seq) broken.push(`meta says ${meta["seq"]}, the journal ${seq}`);
  return broken;
}

function movementsChainUpToTheLevels({ movements, products }: State): string[] {
  const broken: string[] = [];
  const isWhole = movements[0]?.seq === 1;
  const last = new Map<string, Movement>();
  const lastSeq = new Map<string, number>();
  for (const movement of movements) {
    // One of the registry moves nothing, and a product may be called null.
    if (movement.productId === null) continue;
    const name = `${movement.productId} at ${movement.location}`;
    const before = last.get(name);
    const isFirst = !before && (isWhole || movement.type === "INITIAL");
    const onHand = before?.onHandAfter ?? (isFirst ? 0 : movement.onHandBefore);
    const reserved = before?.reservedAfter ?? (isFirst ? 0 : movement.reservedBefore);
    if (movement.onHandBefore !== onHand || movement.reservedBefore !== reserved) {
      broken.push(`movement ${movement.seq} of ${name} does not begin where the last one ended`);
    }
    last.set(name, movement);
    lastSeq.set(movement.productId, movement.seq);
  }
  for (const { productId, levels, seq } of products) {
    const seqOfLast = lastSeq.get(productId);
    if (isWhole && seqOfLast !== seq) broken.push(`${productId}: seq ${seq}, moved ${seqOfLast}`);
    for (const { location, onHand, reserved } of levels) {
      const movement = last.get(`${productId} at ${location}`);
      if (!movement && !isWhole) continue;
      if (movement?.onHandAfter !== onHand || movement.reservedAfter !== reserved) {
        broken.push(`${productId} at ${location} is not what its last movement left`);
      }
    }
  }
  return broken;
}

/** By movements a hold has what its record says: all that is held if it lives, else nothing. */
function holdsAreTheSumOfTheirMovements({ movements, records, entries, kept }: State): string[] {
  if (movements[0]?.seq !== 1) return [];
  const sums = new Map<string, number>();
  for (const { reservationId, reservedBefore, reservedAfter } of movements) {
    if (reservationId === null) continue;
    sums.set(reservationId, (sums.get(reservationId) ?? 0) + reservedAfter - reservedBefore);
  }
  const broken: string[] = [];
  const journaled = new Map(
    entries.flatMap(({ reservations }) => reservations.map((hold) => [hold.reservationId, hold])),
  );
  for (const record of records) {
    const { reservationId, status } = record;
    const held = record.allocations.reduce((sum, line) => sum + line.held, 0);
    if (sums.get(reservationId) !== held) {
      broken.push(`${reservationId} holds ${held}, its movements say ${sums.get(reservationId)}`);
    }
    sums.delete(reservationId);
    if (!Bun.deepEquals(journaled.get(reservationId), record)) {
      broken.push(`${reservationId}: the journal has another last state than the record`);
    }
    if ((status === "ACTIVE") !== held > 0) broken.push(`${reservationId} is ${status} of ${held}`);
    if ((status === "ACTIVE") !== kept.has(reservationId)) {
      broken.push(`${reservationId} is ${status} and its record's time to live does not fit`);
    }
  }
  const lost = [...sums].filter(([, held]) => held !== 0);
  return [...broken, ...lost.map(([id, held]) => `${id} has no record and still holds ${held}`)];
}

function liveHoldsWillBeReleased({ live, due, meta }: State): string[] {
  return live.flatMap(({ reservationId, expiresAt }) => {
    if (expiresAt === null) return [];
    const second = expiresAt / 1_000;
    const { owner } = splitReservationId(reservationId);
    if (!due.get(second)?.includes(owner)) return [`${reservationId} is in no list of ${second}`];
    if (second <= Number(meta["swept"])) return [`${reservationId}: ${second} was swept already`];
    return [];
  });
}

function lowSetIsExact({ products, low }: State): string[] {
  const expected = products
    .map((product) => {
      const { onHand, reserved } = totalsOf(product);
      return { product, available: onHand - reserved - product.safetyStock };
    })
    .filter(({ product, available }) => available <= product.lowStockThreshold)
    .map(({ product, available }) => `${product.productId}=${available}`);
  if (Bun.deepEquals(expected.toSorted(), low.toSorted())) return [];
  return [`the low set is ${low.join(" ")}, should be ${expected.join(" ")}`];
}

/** The rules in meta are those of the records, and a record is the last that the journal has of it. */
function registryIsWhatTheJournalSays({ locations, entries, movements, meta }: State): string[] {
  const ruled = locations.filter(
    ({ active, priority }) => !Bun.deepEquals({ active, priority }, DEFAULT_RULE),
  );
  const expected = new Map(
    ruled.map(({ location, active, priority }) => [String(location), { active, priority }]),
  );
  const rules = decodeRules(meta["locations"] ?? "");
  const broken = Bun.deepEquals(expected, rules) ? [] : ["the rules are not those of the registry"];
  if (movements[0]?.seq !== 1) return broken;
  const journaled = new Map(
    entries.flatMap((entry) => entry.locations.map((one) => [one.location, one])),
  );
  for (const one of locations) {
    const last = journaled.get(one.location);
    if (Bun.deepEquals(last, { ...one, seq: last?.seq })) continue;
    broken.push(`${one.location}: the journal has another last state than the registry`);
  }
  return broken;
}

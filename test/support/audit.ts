/**
 * What must hold between Redis and PostgreSQL once all is drained, whatever happened before. The
 * model: stock is the sum of the ledger's movements, and what was acknowledged is among them.
 */
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { Location, type Movement, type MovementType, type Reservation } from "#inventory/model";
import { MovementRow, ReservationRow, reservationOf } from "#postgres/rows";
import { decodeHold } from "#redis/hold-record";
import { locationsKey, metaKey, partitionTag, reservationKey } from "#redis/keys";
import { decodeLocation } from "#redis/location-record";
import { decodeProduct } from "#redis/product-record";
import { invariants, type Checked } from "#test/invariants";
import { keysLike } from "#test/keyspace";
import { until } from "#test/until";

const DRAINED_MS_MAX = 10_000;

/** An effect that a caller was told of. */
export interface Acknowledged {
  readonly requestId: string;
  readonly type: MovementType;
  /** Units that moved, without sign. */
  readonly units: number;
  /** Of the hold that it is about; not given: its caller was not told. */
  readonly reservationId?: string | null;
}

export interface AuditOptions {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly partitions?: number;
  readonly acknowledged: readonly Acknowledged[];
}

export interface Audited {
  /** What Redis was checked for by itself. */
  readonly redis: Checked;
  readonly movements: number;
  readonly levels: number;
  readonly reservations: number;
  readonly acknowledged: number;
  readonly drainedInMs: number;
}

/** What both stores say once all is drained. */
export interface State {
  readonly movements: readonly Movement[];
  /** `product at location` → on hand and reserved, by PostgreSQL and by Redis. */
  readonly snapshot: ReadonlyMap<string, string>;
  readonly stock: ReadonlyMap<string, string>;
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly records: readonly Reservation[];
  /** Location → what the registry says of it, by PostgreSQL and by each partition of Redis. */
  readonly registry: ReadonlyMap<string, string>;
  readonly registries: readonly ReadonlyMap<string, string>[];
  readonly quarantined: number;
  readonly acknowledged: readonly Acknowledged[];
}

const LAWS: readonly (readonly [name: string, law: (state: State) => string[]])[] = [
  ["the sequence has no gap", ledgerHasNoGap],
  ["what came in less what went out is on hand", movementsChainUpToTheSnapshot],
  ["the snapshot is Redis", snapshotIsRedis],
  ["a reservation is the sum of its movements", reservationsAreTheSumOfTheirMovements],
  ["the ledger's reservations are those of Redis", reservationsAreTheRecordsOfRedis],
  ["the registry is the same everywhere", registryIsRedis],
  ["nothing is in quarantine", nothingIsInQuarantine],
  ["nothing happened twice", nothingHappenedTwice],
  ["what was acknowledged is in the ledger", acknowledgedIsInTheLedger],
];

export interface Findings {
  readonly audited: Omit<Audited, "redis">;
  /** By the name of the law; empty where it holds. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
}

/** Waits until the ledger has all, then throws with every law that does not hold. */
export async function audit(options: AuditOptions): Promise<Audited> {
  const { audited: ledger, broken } = await examine(options);
  const redis = new Redis(options.redisUrl);
  try {
    const text = [...broken.values()].flat().slice(0, 40).join("\n");
    if (text !== "") throw new Error(`the audit failed:\n${text}`);
    const unseen = Object.entries(ledger).find(([what, n]) => n === 0 && what !== "drainedInMs");
    if (unseen) throw new Error(`no ${unseen[0]} were audited`);
    return { ...ledger, redis: await invariants(redis, options.partitions) };
  } finally {
    redis.disconnect();
  }
}

/** Waits until the ledger has all, then holds it to every law. */
export async function examine(options: AuditOptions): Promise<Findings> {
  const { redisUrl, databaseUrl, partitions = 1, acknowledged } = options;
  const redis = new Redis(redisUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const startedAt = performance.now();
    await until(() => isDrained(redis, sql, partitions), {
      withinMs: DRAINED_MS_MAX,
      what: "every movement is in the ledger",
    });
    const drainedInMs = Math.round(performance.now() - startedAt);
    const state = { ...(await read(redis, sql, partitions)), acknowledged };
    const audited = {
      movements: state.movements.length,
      levels: state.snapshot.size,
      reservations: state.reservations.size,
      acknowledged: acknowledged.length,
      drainedInMs,
    };
    return { audited, broken: new Map(LAWS.map(([name, law]) => [name, law(state)])) };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

/** Every law that does not hold, in words. */
export const brokenLaws = (state: State): string[] => LAWS.flatMap(([, law]) => law(state));

async function isDrained(redis: Redis, sql: postgres.Sql, partitions: number): Promise<boolean> {
  const rows = await sql`SELECT partition, cursor_seq::text FROM partitions ORDER BY partition`;
  for (let partition = 0; partition < partitions; partition += 1) {
    const seq = await redis.hget(metaKey(partition), "seq");
    if (seq === null || rows[partition]?.["cursor_seq"] !== seq) return false;
  }
  return true;
}

const RegistryRow = z.object({
  location: z.string(),
  version: z.number(),
  name: z.string().nullable(),
  address: z.string().nullable(),
  priority: z.number(),
  active: z.boolean(),
});
const LevelRow = z.object({ name: z.string(), counts: z.string() });

async function read(redis: Redis, sql: postgres.Sql, partitions: number) {
  const movements = await sql`SELECT
    partition, seq::float8, epoch::float8, type, product_id AS "productId", location,
    on_hand_before::float8 AS "onHandBefore", on_hand_after::float8 AS "onHandAfter",
    reserved_before::float8 AS "reservedBefore", reserved_after::float8 AS "reservedAfter",
    reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
    actor, reason, reference, request_id AS "requestId",
    (extract(epoch FROM at) * 1000)::float8 AS at
    FROM movements ORDER BY partition, movements.seq`;
  const levels = await sql`SELECT product_id || ' at ' || location AS name,
    on_hand || '/' || reserved AS counts FROM levels`;
  const holds = await sql`SELECT partition, owner, generation, order_id AS "orderId",
    customer_id AS "customerId", status, end_reason AS "endReason", allocations, seq::float8,
    (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
    (extract(epoch FROM expires_at) * 1000)::float8 AS "expiresAt" FROM reservations`;
  const registry = await sql`SELECT location, version::float8, name, address, priority, active
    FROM locations`;
  const [quarantine] = await sql`SELECT count(*)::integer AS count FROM quarantine`;
  const snapshot = LevelRow.array().parse([...levels]);
  const reservations = holds.map((row) => reservationOf(ReservationRow.parse(row)));
  return {
    movements: movements.map((row) => MovementRow.parse(row)),
    snapshot: new Map(snapshot.map(({ name, counts }) => [name, counts])),
    stock: await stockOf(redis, partitions),
    reservations: new Map(reservations.map((hold) => [hold.reservationId, hold])),
    records: await recordsOf(redis, partitions),
    registry: new Map(
      RegistryRow.array()
        .parse([...registry])
        .map(registryEntry),
    ),
    registries: await registriesOf(redis, partitions),
    quarantined: z.int().parse(quarantine?.["count"]),
  };
}

async function registriesOf(redis: Redis, partitions: number): Promise<Map<string, string>[]> {
  const all: Map<string, string>[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const records = Object.entries(await redis.hgetall(locationsKey(partition)));
    const registered = records.map(([id, text]) => decodeLocation(Location.parse(id), text));
    all.push(new Map(registered.map(registryEntry)));
  }
  return all;
}

function registryEntry(row: z.infer<typeof RegistryRow>): [string, string] {
  const { location, version, name, address, priority, active } = row;
  return [location, JSON.stringify([version, name, address, priority, active])];
}

async function stockOf(redis: Redis, partitions: number): Promise<Map<string, string>> {
  const stock = new Map<string, string>();
  for (let partition = 0; partition < partitions; partition += 1) {
    for (const key of await keysLike(redis, `${partitionTag(partition)}stock:`)) {
      const { productId, levels } = decodeProduct(await redis.hgetall(key));
      for (const { location, onHand, reserved } of levels) {
        stock.set(`${productId} at ${location}`, `${onHand}/${reserved}`);
      }
    }
  }
  return stock;
}

export async function recordsOf(redis: Redis, partitions: number): Promise<Reservation[]> {
  const records: Reservation[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const prefix = reservationKey(partition, "");
    for (const key of await keysLike(redis, prefix)) {
      const text = await redis.get(key);
      if (text !== null) records.push(decodeHold(partition, key.slice(prefix.length), text));
    }
  }
  return records;
}

function ledgerHasNoGap({ movements }: State): string[] {
  const last = new Map<number, number>();
  return movements.flatMap(({ partition, seq }) => {
    const expected = (last.get(partition) ?? 0) + 1;
    last.set(partition, seq);
    return seq === expected ? [] : [`p${partition}: ${seq} stands where ${expected} belongs`];
  });
}

function movementsChainUpToTheSnapshot({ movements, snapshot }: State): string[] {
  const sums = new Map<string, { onHand: number; reserved: number }>();
  const broken: string[] = [];
  for (const movement of movements) {
    if (movement.productId === null) continue;
    const name = `${movement.productId} at ${movement.location}`;
    const sum = sums.get(name) ?? { onHand: 0, reserved: 0 };
    if (movement.onHandBefore !== sum.onHand || movement.reservedBefore !== sum.reserved) {
      broken.push(`movement ${movement.seq} does not begin where the last one of ${name} ended`);
    }
    sum.onHand += movement.onHandAfter - movement.onHandBefore;
    sum.reserved += movement.reservedAfter - movement.reservedBefore;
    if (sum.reserved < 0 || sum.reserved > sum.onHand) {
      broken.push(`${name} is oversold by movement ${movement.seq}`);
    }
    sums.set(name, sum);
  }
  for (const [name, { onHand, reserved }] of sums) {
    const counts = snapshot.get(name);
    if (counts !== `${onHand}/${reserved}`) {
      broken.push(`${name}: movements sum up to ${onHand}/${reserved}, the snapshot is ${counts}`);
    }
  }
  return broken;
}

function snapshotIsRedis({ snapshot, stock }: State): string[] {
  return [...new Set([...snapshot.keys(), ...stock.keys()])]
    .filter((name) => snapshot.get(name) !== stock.get(name))
    .map((name) => `${name}: Redis ${stock.get(name)}, the snapshot ${snapshot.get(name)}`);
}

function reservationsAreTheSumOfTheirMovements({ movements, reservations }: State): string[] {
  const sums = new Map<string, number>();
  const add = (id: string, what: string, units: number): void =>
    void sums.set(`${id} ${what}`, (sums.get(`${id} ${what}`) ?? 0) + units);
  for (const movement of movements) {
    const { reservationId, type, reservedBefore, reservedAfter } = movement;
    const { onHandBefore, onHandAfter } = movement;
    if (reservationId === null) continue;
    if (!reservations.has(reservationId)) return [`${reservationId} moved and is no reservation`];
    add(reservationId, type, Math.abs(reservedAfter - reservedBefore));
    // What an expired hold was sold as was never held.
    const wasHeld = reservedAfter !== reservedBefore;
    if (type === "SALE" && !wasHeld) add(reservationId, "unheld", onHandBefore - onHandAfter);
  }
  return [...reservations.values()].flatMap(({ reservationId, allocations, status }) => {
    const of = (type: MovementType): number => sums.get(`${reservationId} ${type}`) ?? 0;
    const held = allocations.reduce((sum, line) => sum + line.held, 0);
    const confirmed = allocations.reduce((sum, line) => sum + line.confirmed, 0);
    const released = allocations.reduce((sum, line) => sum + line.released, 0);
    const unheld = sums.get(`${reservationId} unheld`) ?? 0;
    const isWhole =
      of("SALE") + unheld === confirmed &&
      of("RELEASE") + of("EXPIRE") === released &&
      of("RESERVE") + unheld === held + confirmed + released &&
      (unheld === 0 || unheld === confirmed) &&
      (status === "ACTIVE") === held > 0;
    return isWhole ? [] : [`${reservationId} (${status}) is not what its movements say`];
  });
}

function reservationsAreTheRecordsOfRedis({ reservations, records }: State): string[] {
  const broken = records
    .filter((record) => !isSame(record, reservations.get(record.reservationId)))
    .map(({ reservationId }) => `${reservationId}: the ledger knows another state than Redis`);
  const known = new Set<string>(records.map(({ reservationId }) => reservationId));
  const lost = [...reservations.values()]
    .filter(({ status, reservationId }) => status === "ACTIVE" && !known.has(reservationId))
    .map(({ reservationId }) => `${reservationId} is live in the ledger and not in Redis`);
  return broken.concat(lost);
}

/** The record of an ended hold keeps whom it was for until Redis forgets it, within a day. */
function isSame(record: Reservation, known: Reservation | undefined): boolean {
  if (known?.customerId?.startsWith("pseudonym-") !== true || record.status === "ACTIVE") {
    return Bun.deepEquals(record, known);
  }
  return Bun.deepEquals({ ...record, customerId: known.customerId }, known);
}

function registryIsRedis({ registry, registries }: State): string[] {
  return registries.flatMap((own, partition) =>
    Bun.deepEquals(own, registry) ? [] : [`p${partition}: another registry than the ledger's`],
  );
}

function nothingIsInQuarantine({ quarantined }: State): string[] {
  return quarantined === 0 ? [] : [`${quarantined} movements are in quarantine`];
}

/** All attempts of one request bear one request id: whatever it did, it did once. */
function nothingHappenedTwice({ movements }: State): string[] {
  const seen = new Set<string>();
  return movements.flatMap(({ seq, requestId, type, productId, location, reservationId }) => {
    if (requestId === null) return [];
    const name = JSON.stringify([requestId, type, productId, location, reservationId]);
    if (seen.has(name)) return [`movement ${seq} repeats an earlier one: ${name}`];
    seen.add(name);
    return [];
  });
}

function acknowledgedIsInTheLedger({ movements, acknowledged }: State): string[] {
  const byRequest = Map.groupBy(movements, ({ requestId }) => requestId);
  return acknowledged.flatMap(({ requestId, type, units, reservationId }) => {
    const made = (byRequest.get(requestId) ?? []).filter(
      (movement) =>
        movement.type === type &&
        (reservationId === undefined || movement.reservationId === reservationId),
    );
    const moved = made.reduce((sum, movement) => sum + unitsOf(movement), 0);
    if (made.length > 0 && moved === units) return [];
    return [`${type} of ${units} by request ${requestId}: the ledger has ${moved}`];
  });
}

function unitsOf(movement: Movement): number {
  const { onHandBefore, onHandAfter, reservedBefore, reservedAfter } = movement;
  const physical = Math.abs(onHandAfter - onHandBefore);
  return physical > 0 ? physical : Math.abs(reservedAfter - reservedBefore);
}

/** Reads Redis and PostgreSQL once all is drained, and holds them to every law. */
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { Location, type Reservation } from "#inventory/model";
import { MovementRow, ReservationRow, reservationOf } from "#postgres/rows";
import { decodeHold } from "#redis/hold-record";
import { locationsKey, metaKey, partitionTag, reservationKey } from "#redis/keys";
import { decodeLocation } from "#redis/location-record";
import { decodeProduct } from "#redis/product-record";
import { invariants, type Checked } from "#test/invariants";
import { keysLike, textsLike } from "#test/keyspace";
import { LAWS, type Acknowledged, type State } from "#test/laws";
import { until } from "#test/until";

export type { Acknowledged } from "#test/laws";

const DRAINED_MS_MAX = 10_000;

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

export interface Findings {
  readonly audited: Omit<Audited, "redis">;
  /** By the name of the law; empty where it holds. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
  /** By the name of the law: how much it was about. */
  readonly seen: ReadonlyMap<string, number>;
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

/** Far more than there are bursts of holds that fall due. */
const STILL_TRIES_MAX = 100;

/**
 * Audits what nobody changes meanwhile: where many holds fall due all the time, the processes stand
 * still at a moment at which the ledger has all. `still` stops them or lets them go on.
 */
export async function auditStill(
  options: AuditOptions,
  still: (isStill: boolean) => void,
): Promise<Audited> {
  const { redisUrl, databaseUrl, partitions = 1 } = options;
  const redis = new Redis(redisUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    for (let tries = 0; tries < STILL_TRIES_MAX; tries += 1) {
      await untilDrained(redis, sql, partitions);
      still(true);
      if (await isDrained(redis, sql, partitions)) return await audit(options);
      still(false);
    }
    throw new Error("the ledger was behind whenever the processes stood still");
  } finally {
    still(false);
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

const untilDrained = (redis: Redis, sql: postgres.Sql, partitions: number): Promise<unknown> =>
  until(() => isDrained(redis, sql, partitions), {
    withinMs: DRAINED_MS_MAX,
    what: "every movement is in the ledger",
  });

/** Waits until the ledger has all, then holds it to every law. */
export async function examine(options: AuditOptions): Promise<Findings> {
  const { redisUrl, databaseUrl, partitions = 1, acknowledged } = options;
  const redis = new Redis(redisUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const startedAt = performance.now();
    await untilDrained(redis, sql, partitions);
    const drainedInMs = Math.round(performance.now() - startedAt);
    const state: State = { ...(await read(redis, sql, partitions)), acknowledged };
    const audited = {
      movements: state.movements.length,
      levels: state.snapshot.size,
      reservations: state.reservations.size,
      acknowledged: acknowledged.length,
      drainedInMs,
    };
    return {
      audited,
      broken: new Map(LAWS.map(({ name, law }) => [name, law(state)])),
      seen: new Map(LAWS.map(({ name, sees }) => [name, sees(state)])),
    };
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}

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
    for (const { name, text } of await textsLike(redis, reservationKey(partition, ""))) {
      records.push(decodeHold(partition, name, text));
    }
  }
  return records;
}

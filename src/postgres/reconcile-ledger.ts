/** PostgreSQL as a comparison with Redis reads it: in bounded statements, the history at one moment. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { Location, ProductId, ReservationId } from "#inventory/model";
import {
  ATTRIBUTES,
  type ChainLink,
  type LedgerSnapshot,
  type QuarantinedMovement,
  type ReconcileLedger,
} from "#inventory/reconcile-sides";
import { splitReservationId } from "#inventory/reservation-id";
import { ask, askRows } from "#postgres/ask";
import { ownConnection, type Sql } from "#postgres/client";
import { numberColumn, textColumn } from "#postgres/columns";
import { reservationOf, ReservationRow } from "#postgres/rows";
import copyLocationsText from "./statements/copy-locations.sql" with { type: "text" };
import attributesText from "./statements/reconcile-attributes.sql" with { type: "text" };
import gapsText from "./statements/reconcile-gaps.sql" with { type: "text" };
import levelsAtText from "./statements/reconcile-levels-at.sql" with { type: "text" };
import levelsText from "./statements/reconcile-levels.sql" with { type: "text" };
import linksOfLevelText from "./statements/reconcile-links-of-level.sql" with { type: "text" };
import linksText from "./statements/reconcile-links.sql" with { type: "text" };
import liveHoldText from "./statements/reconcile-live-hold.sql" with { type: "text" };
import liveHoldsText from "./statements/reconcile-live-holds.sql" with { type: "text" };
import locationsText from "./statements/reconcile-locations.sql" with { type: "text" };
import reservationsText from "./statements/reconcile-reservations.sql" with { type: "text" };
import straysText from "./statements/reconcile-strays.sql" with { type: "text" };
import unitsOfHoldText from "./statements/reconcile-units-of-hold.sql" with { type: "text" };

/** A part of the history is some 100 ms of PostgreSQL; a busy server may need many times that. */
const STATEMENT_MS_MAX = 30_000;
const ANSWER_MS_MAX = STATEMENT_MS_MAX + 2_000;
/** Movements in quarantine that are looked at; with more of them nothing is compared. */
const QUARANTINE_MAX = 10_000;
const CLOSE_SECONDS_MAX = 1;

const CursorRow = z.object({ partition: z.int(), seq: z.int() });
const CountRow = z.object({ count: z.int() });
const SeqRow = z.object({ seq: z.int() });
const HoldRow = z.object({ hold: z.string().nullable() });
const UnitsRow = z.object({
  productId: z.string(),
  location: z.string(),
  held: z.int(),
  confirmed: z.int(),
  released: z.int(),
  isWhole: z.boolean(),
  seq: z.int(),
});
const IdRow = z.object({ id: ProductId });
const AttributesRow = z.object({
  id: z.string(),
  seq: z.int(),
  attributes: z.partialRecord(z.enum(ATTRIBUTES), z.string()),
});
const LocationRow = z.object({
  location: Location,
  version: z.int(),
  name: z.string().nullable(),
  address: z.string().nullable(),
  priority: z.int(),
  active: z.boolean(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
const PlaceRow = z.object({ location: Location });
const LevelRow = z.object({
  productId: ProductId,
  location: Location,
  onHand: z.int(),
  reserved: z.int(),
  seq: z.int(),
});
const LinkRow = z.object({
  seq: z.int(),
  productId: ProductId,
  location: Location,
  onHandBefore: z.int(),
  onHandAfter: z.int(),
  reservedBefore: z.int(),
  reservedAfter: z.int(),
  previousSeq: z.int().nullable(),
  previousOnHand: z.int().nullable(),
  previousReserved: z.int().nullable(),
  explains: z.int().nullable(),
});
const LiveRow = ReservationRow.extend({ isLast: z.boolean() });
const QuarantineRow = z.object({ partition: z.int(), seq: z.int(), payload: z.string() });
const Payload = z.object({
  movement: z.object({
    productId: z.string().nullable(),
    reservationId: ReservationId.nullable(),
  }),
  reservations: z.array(
    z.object({
      reservationId: ReservationId,
      allocations: z.array(z.object({ productId: z.string() })),
    }),
  ),
});

type Parameters = (string | number | null)[];

export function createReconcileLedger(sql: Sql): ReconcileLedger {
  const rows = <Schema extends z.ZodType>(schema: Schema, text: string, parameters: Parameters) =>
    askRows(schema, () => sql.unsafe(text, parameters, { prepare: false }), ANSWER_MS_MAX);
  return {
    async cursor(partition) {
      const text = "SELECT partition, cursor_seq AS seq FROM partitions WHERE partition = $1";
      const [row] = await rows(CursorRow, text, [partition]);
      if (row === undefined) throw new Error(`the store has no partition ${partition}`);
      return row.seq;
    },
    async quarantine() {
      const text = `SELECT partition, seq, payload::text AS payload FROM quarantine
        WHERE settled_at IS NULL ORDER BY partition, seq LIMIT $1`;
      const aside = await rows(QuarantineRow, text, [QUARANTINE_MAX + 1]);
      if (aside.length <= QUARANTINE_MAX) return aside.map(quarantined);
      const message = `more than ${QUARANTINE_MAX} movements are in quarantine: settle them first`;
      throw new Fault("ledger_unavailable", message);
    },
    async productIds(after, limit) {
      const text = `SELECT product_id AS id FROM levels
        WHERE product_id > $1 ORDER BY product_id, location LIMIT $2`;
      return [...new Set((await rows(IdRow, text, [after, limit])).map(({ id }) => id))];
    },
    async unknownProducts(partition, productIds) {
      const text = `SELECT asked.id FROM unnest($2::text[]) AS asked (id)
        LEFT JOIN LATERAL (
          SELECT partition FROM levels WHERE product_id = asked.id ORDER BY location LIMIT 1
        ) AS level ON true
        WHERE level.partition IS DISTINCT FROM $1`;
      const ids = textColumn(productIds, (id) => id);
      return (await rows(IdRow, text, [partition, ids])).map(({ id }) => id);
    },
    async productCount() {
      const text = "SELECT count(*)::integer AS count FROM products";
      const [row] = await rows(CountRow, text, []);
      return row?.count ?? 0;
    },
    async levelsAt(partition, productIds, seq) {
      const ids = textColumn(productIds, (id) => id);
      return await rows(LevelRow, levelsAtText, [partition, ids, seq]);
    },
    registry: () => rows(LocationRow, copyLocationsText, []),
    async attributes(productIds) {
      const ids = textColumn(productIds, (id) => id);
      const found = await rows(AttributesRow, attributesText, [ids]);
      return new Map(found.map(({ id, ...row }) => [id, row]));
    },
    async productOfSku(sku) {
      const text = "SELECT product_id AS id FROM products WHERE sku = $1 LIMIT 1";
      const [row] = await rows(IdRow, text, [sku]);
      return row?.id ?? null;
    },
    async reservations(ids) {
      const parts = ids.map(splitReservationId);
      const parameters = [
        textColumn(parts, ({ owner }) => owner),
        textColumn(parts, ({ generation }) => generation),
        numberColumn(parts, ({ partition }) => partition),
      ];
      return (await rows(ReservationRow, reservationsText, parameters)).map(reservationOf);
    },
    async liveHoldOf(partition, owner) {
      const [row] = await rows(ReservationRow, liveHoldText, [partition, owner]);
      return row === undefined ? null : reservationOf(row);
    },
    async holdOfMovement(partition, seq) {
      const text = `SELECT reservation_id AS hold FROM movements WHERE partition = $1 AND seq = $2`;
      const [row] = await rows(HoldRow, text, [partition, seq]);
      return row?.hold ?? null;
    },
    async unitsOf({ reservationId, orderId }, productIds) {
      const ids = textColumn(productIds, (id) => id);
      return await rows(UnitsRow, unitsOfHoldText, [reservationId, orderId, ids]);
    },
    atOneMoment: (read) => atOneMoment(sql, read),
  };
}

/** One transaction that sees one state, on a connection that nobody else waits for. */
async function atOneMoment<Result>(
  sql: Sql,
  read: (snapshot: LedgerSnapshot) => Promise<Result>,
): Promise<Result> {
  let isClosed = false;
  const onClose = (): void => {
    isClosed = true;
  };
  const own = ownConnection(sql, onClose, { statementMsMax: STATEMENT_MS_MAX });
  const run = (text: string, parameters: Parameters = []) => {
    // A connection of its own that ended would be opened again, in no transaction.
    if (isClosed) throw new Error("the connection that held the ledger's state ended");
    return own.unsafe(text, parameters, { prepare: false });
  };
  try {
    await ask(() => run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), ANSWER_MS_MAX);
    const text = "SELECT partition, cursor_seq AS seq FROM partitions";
    const cursors = await askRows(CursorRow, () => run(text), ANSWER_MS_MAX);
    return await read(snapshotOf(run, new Map(cursors.map((row) => [row.partition, row.seq]))));
  } finally {
    await own.end({ timeout: CLOSE_SECONDS_MAX });
  }
}

const OPENINGS = `SELECT product_id AS "productId", location, on_hand AS "onHand", reserved, seq
  FROM level_openings`;

/** Their reason is written by redis/stock-repairs.ts. */
const RESERVED_REPAIR = `SELECT coalesce(max(seq), 0)::bigint AS seq FROM movements
  WHERE product_id = $1 AND location = $2 AND type = 'RECONCILE' AND reason LIKE 'holds add up to %'`;

function snapshotOf(
  run: (text: string, parameters: Parameters) => ReturnType<Sql["unsafe"]>,
  cursors: ReadonlyMap<number, number>,
): LedgerSnapshot {
  const rows = <Schema extends z.ZodType>(schema: Schema, text: string, parameters: Parameters) =>
    askRows(schema, () => run(text, parameters), ANSWER_MS_MAX);
  return {
    cursors,
    async openings() {
      const text = "SELECT coalesce(max(seq), 0)::bigint AS seq FROM partition_openings";
      const [row] = await rows(SeqRow, text, []);
      const levels = await rows(LevelRow, OPENINGS, []);
      return { until: row?.seq ?? 0, levels };
    },
    async gaps(partition, after, upTo, limit) {
      const text = `SELECT count(*)::integer AS count FROM movements
        WHERE partition = $1 AND seq > $2 AND seq <= $3`;
      const [row] = await rows(CountRow, text, [partition, after, upTo]);
      if (row?.count === upTo - after) return [];
      const missing = await rows(SeqRow, gapsText, [partition, after, upTo, limit]);
      return missing.map(({ seq }) => seq);
    },
    async links(partition, after, upTo) {
      return (await rows(LinkRow, linksText, [partition, after, upTo])).map(linkOf);
    },
    async locationsOf(productId) {
      return (await rows(PlaceRow, locationsText, [productId])).map(({ location }) => location);
    },
    async linksOf({ productId, location }, after, limit, upTo) {
      const parameters = [productId, location, after, limit, upTo];
      return (await rows(LinkRow, linksOfLevelText, parameters)).map(linkOf);
    },
    levels: ({ productId, location }, limit) =>
      rows(LevelRow, levelsText, [productId, location, limit]),
    async strays(partition, limit) {
      return (await rows(SeqRow, straysText, [partition, limit])).map(({ seq }) => seq);
    },
    async reservedRepairOf({ productId, location }) {
      const [row] = await rows(SeqRow, RESERVED_REPAIR, [productId, location]);
      return row?.seq ?? 0;
    },
    async liveHolds({ owner, generation, partition }, limit) {
      const found = await rows(LiveRow, liveHoldsText, [owner, generation, partition, limit]);
      const last = found.at(-1);
      const holds = found.filter(({ status }) => status === "ACTIVE");
      return {
        holds: holds.map(({ isLast: _isLast, ...row }) => reservationOf(row)),
        last: last === undefined ? null : last,
      };
    },
  };
}

function linkOf(row: z.infer<typeof LinkRow>): ChainLink {
  const { previousSeq, previousOnHand, previousReserved, ...link } = row;
  const isFirst = previousSeq === null || previousOnHand === null || previousReserved === null;
  return {
    ...link,
    previous: isFirst
      ? null
      : { seq: previousSeq, onHand: previousOnHand, reserved: previousReserved },
  };
}

/** What PostgreSQL refused may be of any shape. */
function quarantined(row: z.infer<typeof QuarantineRow>): QuarantinedMovement {
  const { partition, seq } = row;
  try {
    const { movement, reservations } = Payload.parse(JSON.parse(row.payload));
    const { productId, reservationId } = movement;
    const more = reservations.map((hold) => hold.reservationId);
    const reservationIds = reservationId === null ? more : [reservationId, ...more];
    const lines = reservations.flatMap(({ allocations }) => allocations);
    const heldProductIds = lines.map((line) => line.productId);
    return { partition, seq, isTold: true, productId, reservationIds, heldProductIds };
  } catch {
    const nothing = { productId: null, reservationIds: [], heldProductIds: [] };
    return { partition, seq, isTold: false, ...nothing };
  }
}

/** PostgreSQL as a comparison with Redis reads it: in bounded statements, the history at one moment. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { Location, ProductId, ReservationId } from "#inventory/model";
import {
  ATTRIBUTES,
  type QuarantinedMovement,
  type ReconcileLedger,
} from "#inventory/reconcile-sides";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { textColumn } from "#postgres/columns";
import { readLimits } from "#postgres/limits";
import {
  ANSWER_MS_MAX,
  atOneMoment,
  LevelRow,
  readReservations,
  type AskRows,
  type Parameters,
} from "#postgres/reconcile-snapshot";
import { reservationOf, ReservationRow } from "#postgres/rows";
import copyLocationsText from "./statements/copy-locations.sql" with { type: "text" };
import attributesText from "./statements/reconcile-attributes.sql" with { type: "text" };
import levelsAtText from "./statements/reconcile-levels-at.sql" with { type: "text" };
import liveHoldText from "./statements/reconcile-live-hold.sql" with { type: "text" };
import limitTimesText from "./statements/reconcile-limit-times.sql" with { type: "text" };
import unsureLimitsText from "./statements/reconcile-unsure-limits.sql" with { type: "text" };
import unitsOfHoldText from "./statements/reconcile-units-of-hold.sql" with { type: "text" };

/** Movements in quarantine that are looked at; with more of them nothing is compared. */
const QUARANTINE_MAX = 10_000;

/** Records that one page names. */
const RECORDS_PAGE = 1_000;

const LimitTimesRow = z.object({ lastAt: z.int(), openedAt: z.int().nullable() });
const ForgottenRow = z.object({ asked: z.int(), open: z.int() });
const RecordIdRow = z.object({ id: z.string() });
const KeptRow = z.object({ id: z.string(), text: z.string().nullable(), seq: z.int() });
const CursorRow = z.object({ partition: z.int(), seq: z.int() });
const CountRow = z.object({ count: z.int() });
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

export function createReconcileLedger(sql: Sql): ReconcileLedger {
  const rows: AskRows = (schema, text, parameters: Parameters) =>
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
    async keptIds(partition, kind, after) {
      const text = `SELECT id FROM records
        WHERE partition = $1 AND kind = $2 AND id > $3 AND text IS NOT NULL ORDER BY id LIMIT $4`;
      return (await rows(RecordIdRow, text, [partition, kind, after, RECORDS_PAGE])).map(
        ({ id }) => id,
      );
    },
    kept: (partition, kind, ids) => {
      const text = `SELECT id, text, seq FROM records
        WHERE partition = $1 AND kind = $2 AND id = ANY ($3::text[])`;
      return rows(KeptRow, text, [partition, kind, textColumn(ids, (id) => id)]);
    },
    registry: () => rows(LocationRow, copyLocationsText, []),
    async attributes(productIds) {
      const ids = textColumn(productIds, (id) => id);
      const found = await rows(AttributesRow, attributesText, [ids]);
      return new Map(found.map(({ id, ...row }) => [id, row]));
    },
    limits: (partition, asked, use) => readLimits(sql, partition, asked, use),
    async limitTimes(partition) {
      const [times] = await rows(LimitTimesRow, limitTimesText, [partition]);
      return times ?? { lastAt: 0, openedAt: null };
    },
    async forgotten() {
      const text = `SELECT count(*)::integer AS asked, count(customer_id)::integer AS open
        FROM pseudonymizations`;
      const [counts] = await rows(ForgottenRow, text, []);
      return counts ?? { asked: 0, open: 0 };
    },
    async unsureLimits(productIds) {
      const ids = textColumn(productIds, (id) => id);
      return (await rows(IdRow, unsureLimitsText, [ids])).map(({ id }) => id);
    },
    async productOfSku(sku) {
      const text = "SELECT product_id AS id FROM products WHERE sku = $1 LIMIT 1";
      const [row] = await rows(IdRow, text, [sku]);
      return row?.id ?? null;
    },
    reservations: (ids) => readReservations(rows, ids),
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

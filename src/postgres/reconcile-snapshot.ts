/** The ledger at one moment, as a comparison reads it: one transaction of bounded statements. */
import { z } from "zod";
import { IncomingId, RECEIPT_STATES } from "#inventory/incoming-ports";
import type { ReservationId } from "#inventory/model";
import { Place, ProductId, type Reservation } from "#inventory/model";
import type { ChainLink, LedgerSnapshot, UnreadableRow } from "#inventory/ledger-snapshot";
import { splitReservationId } from "#inventory/reservation-id";
import { ask, askRows } from "#postgres/ask";
import { ownConnection, type Sql } from "#postgres/client";
import { numberColumn, textColumn } from "#postgres/columns";
import { reservationOf, ReservationRow } from "#postgres/rows";
import endedHoldsText from "./statements/reconcile-ended-holds.sql" with { type: "text" };
import holdExcusedText from "./statements/reconcile-hold-excused.sql" with { type: "text" };
import gapsText from "./statements/reconcile-gaps.sql" with { type: "text" };
import incomingText from "./statements/reconcile-incoming.sql" with { type: "text" };
import levelsText from "./statements/reconcile-levels.sql" with { type: "text" };
import linksOfLevelText from "./statements/reconcile-links-of-level.sql" with { type: "text" };
import linksText from "./statements/reconcile-links.sql" with { type: "text" };
import liveHoldsText from "./statements/reconcile-live-holds.sql" with { type: "text" };
import locationsText from "./statements/reconcile-locations.sql" with { type: "text" };
import movedUnitsText from "./statements/reconcile-moved-units.sql" with { type: "text" };
import receiptLostText from "./statements/reconcile-receipt-lost.sql" with { type: "text" };
import receiptMovementsText from "./statements/reconcile-receipt-movements.sql" with { type: "text" };
import receiptsText from "./statements/reconcile-receipts.sql" with { type: "text" };
import reservationsText from "./statements/reconcile-reservations.sql" with { type: "text" };
import straysText from "./statements/reconcile-strays.sql" with { type: "text" };

/** A part of the history is some 100 ms of PostgreSQL; a busy server may need many times that. */
const STATEMENT_MS_MAX = 30_000;
export const ANSWER_MS_MAX = STATEMENT_MS_MAX + 2_000;
const CLOSE_SECONDS_MAX = 1;

const CursorRow = z.object({ partition: z.int(), seq: z.int() });
const CountRow = z.object({ count: z.int() });
const SeqRow = z.object({ seq: z.int() });
const OpeningRow = z.object({ seq: z.int(), at: z.int() });
const PlaceRow = z.object({ location: Place });
export const LevelRow = z.object({
  productId: ProductId,
  location: Place,
  onHand: z.int(),
  reserved: z.int(),
  seq: z.int(),
});
const LinkRow = z.object({
  seq: z.int(),
  productId: ProductId,
  location: Place,
  onHandBefore: z.int(),
  onHandAfter: z.int(),
  reservedBefore: z.int(),
  reservedAfter: z.int(),
  previousSeq: z.int().nullable(),
  previousOnHand: z.int().nullable(),
  previousReserved: z.int().nullable(),
  explains: z.int().nullable(),
});
/** Ids are made of it. */
const HoldRow = ReservationRow.extend({ generation: z.string().regex(/^[0-9a-z]{8}$/) });
/** A row of a reservation, of which only its place must be readable. */
const PlacedRow = z.looseObject({
  partition: z.int(),
  owner: z.string(),
  generation: z.string(),
  status: z.string(),
  isStrange: z.boolean().optional(),
});
const MovedRow = z.object({
  reservationId: z.string(),
  orderId: z.string().nullable(),
  productId: ProductId,
  location: Place,
  held: z.int(),
  confirmed: z.int(),
  released: z.int(),
  since: z.int(),
  seq: z.int(),
  isExpired: z.boolean(),
});
const ReceiptMovementRow = z.object({
  productId: z.string(),
  reason: z.string(),
  units: z.int(),
  seq: z.int(),
});
const ReceiptRow = z.object({
  incomingId: IncomingId,
  receipt: z.int(),
  units: z.int(),
  state: z.enum(RECEIPT_STATES),
  productId: z.string(),
  partition: z.int(),
  ledgerSeq: z.int(),
  ageMs: z.int(),
});
const MayBeRow = z.object({ mayBe: z.boolean() });
const LotRow = z.object({
  incomingId: IncomingId,
  productId: z.string(),
  received: z.int(),
  units: z.int(),
  isWrong: z.boolean(),
  partition: z.int().nullable(),
});

export type Parameters = (string | number | null)[];
/** The rows that a statement answers, each read by a schema. */
export type AskRows = <Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  parameters: Parameters,
) => Promise<z.output<Schema>[]>;

/** Those of them that the ledger has. */
export async function readReservations(
  rows: AskRows,
  ids: readonly ReservationId[],
): Promise<Reservation[]> {
  return (await rows(ReservationRow, reservationsText, columnsOf(ids))).map(reservationOf);
}

function columnsOf(ids: readonly ReservationId[]): Parameters {
  const parts = ids.map(splitReservationId);
  return [
    textColumn(parts, ({ owner }) => owner),
    textColumn(parts, ({ generation }) => generation),
    numberColumn(parts, ({ partition }) => partition),
  ];
}

/** One transaction that sees one state, on a connection that nobody else waits for. */
export async function atOneMoment<Result>(
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

const PUT_AWAY = `SELECT coalesce(max(seq), 0)::bigint AS seq,
  coalesce((extract(epoch FROM max(at)) * 1000)::bigint, 0) AS at FROM partition_openings`;

const OPENINGS = `SELECT product_id AS "productId", location, on_hand AS "onHand", reserved, seq
  FROM level_openings`;

/** Their reason is written by redis/stock-repairs.ts. */
const RESERVED_REPAIR = `SELECT coalesce(max(seq), 0)::bigint AS seq FROM movements
  WHERE product_id = $1 AND location = $2 AND type = 'RECONCILE' AND reason LIKE 'holds add up to %'`;

function snapshotOf(
  run: (text: string, parameters: Parameters) => ReturnType<Sql["unsafe"]>,
  cursors: ReadonlyMap<number, number>,
): LedgerSnapshot {
  const rows: AskRows = (schema, text, parameters: Parameters) =>
    askRows(schema, () => run(text, parameters), ANSWER_MS_MAX);
  return {
    cursors,
    async openings() {
      const [row] = await rows(OpeningRow, PUT_AWAY, []);
      const levels = await rows(LevelRow, OPENINGS, []);
      return { until: row?.seq ?? 0, at: row?.at ?? 0, levels };
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
      const page = [owner, generation, partition, limit];
      const found = await rows(PlacedRow, liveHoldsText, page);
      const live = holdsOf(found.filter(({ status }) => status === "ACTIVE"));
      return { ...live, last: found.at(-1) ?? null };
    },
    async strangeEnds({ owner, generation, partition }, limit) {
      const page = [owner, generation, partition, limit];
      const found = await rows(PlacedRow, endedHoldsText, page);
      const strange = holdsOf(found.filter(({ isStrange }) => isStrange === true));
      return { ...strange, last: found.at(-1) ?? null };
    },
    movedUnits: (partition, after, upTo) =>
      rows(MovedRow, movedUnitsText, [partition, after, upTo]),
    async reservations(ids) {
      const { holds, unreadable } = holdsOf(
        await rows(PlacedRow, reservationsText, columnsOf(ids)),
      );
      return { known: holds, unreadable };
    },
    async mayLackMovement({ partition, reservationId, productIds, createdAt, seq }) {
      const ids = textColumn(productIds, (id) => id);
      const parameters = [partition, reservationId, ids, createdAt, seq];
      const [row] = await rows(MayBeRow, holdExcusedText, parameters);
      return row?.mayBe ?? false;
    },
    async reservationsFrom(partition) {
      const text = "SELECT reservations_from AS seq FROM partitions WHERE partition = $1";
      const [row] = await rows(SeqRow, text, [partition]);
      return row?.seq ?? 0;
    },
    receiptMovements: (partition, after, upTo) =>
      rows(ReceiptMovementRow, receiptMovementsText, [partition, after, upTo]),
    receipts: ({ incomingId, receipt }, limit) =>
      rows(ReceiptRow, receiptsText, [incomingId, receipt, limit]),
    async mayBeUnderAnotherName({ partition, productId, ledgerSeq, units }, reason) {
      const place = [partition, productId, ledgerSeq, reason, units];
      const [row] = await rows(MayBeRow, receiptLostText, place);
      return row?.mayBe ?? false;
    },
    async lots(after, limit) {
      const found = await rows(LotRow, incomingText, [after, limit]);
      const wrong = found.filter(({ isWrong }) => isWrong);
      return { wrong, last: found.at(-1)?.incomingId ?? null };
    },
  };
}

/** What can be read of them, and what cannot. */
function holdsOf(rows: readonly z.infer<typeof PlacedRow>[]) {
  const holds: Reservation[] = [];
  const unreadable: UnreadableRow[] = [];
  for (const row of rows) {
    const { success, data } = HoldRow.safeParse(row);
    if (success) holds.push(reservationOf(data));
    else {
      const { partition, owner, generation } = row;
      unreadable.push({ partition, owner: owner.replaceAll("-", ""), generation });
    }
  }
  return { holds, unreadable };
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

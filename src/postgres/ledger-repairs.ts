/** Mends what a comparison found wrong in the ledger, and only what is still as it was found. */
import { z } from "zod";
import { Place, ProductId, type Movement } from "#inventory/model";
import type { LedgerRepairs } from "#inventory/reconcile-repairs";
import type { LostChange } from "#inventory/ledger-snapshot";
import { splitReservationId } from "#inventory/reservation-id";
import { askRow, askRows } from "#postgres/ask";
import type { Link } from "#postgres/chain";
import { linkOfLost } from "#postgres/chain-mend";
import type { Sql } from "#postgres/client";
import levelText from "./statements/repair-level.sql" with { type: "text" };
import movementText from "./statements/repair-movement.sql" with { type: "text" };
import reservationText from "./statements/repair-reservation.sql" with { type: "text" };

const ANSWER_MS_MAX = 7_000;

const CountRow = z.object({ count: z.int() });
const EpochRow = z.object({ epoch: z.int() });

/** `actor` is who asked for the run, `reference` names it. */
export function createLedgerRepairs(
  sql: Sql,
  { actor, reference }: { readonly actor: string; readonly reference: string },
): LedgerRepairs {
  const changed = async (text: string, parameters: (string | number | null)[]) => {
    const statement = () => sql.unsafe(text, parameters, { prepare: false });
    return (await askRow(CountRow, statement, ANSWER_MS_MAX)).count > 0;
  };
  const epochOf = async (partition: number, seq: number): Promise<number | null> => {
    const text = `SELECT epoch FROM epochs WHERE partition = $1 AND began_at_seq < $2
      ORDER BY epoch DESC LIMIT 1`;
    const statement = () => sql.unsafe(text, [partition, seq], { prepare: false });
    const [row] = await askRows(EpochRow, statement, ANSWER_MS_MAX);
    return row?.epoch ?? null;
  };
  const insert = (movement: Lost, link: Link | null = null) =>
    changed(movementText, [
      ...columnsOf(movement),
      link?.chain ?? null,
      link?.commitment ?? null,
      link?.salt ?? null,
    ]);
  return {
    epochOf,
    insertMovement: async (movement) => await insert(movement, await linkOfLost(sql, movement)),
    async mend(repair) {
      switch (repair.side) {
        case "movement": {
          const { partition, seq, change } = repair;
          const epoch = await epochOf(partition, seq);
          if (change === null || epoch === null) return false;
          const reason =
            "the movement was lost: this is from where the one before it ended to the next";
          return await insert({
            ...lost(change),
            partition,
            seq,
            epoch,
            actor,
            reference,
            reason,
          });
        }
        case "level": {
          const { level, found } = repair;
          const guard = [found?.seq ?? null, found?.onHand ?? null, found?.reserved ?? null];
          return await changed(levelText, [
            level.partition,
            level.productId,
            level.location,
            ...guard,
          ]);
        }
        case "reservation": {
          const { hold, found } = repair;
          const { owner, generation, partition } = splitReservationId(hold.reservationId);
          return await changed(reservationText, [
            owner,
            hold.seq,
            hold.createdAt,
            hold.expiresAt,
            partition,
            generation,
            hold.status,
            hold.endReason,
            hold.orderId,
            hold.customerId,
            JSON.stringify(hold.allocations),
            found?.status ?? null,
            found === null ? null : JSON.stringify(found.allocations),
          ]);
        }
      }
    },
  };
}

/** Of what is put back without its name the time is not known either. */
type Lost = Omit<Movement, "at"> & { readonly at: number | null };

/** What it was is not known, only what it changed: a change without a record, as DRIFT says. */
const lost = ({ productId, location, ...counts }: LostChange) => ({
  ...counts,
  type: "DRIFT" as const,
  productId: ProductId.parse(productId),
  location: Place.parse(location),
  at: null,
  reservationId: null,
  orderId: null,
  customerId: null,
  requestId: null,
});

const columnsOf = (row: Lost): (string | number | null)[] => [
  row.seq,
  row.epoch,
  row.onHandBefore,
  row.onHandAfter,
  row.reservedBefore,
  row.reservedAfter,
  row.at,
  row.partition,
  row.type,
  row.productId,
  row.location,
  row.reservationId,
  row.orderId,
  row.customerId,
  row.actor,
  row.reason,
  row.reference,
  row.requestId,
];

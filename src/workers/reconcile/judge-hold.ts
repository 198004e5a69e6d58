/** A hold that Redis and the ledger tell differently: which of them is right, and in what words. */
import type { Reservation } from "#inventory/model";
import type { Repair } from "#inventory/reconcile-repairs";
import type { Word } from "#workers/reconcile/agreement";
import type { Mendable } from "#workers/reconcile/comparison";

/** A hold in the words of a report. */
export function told(hold: Reservation): string {
  const lines = hold.allocations.map(({ productId, location, held, confirmed, released }) => {
    const counts = `${held} held, ${confirmed} confirmed, ${released} released`;
    return `${productId} at ${location}: ${counts}`;
  });
  const due =
    hold.expiresAt === null ? "standing" : `due ${new Date(hold.expiresAt).toISOString()}`;
  return `${hold.status} at ${hold.seq}, ${due}, ${lines.join("; ")}`;
}

/** What would set one side to the other. */
export interface Repairs {
  /** Sets the row of the ledger to the record; null: the ledger has no such movement. */
  readonly row: Repair | null;
  /** Sets the record of Redis to the row. */
  readonly record: Repair;
}

/** Of a side that its movements do not speak for. */
export const AGAINST = "is not what its movements come to";

/**
 * Two states of one hold: its movements tell which is right. Where they are not all there any more the
 * newer one is; at the same movement nobody can tell then.
 */
export function judged(
  found: Omit<Mendable["found"], "cause">,
  hold: Reservation,
  row: Reservation,
  { ofHold, ofRow }: { readonly ofHold: Word; readonly ofRow: Word },
  repairs: Repairs,
): Mendable {
  const behind = behindOf(hold, row);
  const settled = (why: string | null, repair: Repair | null): Mendable => {
    return { found: { ...found, cause: why === null ? behind : `${behind}; ${why}` }, repair };
  };
  if (ofHold === "disagree" && ofRow === "disagree") {
    return settled("neither is what its movements come to: it is left as it is", null);
  }
  if (ofRow === "disagree") return settled(`the row ${AGAINST}`, repairs.row);
  if (ofHold === "disagree") return settled(`the record ${AGAINST}`, repairs.record);
  if (hold.seq === row.seq) {
    const why = "its movements do not tell which is right: it is left as it is";
    return settled(why, null);
  }
  const isRowBehind = hold.seq > row.seq && repairs.row !== null;
  return settled(null, isRowBehind ? repairs.row : repairs.record);
}

function behindOf(hold: Reservation, row: Reservation): string {
  if (hold.seq > row.seq) return "the ledger's row is behind its movements";
  return hold.seq < row.seq
    ? "the record is behind the ledger"
    : "they differ at the same movement";
}

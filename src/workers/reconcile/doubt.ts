/**
 * What cannot be judged because PostgreSQL refused a movement of it: the ledger lacks what that did,
 * so that Redis is right where the two differ. It is told, and nothing is mended.
 */
import type { Reservation } from "#inventory/model";
import type { QuarantinedMovement } from "#inventory/reconcile-sides";
import { splitReservationId } from "#inventory/reservation-id";
import type { Comparison, Mendable } from "#workers/reconcile/comparison";

export interface Doubt {
  /** Whether nothing is held against its counts. */
  hasProduct(productId: string): boolean;
  /** Why no count is mended; null: nothing speaks against it. */
  readonly ofCounts: string | null;
  /** Why the hold of that owner is not mended, whatever each side has of it. */
  ofHold(owner: string, ...known: readonly (Reservation | null)[]): string | null;
}

/**
 * Reads the quarantine anew: a movement may have come there since the run began. To be asked when the
 * ledger has followed to what was read of Redis.
 */
export async function doubtOf(
  run: Comparison,
  partition: number,
  doubtful: ReadonlySet<string>,
): Promise<Doubt> {
  const aside = (await run.ledger.quarantine()).filter((it) => it.partition === partition);
  const products = new Set(aside.map(({ productId }) => productId));
  const owners = new Map(aside.flatMap(ownersOf));
  const dark = aside.find(({ isTold }) => !isTold);
  const ofCounts =
    dark === undefined ? null : `movement ${dark.seq} is in quarantine, and of what it is unknown`;
  return {
    hasProduct: (productId) => products.has(productId),
    ofCounts,
    ofHold(owner, ...known) {
      const seq = owners.get(owner);
      if (seq !== undefined) return `movement ${seq} of it is in quarantine`;
      const own = known.flatMap((hold) => hold?.allocations ?? []);
      const of = own.find(({ productId }) => products.has(productId) || doubtful.has(productId));
      if (of === undefined) return ofCounts;
      return products.has(of.productId)
        ? `a movement of ${of.productId} is in quarantine`
        : `what the ledger has of ${of.productId} is in doubt`;
    },
  };
}

const ownersOf = ({ seq, reservationIds }: QuarantinedMovement): [string, number][] =>
  reservationIds.map((id) => [splitReservationId(id).owner, seq]);

/** The same difference; with a reason not to mend it, nothing does. */
export function unless(why: string | null, { found, repair }: Mendable): Mendable {
  if (why === null) return { found, repair };
  return {
    found: { ...found, cause: `${found.cause}; ${why}: it is left as it is` },
    repair: null,
  };
}

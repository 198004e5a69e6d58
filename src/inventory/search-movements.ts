import type { Deps, ReadContext } from "#inventory/context";
import type { Movement } from "#inventory/model";
import type { MovementFilter, MovementQuery, MovementSpan, Page } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface MovementPage {
  readonly page: Page<Movement>;
  /** Movements that the ledger lacked when it was asked. */
  readonly lag: number;
}

/** A page of what happened: everything up to the moment of asking, unless the lag says less. */
export async function searchMovements(
  deps: Deps,
  ctx: ReadContext,
  query: MovementQuery,
): Promise<MovementPage> {
  const { filter, lag } = await prepared(deps, ctx.deadline, query);
  if (filter === null) return { page: { items: [], nextCursor: null }, lag };
  const page = await deps.ledger.movementPage({ ...query, ...filter }, ctx.deadline);
  return { page, lag };
}

export interface MovementExport {
  /** Bounded parts, oldest first within each partition; each is read when it is asked for. */
  readonly parts: AsyncGenerator<readonly Movement[], void, undefined>;
  /** Movements that the ledger lacked when it was asked. */
  readonly lag: number;
}

/** What one part of an export may take to read. */
const PART_MS_MAX = 5_000;

/**
 * Everything that the filter lets pass, up to the moment of asking. Between two parts nothing is
 * open in PostgreSQL: movements never change, so that their seqs alone keep the place.
 */
export async function exportMovements(
  deps: Deps,
  ctx: ReadContext,
  asked: MovementFilter,
): Promise<MovementExport> {
  const { filter, lag } = await prepared(deps, ctx.deadline, asked);
  if (filter === null) return { parts: inParts(deps, asked, []), lag };
  const spans = await deps.ledger.movementSpans(filter, ctx.deadline);
  return { parts: inParts(deps, filter, spans), lag };
}

async function* inParts(
  { ledger, clock }: Deps,
  filter: MovementFilter,
  spans: readonly MovementSpan[],
): MovementExport["parts"] {
  for (const span of spans) {
    let rest: MovementSpan | null = span;
    while (rest !== null) {
      const part = await ledger.movementsIn(filter, rest, clock.now() + PART_MS_MAX);
      rest = part.rest;
      yield part.movements;
    }
  }
}

/**
 * Waits for the ledger, and adds to a filter what follows from it: the partition of a product and
 * of a hold, and the order of a hold. `filter` is null where nothing can match.
 */
async function prepared(
  deps: Deps,
  deadline: number,
  asked: MovementFilter,
): Promise<{ readonly filter: MovementFilter | null; readonly lag: number }> {
  const { productId, reservationId, partition } = asked;
  const homes = [
    partition,
    productId === null ? null : deps.store.partitionOf(productId),
    reservationId === null ? null : splitReservationId(reservationId).partition,
  ].filter((home) => home !== null);
  const [home = null] = homes;
  const lag = await waitForLedger(deps, deadline, isOurs(deps, home) ? home : null);
  if (homes.some((other) => other !== home)) return { filter: null, lag };
  const filter = { ...asked, partition: home };
  if (reservationId === null || asked.orderId !== null) return { filter, lag };
  const hold = await deps.ledger.reservation(reservationId, deadline);
  if (hold === null) return { filter: null, lag };
  const [only] =
    new Set(hold.allocations.map((allocation) => allocation.productId)).size === 1
      ? hold.allocations
      : [];
  return {
    filter: { ...filter, orderId: hold.orderId, productId: productId ?? only?.productId ?? null },
    lag,
  };
}

const isOurs = ({ store }: Deps, partition: number | null): boolean =>
  partition !== null && partition < store.partitions;

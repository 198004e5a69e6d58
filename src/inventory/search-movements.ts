import type { Deps, ReadContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { mustHavePartition } from "#inventory/known-partition";
import type { Movement } from "#inventory/model";
import type { MovementFilter, MovementQuery, MovementSpan, Page } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { waitForLedger } from "#inventory/wait-for-ledger";

/** Some of the movements asked for were put away: what is kept begins behind `putAwayUntil` (ms). */
export interface NotKept {
  readonly kind: "not_kept";
  readonly putAwayUntil: number;
}

export interface MovementPage {
  readonly kind: "page";
  readonly page: Page<Movement>;
  /** Movements that the ledger lacked when it was asked. */
  readonly lag: number;
}

/**
 * A page of what happened: everything up to the moment of asking, unless the lag says less. Of a time
 * that is not kept it is not_kept; without a time the list is of what is kept.
 */
export async function searchMovements(
  deps: Deps,
  ctx: ReadContext,
  query: MovementQuery,
): Promise<MovementPage | NotKept> {
  const { filter, lag } = await prepared(deps, ctx.deadline, query);
  if (filter === null) return { kind: "page", page: { items: [], nextCursor: null }, lag };
  const gone = query.from === null ? null : await notKept(deps, ctx.deadline, filter);
  if (gone !== null) return gone;
  const page = await deps.ledger.movementPage({ ...query, ...filter }, ctx.deadline);
  return { kind: "page", page, lag };
}

export interface MovementExport {
  readonly kind: "export";
  /** Bounded parts, oldest first within each partition; each is read when it is asked for. */
  readonly parts: AsyncGenerator<readonly Movement[], void, undefined>;
  /** Movements that the ledger lacked when it was asked. */
  readonly lag: number;
}

/** What one part of an export may take to read. */
const PART_MS_MAX = 5_000;

/**
 * Everything that the filter lets pass, up to the moment of asking. Between two parts nothing is
 * open in PostgreSQL: movements never change, so that their seqs alone keep the place. It says that it
 * is whole: where some were put away, only what is behind them can be asked for.
 */
export async function exportMovements(
  deps: Deps,
  ctx: ReadContext,
  asked: MovementFilter,
): Promise<MovementExport | NotKept> {
  const { filter, lag } = await prepared(deps, ctx.deadline, asked);
  if (filter === null) return { kind: "export", parts: inParts(deps, asked, []), lag };
  const gone = await notKept(deps, ctx.deadline, filter);
  if (gone !== null) return gone;
  const spans = await deps.ledger.movementSpans(filter, ctx.deadline);
  return { kind: "export", parts: inParts(deps, filter, spans), lag };
}

/** Whether movements of the time asked for were put away; without a time all of them are asked for. */
async function notKept(
  { ledger }: Deps,
  deadline: number,
  { partition, from }: MovementFilter,
): Promise<NotKept | null> {
  const putAwayUntil = await ledger.putAwayUntil(partition, deadline);
  if (putAwayUntil === null || (from !== null && from > putAwayUntil)) return null;
  return { kind: "not_kept", putAwayUntil };
}

async function* inParts(
  deps: Deps,
  filter: MovementFilter,
  spans: readonly MovementSpan[],
): MovementExport["parts"] {
  const { ledger, clock } = deps;
  for (const span of spans) {
    let rest: MovementSpan | null = span;
    while (rest !== null) {
      const part = await ledger.movementsIn(filter, rest, clock.now() + PART_MS_MAX);
      rest = part.rest;
      yield part.movements;
    }
  }
  // What was put away under way is missing: the export must not say that it is whole.
  if (spans.length > 0 && (await notKept(deps, clock.now() + PART_MS_MAX, filter)) !== null) {
    throw new Fault("ledger_unavailable", "movements were put away while they were exported");
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
  mustHavePartition(deps.store, partition);
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

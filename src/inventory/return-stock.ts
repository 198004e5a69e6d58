import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { CustomerId, Disposition, Location, OrderId, ProductId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import type { OrderSales, ReturnOutcome } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface ReturnInput extends Grounds {
  readonly productId: ProductId;
  readonly orderId: OrderId;
  readonly quantity: number;
  /** Whose return it is; null: whoever's of that order. */
  readonly customerId: CustomerId | null;
  readonly disposition: Disposition;
  /** null: the product's home. */
  readonly location: Location | null;
}

/**
 * Takes back units that an order was sold, never more than were sold to it and are not back yet.
 * The ledger says how many that are, and the store whether there was a return since. Rejects with
 * `ledger_unavailable` when the ledger is away or too far behind to say.
 */
export async function returnStock(
  deps: Deps,
  ctx: RequestContext,
  input: ReturnInput,
): Promise<ReturnOutcome> {
  const { productId, orderId, quantity, disposition, location } = input;
  const command = {
    ...commandBase(ctx, input),
    productId,
    location,
    quantity,
    disposition,
    // Of the order alone: a return with a customer and one without must know of each other.
    owner: ownerOf(null, orderId, productId),
  };
  // It ends: a caller that finds the order moved lost to another one that returned something, and
  // whatever is asked here has the request's deadline.
  for (;;) {
    const sales = await salesNow(deps, ctx.deadline, input);
    const outcome = await deps.store.return({ ...command, sales });
    if (outcome.kind !== "moved") return outcome;
  }
}

async function salesNow(deps: Deps, deadline: number, input: ReturnInput): Promise<OrderSales> {
  const { productId, orderId, customerId } = input;
  const partition = deps.store.partitionOf(productId);
  const lag = await waitForLedger(deps, deadline, partition);
  if (lag > 0) {
    const message = `the ledger is ${lag} movements behind: what was sold is not known yet`;
    throw new Fault("ledger_unavailable", message);
  }
  const positions = await deps.store.positions(deadline, partition);
  const sales = await deps.ledger.orderSales(
    { partition, productId, orderId, customerId },
    deadline,
  );
  // A ledger that is behind what Redis was told of it came from a backup: it may lack returns.
  if (positions.every(({ drained }) => sales.seq >= drained)) return sales;
  throw new Fault(
    "ledger_unavailable",
    "the ledger has lost movements: what was sold is not known",
  );
}

import { commandBase, type Caller, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { holdSeconds } from "#inventory/hold-seconds";
import { QUANTITY_MAX, type CustomerId, type OrderId, type ProductId } from "#inventory/model";
import { ownerOf, type Scope } from "#inventory/owner";
import type { RequestedLine, ReserveOutcome } from "#inventory/ports";

export interface ReserveInput {
  readonly orderId: OrderId;
  /** Whom a service or an admin acts for; customers act for themselves and name nobody. */
  readonly customerId: CustomerId | null;
  /** The product, or `cart`: a later call with the same scope means the same hold. */
  readonly scope: Scope;
  readonly lines: readonly RequestedLine[];
  /** null: as configured. */
  readonly expirationMinutes: number | null;
}

/**
 * Takes a hold on one product or a whole cart, all or nothing. Products named twice are summed.
 * Rejects with `role_required` and `validation_failed`, besides the store's Faults.
 */
export async function reserve(
  deps: Deps,
  ctx: RequestContext,
  input: ReserveInput,
): Promise<ReserveOutcome> {
  const customerId = customerOf(ctx.caller, input.customerId);
  const minutes = input.expirationMinutes ?? deps.policy.reservationMinutes;
  return deps.store.reserve({
    ...commandBase(ctx),
    owner: ownerOf(customerId, input.orderId, input.scope),
    generation: deps.newGeneration(),
    customerId,
    orderId: input.orderId,
    lines: distinct(input.lines),
    holdSeconds: holdSeconds(deps.policy, minutes, "expirationMinutes"),
  });
}

/** Rejects when a customer names a customer, be it itself: it has no say in it. */
export function customerOf(caller: Caller, named: CustomerId | null): CustomerId | null {
  if (caller.role !== "customer") return named;
  if (named === null) return caller.subject;
  throw new Fault("role_required", "customerId is for services and admins");
}

function distinct(lines: readonly RequestedLine[]): readonly RequestedLine[] {
  if (lines.length === 1) return lines;
  const sums = new Map<ProductId, RequestedLine>();
  for (const [index, line] of lines.entries()) {
    const earlier = sums.get(line.productId);
    const quantity = line.quantity + (earlier?.quantity ?? 0);
    if (earlier !== undefined && earlier.location !== line.location) {
      throw refusal(`items[${index}].location`, "must be the same wherever a product is repeated");
    }
    if (quantity > QUANTITY_MAX) {
      throw refusal(`items[${index}].quantity`, `must not sum up to more than ${QUANTITY_MAX}`);
    }
    sums.set(line.productId, { ...line, quantity });
  }
  return [...sums.values()];
}

function refusal(path: string, message: string): Fault {
  return new Fault("validation_failed", `${path} ${message}`, { errors: [{ path, message }] });
}

import type { Deps, ReadContext } from "#inventory/context";
import type { CustomerId } from "#inventory/model";
import type { Page } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

/** What became of the holds of one customer. */
export interface CustomerHolds {
  readonly customerId: CustomerId;
  readonly holds: number;
  readonly live: number;
  readonly expiredHolds: number;
  /** Units that they held, and what of them expired and was sold. */
  readonly units: number;
  readonly expiredUnits: number;
  readonly soldUnits: number;
}

export interface CustomerHoldsQuery {
  /** Holds that were made since then (epoch ms). */
  readonly since: number;
  /** Holds that a customer made at least. */
  readonly minimum: number;
  readonly cursor: string | null;
  readonly limit: number;
}

/** Who lets most units expire, first: the ledger's word, which names customers. */
export async function listCustomerHolds(
  deps: Deps,
  ctx: ReadContext,
  query: CustomerHoldsQuery,
): Promise<Page<CustomerHolds> & { readonly lag: number }> {
  const lag = await waitForLedger(deps, ctx.deadline);
  return { ...(await deps.ledger.customerHolds(query, ctx.deadline)), lag };
}

import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import type {
  AmendIncomingOutcome,
  ExpectOutcome,
  Incoming,
  IncomingChanges,
  IncomingId,
  IncomingQuery,
  NewIncoming,
} from "#inventory/incoming-ports";
import type { Page } from "#inventory/ports";

/** Notes stock that is to come. It changes nothing that can be sold. Rejects with Faults. */
export async function expectStock(
  deps: Deps,
  ctx: RequestContext,
  input: NewIncoming,
): Promise<ExpectOutcome> {
  const product = await deps.store.product(input.productId, ctx.deadline);
  if (product === null) return { kind: "unknown_product" };
  const by = { actor: actorOf(ctx.caller), operation: ctx.operation };
  return deps.incoming.expect(input, by, ctx.deadline);
}

/** Changes how much is expected and when; never to less than came. */
export function amendIncoming(
  deps: Deps,
  ctx: RequestContext,
  incomingId: IncomingId,
  changes: IncomingChanges,
): Promise<AmendIncomingOutcome> {
  const whole = { ...changes, cancelled: false };
  return deps.incoming.amend(incomingId, whole, ctx.operation, ctx.deadline);
}

/** What has not come is not expected any more; cancelled twice is cancelled. */
export async function cancelIncoming(
  deps: Deps,
  ctx: RequestContext,
  incomingId: IncomingId,
): Promise<AmendIncomingOutcome> {
  const changes = { cancelled: true };
  const outcome = await deps.incoming.amend(incomingId, changes, ctx.operation, ctx.deadline);
  if (outcome.kind !== "closed" || !outcome.incoming.cancelled) return outcome;
  return { kind: "amended", incoming: outcome.incoming, replayed: false };
}

/** What is or was expected, soonest first. */
export function listIncoming(
  deps: Deps,
  deadline: number,
  query: IncomingQuery,
): Promise<Page<Incoming>> {
  return deps.incoming.list(query, deadline);
}

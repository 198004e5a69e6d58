import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import { mustHavePartition } from "#inventory/known-partition";
import type { ReconcileMode, ReconcileRuns, ReconcileScope } from "#inventory/reconcile-ports";
import { randomId } from "#lib/ids";

/** Of a run without an `Idempotency-Key`: as long as the hash that names one with it. */
const ID_LENGTH = 32;

/** Asks for a comparison. A worker runs it; the same `Idempotency-Key` asks for it once. */
export async function startReconcile(
  deps: Deps,
  ctx: RequestContext,
  { scope, mode }: { readonly scope: ReconcileScope; readonly mode: ReconcileMode },
): ReturnType<ReconcileRuns["ask"]> {
  mustHavePartition(deps.store, scope.kind === "partition" ? scope.partition : null);
  const { operation } = ctx;
  const id = operation?.key ?? randomId(ID_LENGTH);
  const payload = operation?.payload ?? "";
  const run = { id, payload, scope, mode, askedBy: actorOf(ctx.caller) };
  return await deps.reconcileRuns.ask(run, ctx.deadline);
}

import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
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
  const { partitions } = deps.store;
  if (scope.kind === "partition" && scope.partition >= partitions) {
    const message = `must be below ${partitions}`;
    const errors = [{ path: "partition", message }];
    throw new Fault("validation_failed", `partition ${message}`, { errors });
  }
  const { operation } = ctx;
  const id = operation?.key ?? randomId(ID_LENGTH);
  const payload = operation?.payload ?? "";
  const run = { id, payload, scope, mode, askedBy: actorOf(ctx.caller) };
  return await deps.reconcileRuns.ask(run, ctx.deadline);
}

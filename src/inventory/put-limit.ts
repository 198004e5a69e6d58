import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import type { LimitTerms, PutLimitOutcome, RemoveLimitOutcome } from "#inventory/limit-ports";

export interface RemoveLimitInput {
  readonly limitId: string;
  /** Version that it must still have; null when the caller does not care. */
  readonly expectedVersion: number | null;
}
export type PutLimitInput = RemoveLimitInput & LimitTerms;

/** By which the movements that tell its history are found. */
const referenceOf = (limitId: string): string => `limit:${limitId}`;

/**
 * Makes a limit, or another one of it. Where its products, its window or what it counts become others, it
 * begins anew, with nothing counted.
 */
export function putLimit(
  deps: Deps,
  ctx: RequestContext,
  input: PutLimitInput,
): Promise<PutLimitOutcome> {
  const base = commandBase(ctx, { reference: referenceOf(input.limitId) });
  return deps.store.putLimit({ ...base, ...input });
}

/** Removes a limit, and what it counted. */
export function removeLimit(
  deps: Deps,
  ctx: RequestContext,
  input: RemoveLimitInput,
): Promise<RemoveLimitOutcome> {
  const base = commandBase(ctx, { reference: referenceOf(input.limitId) });
  return deps.store.removeLimit({ ...base, ...input });
}

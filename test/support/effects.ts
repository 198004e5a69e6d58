/** Waiting for a load to have had effects, so that a blow falls under load and is lived through. */
import type { Acknowledged } from "#test/audit";
import { until } from "#test/until";

const EFFECTS_MS_MAX = 30_000;

export const moreEffects = (
  { acknowledged }: { readonly acknowledged: readonly Acknowledged[] },
  count: number,
): Promise<unknown> => {
  const goal = acknowledged.length + count;
  return until(() => acknowledged.length >= goal, {
    withinMs: EFFECTS_MS_MAX,
    what: `${count} more effects are acknowledged`,
  });
};

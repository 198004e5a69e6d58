import type { ReserveOutcome, ShortLine } from "#inventory/ports";

type WithNextDue = (lines: readonly ShortLine[]) => Promise<readonly ShortLine[]>;

/** Whether more units would help: not where its customer may have no more than there are already. */
export const lacksStock = ({ largest, quota }: ShortLine): boolean =>
  quota === undefined || largest < quota.left;

/** The outcome, each of its short lines with the time for which its caller may wait. */
export async function explained(
  outcome: ReserveOutcome,
  withNextDue: WithNextDue,
): Promise<ReserveOutcome> {
  if (outcome.kind === "insufficient" || outcome.kind === "above_quota") {
    return { ...outcome, lines: await withNextDue(outcome.lines) };
  }
  if (!("short" in outcome) || outcome.short.length === 0) return outcome;
  return { ...outcome, short: await withNextDue(outcome.short) };
}

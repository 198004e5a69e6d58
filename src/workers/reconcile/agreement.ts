/** Which side of a hold its movements speak for: they are what nobody writes by hand. */
import type { Reservation } from "#inventory/model";
import type { LevelUnits } from "#inventory/ledger-snapshot";
import { levelName } from "#workers/reconcile/breaks";
import type { Comparison } from "#workers/reconcile/comparison";

/** What the movements of a hold say of one side of it; `unknown`: they are not all there. */
export type Word = "agree" | "disagree" | "unknown";

/** Asks for the movements of a hold once, and holds each side against them. */
export async function wordOfMovements(
  { ledger }: Pick<Comparison, "ledger">,
  ...sides: readonly (Reservation | null)[]
): Promise<readonly Word[]> {
  const known = sides.filter((side) => side !== null);
  const [one] = known;
  if (one === undefined) return sides.map(() => "unknown");
  const productIds = known.flatMap(({ allocations }) => allocations.map((line) => line.productId));
  const units = await ledger.unitsOf(one, productIds);
  const isWhole = units.length > 0 && units.every((level) => level.isWhole);
  return sides.map((side) => {
    if (side === null || !isWhole) return "unknown";
    return isAsMoved(side, units) ? "agree" : "disagree";
  });
}

/** Whether its units are what its movements come to, and it lives as long as any of them is held. */
export function isAsMoved(
  { status, allocations }: Pick<Reservation, "status" | "allocations">,
  units: readonly LevelUnits[],
): boolean {
  const moved = new Map(units.map((level) => [levelName(level), level]));
  const isSame = allocations.every((line) => {
    const level = moved.get(levelName(line));
    return (
      level !== undefined &&
      level.held === line.held &&
      level.confirmed === line.confirmed &&
      level.released === line.released
    );
  });
  const isLive = units.some(({ held }) => held > 0);
  return isSame && allocations.length === moved.size && isLive === (status === "ACTIVE");
}

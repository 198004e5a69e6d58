/**
 * What each client hears of a product never goes back. A history that can be explained cannot break
 * this; it is looked at by itself because it needs no search and names the two answers.
 */
import { told, type Operation } from "./operations";

export function goingBack(operations: readonly Operation[]): string[] {
  const inOrder = operations.toSorted((one, other) => one.returnedAt - other.returnedAt);
  return inOrder.flatMap((later, i) => {
    const before = inOrder.slice(0, i).findLast((one) => isBefore(one, later));
    if (!before || versionOf(before) <= versionOf(later)) return [];
    return [`${told(later)}\n  goes back behind\n  ${told(before)}`];
  });
}

const isBefore = (one: Operation, later: Operation): boolean =>
  one.client === later.client && one.returnedAt <= later.invokedAt && isNews(one) && isNews(later);

/** A repeat hears what was true then. */
const isNews = ({ answer, isReplay }: Operation): boolean => answer?.kind === "levels" && !isReplay;

const versionOf = ({ answer }: Operation): number =>
  answer?.kind === "levels" ? answer.version : 0;

/** The question of the checker, answered by trying every order: for short histories, and for its test. */
import { agreed } from "./agree";
import type { History } from "./checker";
import { expiries, outcomes } from "./model";
import { isSame, keyOf, type State } from "./state";
import type { Operation } from "./operations";

export function isExplained({ initial, operations, clock }: History): boolean {
  const seen = new Set<string>();

  const goesOn = (state: State, left: readonly Operation[]): boolean => {
    const ends = left.filter(({ answer }) => answer !== null).map(({ returnedAt }) => returnedAt);
    if (ends.length === 0) return true;
    const name = `${left.map(({ id }) => id).join(" ")}|${keyOf(state)}|${state.now}|${state.versionFrom}`;
    if (seen.has(name)) return false;
    seen.add(name);
    const at = Math.min(...ends);
    const isAfter = (one: Operation): boolean =>
      one.invokedAt <= at &&
      after(state, one, at).some((to) =>
        goesOn(
          to,
          left.filter((other) => other !== one),
        ),
      );
    return (
      left.some(isAfter) ||
      [...expiries(state, clock.latest(at)).values()].some((to) => goesOn(to, left))
    );
  };

  const after = (state: State, one: Operation, at: number): State[] => {
    const since = clock.earliest(one.invokedAt);
    const { answer } = one;
    const unheardSince = answer === null ? since : null;
    const window = { from: Math.max(state.now, since), to: clock.latest(at), unheardSince };
    if (window.from > window.to) return [];
    return outcomes(state, one, window)
      .map((outcome) => (answer === null ? outcome.state : agreed(outcome, one, answer)))
      .filter((to) => to !== null)
      .filter((to) => to.now <= window.to)
      .map((to) => (isSame(to, state) ? state : to));
  };

  return goesOn(initial, operations);
}

/**
 * Runs all items at once, except that an item waits for the earlier ones that share a name with
 * it: what is done to one thing is done in the order of the list. Answers in that order.
 * Rejects when a run does.
 */
export function inOrder<Item, Result>(
  items: readonly Item[],
  namesOf: (item: Item) => readonly string[],
  run: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const last = new Map<string, Promise<Result>>();
  return Promise.all(
    items.map((item, index) => {
      const names = namesOf(item);
      const earlier = names.flatMap((name) => last.get(name) ?? []);
      // Without a wait it runs in this turn, so that all such items share their batches.
      const turn =
        earlier.length === 0 ? run(item, index) : Promise.all(earlier).then(() => run(item, index));
      for (const name of names) last.set(name, turn);
      return turn;
    }),
  );
}

import { expect, test } from "bun:test";
import { inOrder } from "#lib/in-order";

interface Step {
  readonly names: readonly string[];
  readonly index: number;
}

test("items that share a name run one after another, all others at once", async () => {
  const items = [["a"], ["a", "b"], ["c"], ["b"], ["a"], ["c", "d"]];
  const running = new Map<number, () => void>();
  const begun: Step[] = [];
  const done = inOrder(
    items,
    (names) => names,
    (names, index) =>
      new Promise<number>((resolve) => {
        begun.push({ names, index });
        running.set(index, () => resolve(index * 10));
      }),
  );
  const nextBegin = async (ended: readonly number[]): Promise<number[]> => {
    const before = begun.length;
    for (const index of ended) running.get(index)?.();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    return begun.slice(before).map(({ index }) => index);
  };
  expect(begun.map(({ index }) => index)).toEqual([0, 2]);
  expect(await nextBegin([2])).toEqual([5]);
  expect(await nextBegin([0])).toEqual([1]);
  expect(await nextBegin([1])).toEqual([3, 4]);
  await nextBegin([3, 4, 5]);
  expect(await done).toEqual([0, 10, 20, 30, 40, 50]);
});

import { expect, test } from "bun:test";
import { createGate } from "#rush/gate";

test("a gate lets so many in at once, the others in their order, also behind one that fails", async () => {
  const gate = createGate(2);
  let [inside, most] = [0, 0];
  const begun: number[] = [];
  const left: (() => void)[] = [];
  const work = (number: number) =>
    gate.through(async () => {
      inside += 1;
      most = Math.max(most, inside);
      begun.push(number);
      await new Promise<void>((resolve) => void left.push(resolve));
      inside -= 1;
      if (number % 5 === 0) throw new Error("it failed");
      return number;
    });
  const all = Promise.allSettled(Array.from({ length: 50 }, (_, number) => work(number)));
  for (let served = 0; served < 50; served += 1) {
    while (left[served] === undefined) await Promise.resolve();
    left[served]?.();
  }
  const ended = await all;
  expect(most).toBe(2);
  expect(begun).toEqual(Array.from({ length: 50 }, (_, number) => number));
  expect(ended.filter(({ status }) => status === "rejected")).toHaveLength(10);
  // Whoever comes when nobody waits goes in at once.
  expect(await gate.through(() => Promise.resolve("in"))).toBe("in");
});

test("who goes ahead waits behind nobody but those who are inside, or came ahead before", async () => {
  const gate = createGate(1);
  const begun: string[] = [];
  const work = (name: string) => (): Promise<void> => {
    begun.push(name);
    return Promise.resolve();
  };
  const wanted = [gate.through(work("a")), gate.through(work("b")), gate.ahead(work("c"))];
  await Promise.all([...wanted, gate.through(work("d")), gate.ahead(work("e"))]);
  expect(begun).toEqual(["a", "c", "e", "b", "d"]);
});

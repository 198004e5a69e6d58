import { expect, test } from "bun:test";
import { createPace } from "#lib/pace";

function paced(perSecond: number, burst: number) {
  const state = { now: 1_000 };
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => void slept.push(ms);
  const pace = createPace({ perSecond, burst, clock: { now: () => state.now }, sleep });
  return { state, slept, pace };
}

test("what is small never waits, and all beyond it keeps to so many a second", async () => {
  const { slept, pace, state } = paced(100, 50);
  await pace(30);
  await pace(20);
  expect(slept).toEqual([]);
  await pace(10);
  await pace(40);
  expect(slept).toEqual([100, 500]);
  state.now += 500;
  await pace(10);
  expect(slept).toEqual([100, 500, 100]);
});

test("a rest, however long, saves up no more than what may be done at once", async () => {
  const { slept, pace, state } = paced(100, 50);
  await pace(50);
  state.now += 3_600_000;
  await pace(50);
  expect(slept).toEqual([]);
  await pace(1);
  expect(slept).toEqual([10]);
});

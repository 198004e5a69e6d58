import { expect, test } from "bun:test";
import { JumpingClock } from "./jumping-clock";

const MINUTE_MS = 60_000;
/** Far more than these few lines take, and far less than a jump. */
const NEAR_MS = 1_000;

test("between a jump's begin and its end both times are possible, and behind it one", () => {
  const offsets: number[] = [];
  const clock = new JumpingClock({
    redis: {},
    env: {},
    set: (seconds) => void offsets.push(seconds),
  });
  const before = performance.now();
  expect(clock.latest(before) - clock.earliest(before)).toBeLessThan(NEAR_MS);
  expect(Math.abs(clock.latest(before) - Date.now())).toBeLessThan(NEAR_MS);
  clock.ahead(MINUTE_MS);
  const behind = performance.now();
  expect(clock.earliest(behind) - clock.earliest(before)).toBeGreaterThanOrEqual(MINUTE_MS);
  expect(clock.latest(behind) - clock.earliest(behind)).toBeLessThan(NEAR_MS);
  expect(clock.jumps).toBe(1);

  // To a moment, and never back.
  clock.to(clock.latest(behind) + 2 * MINUTE_MS);
  clock.to(0);
  const [first = 0, second = 0, third = 0] = offsets;
  expect(first).toBe(MINUTE_MS / 1_000);
  expect(Math.round((second - first) / 60)).toBe(2);
  expect(third).toBe(second);

  clock.begin();
  expect(clock.jumps).toBe(0);
  const now = performance.now();
  expect(clock.earliest(now)).toBeGreaterThan(Date.now() + 2 * MINUTE_MS);
});

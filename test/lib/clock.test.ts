import { expect, test } from "bun:test";
import { steadyClock, systemClock } from "#lib/clock";

test("the system clock tells milliseconds since 1970", () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
});

test("the steady clock never goes back", () => {
  let last = steadyClock.now();
  for (let reading = 0; reading < 10_000; reading += 1) {
    const now = steadyClock.now();
    expect(now >= last).toBe(true);
    last = now;
  }
});

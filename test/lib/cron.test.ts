import { describe, expect, test } from "bun:test";
import { nextOf } from "#lib/cron";

const NOW = "2026-11-21T20:09:30.000Z";

describe("the next time of a pattern", () => {
  test.each([
    ["0 3 * * *", "2026-11-22T03:00:00.000Z"],
    ["*/5 * * * *", "2026-11-21T20:10:00.000Z"],
    ["9 20 * * *", "2026-11-22T20:09:00.000Z"],
    ["0 3 * JAN MON-FRI", "2027-01-01T03:00:00.000Z"],
    ["0 3 29 2 *", "2028-02-29T03:00:00.000Z"],
    ["* * * * * *", "2026-11-21T20:09:31.000Z"],
    ["*/40 * * * * *", "2026-11-21T20:09:40.000Z"],
    ["0,30 * * * * *", "2026-11-21T20:10:00.000Z"],
    ["50/4 * * * * *", "2026-11-21T20:09:50.000Z"],
    ["10-20/5 9 20 * * *", "2026-11-22T20:09:10.000Z"],
  ])("%s is %s", (pattern, next) => {
    expect(nextOf(pattern, Date.parse(NOW))).toBe(Date.parse(next));
  });

  test.each([
    "",
    "* * * *",
    "* * * * * * *",
    "0 3 31 2 *",
    "60 * * * * *",
    "5-1 * * * * *",
    "1-x * * * * *",
  ])("%p has none", (pattern) => expect(nextOf(pattern, Date.parse(NOW))).toBe(null));
});

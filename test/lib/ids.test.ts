import { describe, expect, test } from "bun:test";
import { randomId, requestId } from "#lib/ids";
import { until } from "#test/until";

describe("random ids", () => {
  test("have the length asked for and only letters and digits", () => {
    for (const length of [0, 1, 8, 20, 5000]) {
      expect(randomId(length)).toMatch(new RegExp(`^[a-z0-9]{${length}}$`));
    }
  });

  test("do not repeat, across refills of the pool", () => {
    const ids = new Set(Array.from({ length: 100_000 }, () => randomId(12)));
    expect(ids.size).toBe(100_000);
  });

  test("use every character equally often", () => {
    const sample = randomId(360_000);
    const counts = Map.groupBy(sample, (character) => character);
    expect(counts.size).toBe(36);
    // Ten thousand are expected of each; 5 sigma is 493. A biased modulo would show 11 % more of four.
    for (const [, found] of counts) expect(Math.abs(found.length - 10_000)).toBeLessThan(600);
  });

  test("of requests are 20 characters, and do not repeat", () => {
    const ids = Array.from({ length: 100_000 }, requestId);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]{20}$/);
    expect(new Set(ids).size).toBe(100_000);
  });

  test("of requests stand in the order of their milliseconds", async () => {
    const ids: string[] = [];
    for (let at = 0; at < 20; at += 1) {
      ids.push(requestId());
      const now = Date.now();
      await until(() => Date.now() > now, { withinMs: 1_000, what: "the next millisecond" });
    }
    expect(ids.toSorted()).toEqual(ids);
  });
});

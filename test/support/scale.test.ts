import { expect, test } from "bun:test";
import { newSeed, seed, seedOf } from "#test/scale";

test("a seed is the one of the run, or another one each time", () => {
  const given = process.env["HOLDFAST_TEST_SEED"];
  const first = seed();
  expect(seedOf(String(first))).toBe(first);
  expect(given === undefined ? first : Number(given)).toBe(first);
  expect(new Set(Array.from({ length: 10 }, newSeed)).size).toBeGreaterThan(1);
});

test.each(["", "-1", "1e3", "2147483648", "seed"])("%p is no seed", (text) => {
  expect(() => seedOf(text)).toThrow("HOLDFAST_TEST_SEED");
});

import { expect, test } from "bun:test";
import { UsageError } from "#test/arguments";
import { askedFor } from "#faults/cases";

const FLIPS = { name: "flips", all: ["cuts", "flips"], count: 20 };

test("cases are asked for by name and number, of a test that has them", () => {
  expect(askedFor("", FLIPS)).toBeNull();
  expect(askedFor("flips/17", FLIPS)).toEqual({ name: "flips", from: 17, to: 17 });
  expect(askedFor("flips/16-20", FLIPS)).toEqual({ name: "flips", from: 16, to: 20 });
  expect(askedFor("cuts/40", FLIPS)).toEqual({ name: "cuts", from: 40, to: 40 });
});

test.each(["flipz/3", "flips/21", "flips/0", "flips/5-4", "flips", "flips/x"])(
  "what names no case is refused, not passed: %s",
  (text) => {
    expect(() => askedFor(text, FLIPS)).toThrow(UsageError);
  },
);

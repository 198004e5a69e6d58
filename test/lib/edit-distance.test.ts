import { expect, test } from "bun:test";
import { editDistance } from "#lib/edit-distance";

test("the edit distance counts letters added, left out, replaced and swapped", () => {
  const known: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["PORT", "PORT", 0],
    ["PORTS", "PORT", 1],
    ["PRT", "PORT", 1],
    ["PROT", "PORT", 1],
    ["HOME", "HOST", 2],
    ["kitten", "sitting", 3],
  ];
  for (const [left, right, distance] of known) {
    expect([left, right, editDistance(left, right)]).toEqual([left, right, distance]);
  }
});

import { expect, test } from "bun:test";
import { printable } from "#lib/printable";

test("no character that a terminal obeys is left, and every other one is", () => {
  const hostile = "\u001b[2J\u0007\u009b31m\u202elamp\u2028\r\n\u007f\u0000";
  const shown = printable(`a ${hostile} z`);
  expect(shown).toBe(
    String.raw`a \u001b[2J\u0007\u009b31m\u202elamp\u2028\u000d\u000a\u007f\u0000 z`,
  );
  // In a text of JSON it stays the same text.
  expect(JSON.parse(printable(JSON.stringify(hostile)))).toBe(hostile);
  const harmless = "Lampe grün 灯 👨‍👩‍👧 “é” \\ %";
  expect(printable(harmless)).toBe(harmless);
});

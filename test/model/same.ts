/** Throws, with both, when they differ. */
export function same(what: string, found: unknown, expected: unknown): void {
  if (found === expected || Bun.deepEquals(found, expected, true)) return;
  const text = (value: unknown): string => Bun.inspect(value, { depth: 8 });
  throw new Error(`${what} is\n${text(found)}\nand should be\n${text(expected)}`);
}

/** Reading what our own scripts wrote: every shape is checked, and a bad one is a bug that says where. */

/** Text that stood in a key, a record or a reply of ours: validated at the door it came in by. */
export function recorded<Brand extends string>(text: string): Brand {
  // The brand was earned when the text was accepted; Redis holds only what we wrote.
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the one place that gives it back
  return text as Brand;
}

/** A whole number that Lua wrote; anything else is a bug. */
export function recordedCount(text: string | undefined, what: string): number {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) throw new Error(`${what} is not a count`);
  return Number(text);
}

/** Texts of callers are kept as JSON strings, so that no separator of ours can stand in them. */
export function recordedText(json: string): string {
  const text: unknown = JSON.parse(json);
  if (typeof text !== "string") throw new Error("not a JSON string");
  return text;
}

/** The text at that place of a split line. */
export function fieldAt(fields: readonly string[], index: number, what: string): string {
  const field = fields[index];
  if (field === undefined) throw new Error(`${what} is missing`);
  return field;
}

export function isOneOf<const Words extends readonly string[]>(
  words: Words,
  text: string,
): text is Words[number] {
  return words.includes(text);
}

/**
 * Fields of a hash, each with its text. A look at each value and no schema: that was a fifth of
 * what the read of a product costs, and every line of an availability question is one.
 */
export function recordedFields(reply: unknown, what: string): Readonly<Record<string, string>> {
  if (!isFields(reply)) throw new Error(`${what} is not a map of texts`);
  return reply;
}

function isFields(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((text) => typeof text === "string");
}

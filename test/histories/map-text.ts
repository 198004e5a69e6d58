/** What is in a map of a state, as one text: by it states are told apart. */

/** Maps and what they hold are never changed, and most states share them. */
const texts = new WeakMap<object, string>();

export function textOfMap(map: ReadonlyMap<number | string, object | number>): string {
  const known = texts.get(map);
  if (known !== undefined) return known;
  const parts = [...map].map(([key, value]) => `${key} ${valueText(value)}`);
  const text = parts.toSorted().join(",");
  texts.set(map, text);
  return text;
}

function valueText(value: object | number): string {
  if (typeof value === "number") return String(value);
  const known = texts.get(value) ?? JSON.stringify(value);
  texts.set(value, known);
  return known;
}

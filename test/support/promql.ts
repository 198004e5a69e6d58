/** What expressions of Prometheus ask for: as much of PromQL as ours use. */

export interface Asked {
  readonly metric: string;
  /** What stands in its braces: label, operator, text. */
  readonly matchers: readonly (readonly [label: string, operator: string, text: string])[];
}

const METRIC = /\b((?:holdfast|process)_\w+|up)\b(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)(=~|!~|!=|=)"([^"]*)"/g;

/** Each metric that an expression names, with its matchers. */
export const askedBy = (expr: string): readonly Asked[] =>
  Array.from(expr.matchAll(METRIC), ([, metric = "", braces = ""]) => ({
    metric,
    matchers: Array.from(
      braces.matchAll(MATCHER),
      ([, label = "", operator = "", text = ""]) => [label, operator, text] as const,
    ),
  }));

/** Labels by which an expression groups or joins. */
export const groupedBy = (expr: string): readonly string[] =>
  Array.from(expr.matchAll(/\b(?:by|on|ignoring|without) \(([^)]*)\)/g)).flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.trim()),
  );

/** Labels that a text of an alert or of a legend shows. */
export const shownBy = (text: string): readonly string[] =>
  Array.from(text.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g), ([, name = ""]) => name);

/** The metrics of a text in Prometheus' form, each with the labels that any of its series has. */
export function exportedBy(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const parts = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    for (const part of parts) found.set(`${name}${part}`, new Set());
  }
  for (const [, name = "", braces = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    for (const [label = ""] of braces.matchAll(/\w+(?==")/g)) found.get(name)?.add(label);
  }
  return found;
}

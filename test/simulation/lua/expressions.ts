/** Pieces of JavaScript that stand for Lua expressions, and how they are put together. */

export interface Expression {
  readonly js: string;
  /** It may answer several values, as an array. */
  readonly isMany: boolean;
  /** It is true or false, never nil. */
  readonly isTruth: boolean;
  /** Whether it holds, where that is known without its value. */
  readonly test?: string;
}

/** Left and right binding of each operator, as in the Lua manual. */
export const BINDING: Readonly<Record<string, readonly [left: number, right: number]>> = {
  or: [1, 1],
  and: [2, 2],
  "<": [3, 3],
  ">": [3, 3],
  "<=": [3, 3],
  ">=": [3, 3],
  "~=": [3, 3],
  "==": [3, 3],
  "..": [5, 4],
  "+": [6, 6],
  "-": [6, 6],
  "*": [7, 7],
  "/": [7, 7],
  "%": [7, 7],
};
export const UNARY_BINDING = 8;

/** Calls that never answer several values. */
const ANSWERS_ONE: ReadonlySet<string> = new Set(
  ["tonumber", "type", "string.format", "table.concat", "math.max", "math.min", "math.floor"]
    .map((name) => `L.${name}`)
    .concat("redis.call"),
);
const HELPERS: Readonly<Record<string, string>> = {
  "+": "$.add",
  "-": "$.subtract",
  "*": "$.multiply",
  "/": "$.divide",
  "%": "$.modulo",
  "<": "$.less",
  "<=": "$.lessOrEqual",
  ">": "$.greater",
  ">=": "$.greaterOrEqual",
};
const COMPARING: ReadonlySet<string> = new Set(["<", "<=", ">", ">="]);

export function called(js: string, list: readonly Expression[]): Expression {
  const [template, number] = list;
  if (js === "L.string.format" && template?.js === '"%d"' && number) {
    return plain(`$.whole(${single(number)})`);
  }
  const isOne = ANSWERS_ONE.has(js);
  return { js: `${js}(${joined(list)})`, isMany: !isOne, isTruth: false };
}

export const plain = (js: string): Expression => ({ js, isMany: false, isTruth: false });

export const single = ({ js, isMany }: Expression): string => (isMany ? `$.first(${js})` : js);

/** A variable or its fields, which may be read twice. */
const isPlace = (js: string): boolean => /^[\w$]+(\.[\w$]+)*$/.test(js);
const holds = (place: string): string => `(${place}!==undefined&&${place}!==false)`;

export function truth(it: Expression): string {
  if (it.isTruth) return it.js;
  const js = single(it);
  return it.test ?? (isPlace(js) ? holds(js) : `$.truth(${js})`);
}

/** A literal, and what is put together already, is a text as it stands. */
const text = (js: string): string => (/^"|^\("|^\(\$\.text/.test(js) ? js : `$.text(${js})`);

/** Items of a list of arguments or of a table: the last one may be several. */
export function joined(list: readonly Expression[]): string {
  return list
    .map((it, i) => (it.isMany && i === list.length - 1 ? `...$.all(${it.js})` : single(it)))
    .join(",");
}

/** An array of all values. */
export function several(list: readonly Expression[]): string {
  const [only] = list;
  if (list.length === 1 && only?.isMany) return `$.all(${only.js})`;
  return `[${joined(list)}]`;
}

const either = (one: Expression, other: Expression, sign: "&&" | "||") => ({
  isMany: false,
  isTruth: one.isTruth && other.isTruth,
  test: `(${truth(one)}${sign}${truth(other)})`,
});

export function combined(operator: string, one: Expression, other: Expression): Expression {
  const [left, right] = [single(one), single(other)];
  const isTruth = true;
  switch (operator) {
    case "and": {
      if (one.isTruth) return { ...either(one, other, "&&"), js: `(${left}&&${right})` };
      const [is, value] = isPlace(left) ? [holds(left), left] : [`$.truth(T.v=${left})`, "T.v"];
      return { ...either(one, other, "&&"), js: `(${is}?${right}:${value})` };
    }
    case "or": {
      if (one.isTruth) return { ...either(one, other, "||"), js: `(${left}||${right})` };
      const [is, value] = isPlace(left) ? [holds(left), left] : [`$.truth(T.v=${left})`, "T.v"];
      return { ...either(one, other, "||"), js: `(${is}?${value}:${right})` };
    }
    case "..":
      return plain(`(${text(left)}+${text(right)})`);
    case "==":
      return { js: `(${left}===${right})`, isMany: false, isTruth };
    case "~=":
      return { js: `(${left}!==${right})`, isMany: false, isTruth };
    default:
      return {
        js: `${HELPERS[operator]}(${left},${right})`,
        isMany: false,
        isTruth: COMPARING.has(operator),
      };
  }
}

/** What compiled Lua calls: its operators, and the part of its library that our scripts use. */
import { compileLua } from "./compile.ts";
import { eachMatch, matched } from "./patterns.ts";
import { Table } from "./table.ts";

/** `error` of Lua, and what an operator throws. */
export class LuaError extends Error {}

type Callable = (...args: unknown[]) => unknown;
/** What `pairs` and `gmatch` answer: what a loop goes through. */
class Loop {
  readonly steps: Iterable<readonly unknown[]>;
  constructor(steps: Iterable<readonly unknown[]>) {
    this.steps = steps;
  }
}

const NUMERAL = /^\s*[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/;

function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMERAL.test(value) ? Number(value) : undefined;
}

function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  const number = toNumber(value);
  if (number === undefined) throw new LuaError(`arithmetic on ${typeOf(value)}`);
  return number;
}

/** As `%.14g` writes it. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "number") throw new LuaError(`${typeOf(value)} is no text`);
  if (Number.isInteger(value) && Math.abs(value) < 1e14) return String(value);
  return String(Number(value.toPrecision(14))).replace(/e([+-])(\d)$/, "e$10$2");
}

function typeOf(value: unknown): string {
  if (value === undefined) return "nil";
  return value instanceof Table ? "table" : typeof value;
}

export function tableOf(value: unknown): Table {
  if (value instanceof Table) return value;
  throw new LuaError(`a table was expected, not ${typeOf(value)}`);
}

const isCallable = (value: unknown): value is Callable => typeof value === "function";
function callableOf(value: unknown): Callable {
  if (isCallable(value)) return value;
  throw new LuaError(`a function was expected, not ${typeOf(value)}`);
}

/** -1, 0 or 1; not a number where one of them is none. */
function order(one: unknown, other: unknown): number {
  if (typeof one === "number" && typeof other === "number") {
    return one === other ? 0 : Math.sign(one - other);
  }
  if (typeof one === "string" && typeof other === "string") {
    return one < other ? -1 : Number(one > other);
  }
  throw new LuaError(`${typeOf(one)} is compared with ${typeOf(other)}`);
}

const truth = (value: unknown): boolean => value !== undefined && value !== false;
const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);
const all = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

const OPERATORS = {
  add: (one: unknown, other: unknown) =>
    typeof one === "number" && typeof other === "number"
      ? one + other
      : numberOf(one) + numberOf(other),
  subtract: (one: unknown, other: unknown) => numberOf(one) - numberOf(other),
  multiply: (one: unknown, other: unknown) => numberOf(one) * numberOf(other),
  divide: (one: unknown, other: unknown) => numberOf(one) / numberOf(other),
  modulo: (one: unknown, other: unknown) => {
    const [left, right] = [numberOf(one), numberOf(other)];
    return left - Math.floor(left / right) * right;
  },
  negate: (one: unknown) => -numberOf(one),
  text: textOf,
  whole: (number: unknown) => String(Math.trunc(numberOf(number))),
  length: (one: unknown) => (typeof one === "string" ? one.length : tableOf(one).list.length),
  less: (one: unknown, other: unknown) =>
    typeof one === "number" && typeof other === "number" ? one < other : order(one, other) < 0,
  lessOrEqual: (one: unknown, other: unknown) =>
    typeof one === "number" && typeof other === "number" ? one <= other : order(one, other) <= 0,
  greater: (one: unknown, other: unknown) =>
    typeof one === "number" && typeof other === "number" ? one > other : order(one, other) > 0,
  greaterOrEqual: (one: unknown, other: unknown) =>
    typeof one === "number" && typeof other === "number" ? one >= other : order(one, other) >= 0,
  Table,
  items: (table: unknown) => tableOf(table).list,
  filled(table: Table, entries: readonly (readonly [unknown, unknown])[]): Table {
    for (const [key, value] of entries) table.set(key, value);
    return table;
  },
  truth,
  first,
  all,
  each([loop]: readonly unknown[]): Iterable<readonly unknown[]> {
    if (loop instanceof Loop) return loop.steps;
    throw new LuaError("a loop over neither ipairs, pairs nor gmatch");
  },
};

function formatted(template: unknown, ...values: unknown[]): string {
  if (template === "%d") return String(Math.trunc(numberOf(values[0])));
  let next = 0;
  return textOf(template).replace(/%(.)/g, (_, letter: string) => {
    if (letter === "%") return "%";
    const value = values[next];
    next += 1;
    if (letter === "s") return textOf(value);
    if (letter !== "d") throw new LuaError(`the format %${letter} is not known`);
    return String(Math.trunc(numberOf(value)));
  });
}

/** Of a table whose values are texts, as our scripts have it. */
function json(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  const fields = Array.from(tableOf(value).entries(), ([key, text]) => [textOf(key), textOf(text)]);
  return JSON.stringify(Object.fromEntries(fields));
}

const LIBRARY = {
  cjson: { encode: json },
  string: {
    match: (text: unknown, pattern: unknown, init?: unknown) =>
      matched(textOf(text), textOf(pattern), init === undefined ? 1 : numberOf(init)) ?? undefined,
    gmatch: (text: unknown, pattern: unknown) => new Loop(eachMatch(textOf(text), textOf(pattern))),
    find(text: unknown, part: unknown, init: unknown, isPlain: unknown) {
      if (isPlain !== true) throw new LuaError("find is known for plain text alone");
      const at = textOf(text).indexOf(textOf(part), numberOf(init) - 1);
      return at < 0 ? undefined : [at + 1, at + textOf(part).length];
    },
    format: formatted,
    lower: (text: unknown) => textOf(text).toLowerCase(),
    sub(text: unknown, from: unknown, to: unknown = -1) {
      const whole = textOf(text);
      const place = (at: number): number => (at < 0 ? whole.length + at + 1 : at);
      return whole.slice(Math.max(1, place(numberOf(from))) - 1, place(numberOf(to)));
    },
  },
  table: {
    concat(table: unknown, between: unknown = "") {
      const { list } = tableOf(table);
      return list.map(textOf).join(textOf(between));
    },
    /** At the end. */
    insert: (table: unknown, value: unknown) => void tableOf(table).list.push(value),
    remove: (table: unknown, at: unknown) => tableOf(table).list.splice(numberOf(at) - 1, 1)[0],
    sort(table: unknown, isLess: unknown) {
      const less = callableOf(isLess);
      tableOf(table).list.sort((one, other) => {
        if (truth(first(less(one, other)))) return -1;
        return Number(truth(first(less(other, one))));
      });
    },
  },
  math: {
    abs: (one: unknown) => Math.abs(numberOf(one)),
    ceil: (one: unknown) => Math.ceil(numberOf(one)),
    floor: (one: unknown) => Math.floor(numberOf(one)),
    max: (...list: unknown[]) => Math.max(...list.map(numberOf)),
    min: (...list: unknown[]) => Math.min(...list.map(numberOf)),
    huge: Number.POSITIVE_INFINITY,
  },
  error(message: unknown): never {
    throw new LuaError(textOf(message));
  },
  next: (table: unknown) => tableOf(table).entries()[0],
  pairs: (table: unknown) => new Loop(tableOf(table).entries()),
  pcall(work: unknown, ...args: unknown[]): readonly unknown[] {
    try {
      return [true, ...all(callableOf(work)(...args))];
    } catch (error) {
      return [false, error instanceof Error ? error.message : "unknown"];
    }
  },
  setmetatable(table: unknown, meta: unknown) {
    const index = callableOf(tableOf(meta).get("__index"));
    tableOf(table).missing = (of, key) => first(index(of, key));
    return table;
  },
  tonumber: toNumber,
  tostring: (value: unknown) => (value === undefined ? "nil" : textOf(value)),
  type: typeOf,
  unpack(table: unknown, from: unknown = 1, to?: unknown) {
    const { list } = tableOf(table);
    return list.slice(numberOf(from) - 1, to === undefined ? list.length : numberOf(to));
  },
};

/** What a script may ask of its server. */
export interface RedisLibrary {
  readonly call: (...args: unknown[]) => unknown;
  readonly sha1hex: (text: unknown) => string;
}

/** A script that can be run: its first value is its answer. */
export type LuaScript = (redis: RedisLibrary, keys: Table, args: Table) => unknown;

/** Throws where the text uses what compile.ts does not know. */
export function loadLua(text: string): LuaScript {
  // What it is made of are files of lua/ and the words of compile.ts.
  // oxlint-disable-next-line typescript/no-implied-eval -- it is a compiler: that is how its code runs
  const run = new Function("$", "L", "T", "redis", "KEYS", "ARGV", compileLua(text));
  return (redis, keys, args) => first(run(OPERATORS, LIBRARY, { v: undefined }, redis, keys, args));
}

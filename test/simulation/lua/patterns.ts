/** Lua's patterns as regular expressions: those that our scripts use, without %b and %f. */

interface Pattern {
  readonly regex: RegExp;
  /** Captures that are a position, by number from 0. */
  readonly places: readonly number[];
}

const CLASSES: Readonly<Record<string, string>> = {
  a: "A-Za-z",
  d: "0-9",
  l: "a-z",
  s: " \\t\\n\\v\\f\\r",
  u: "A-Z",
  w: "A-Za-z0-9",
  x: "0-9A-Fa-f",
};
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g;
const escaped = (text: string): string => text.replace(SPECIAL, "\\$&");

const known = new Map<string, Pattern>();

function patternOf(text: string): Pattern {
  let pattern = known.get(text);
  if (!pattern) known.set(text, (pattern = translated(text)));
  return pattern;
}

function translated(text: string): Pattern {
  const isAnchored = text.startsWith("^");
  const places: number[] = [];
  let captures = 0;
  let source = "";
  let at = isAnchored ? 1 : 0;
  while (at < text.length) {
    const letter = text.charAt(at);
    if (letter === "(") {
      if (text.charAt(at + 1) === ")") places.push(captures);
      captures += 1;
      source += "(";
      at += 1;
      continue;
    }
    if (letter === ")") {
      source += ")";
      at += 1;
      continue;
    }
    if (letter === "$" && at === text.length - 1) {
      source += "$";
      break;
    }
    const [piece, next] = pieceAt(text, at);
    source += piece;
    at = next;
    const repeat = text.charAt(at);
    if (repeat !== "" && "*+?-".includes(repeat)) {
      source += repeat === "-" ? "*?" : repeat;
      at += 1;
    }
  }
  const flags = `${isAnchored ? "y" : "g"}${places.length > 0 ? "d" : ""}`;
  return { regex: new RegExp(source, flags), places };
}

/** One character, class or set; and where the next one begins. */
function pieceAt(text: string, at: number): [piece: string, next: number] {
  const letter = text.charAt(at);
  if (letter === ".") return ["[\\s\\S]", at + 1];
  if (letter === "%") return [classOf(text.charAt(at + 1), true), at + 2];
  if (letter !== "[") return [escaped(letter), at + 1];
  const isNot = text.charAt(at + 1) === "^";
  let set = "";
  let next = at + (isNot ? 2 : 1);
  while (text.charAt(next) !== "]" || set === "") {
    const one = text.charAt(next);
    if (one === "") throw new Error(`a set of ${text} does not end`);
    if (one === "%") set += classOf(text.charAt(next + 1), false);
    else if (text.charAt(next + 1) === "-" && text.charAt(next + 2) !== "]") {
      set += `${escaped(one)}-${escaped(text.charAt(next + 2))}`;
      next += 3;
      continue;
    } else set += escaped(one);
    next += one === "%" ? 2 : 1;
  }
  return [`[${isNot ? "^" : ""}${set}]`, next + 1];
}

function classOf(letter: string, isAlone: boolean): string {
  const inside = CLASSES[letter];
  if (inside !== undefined) return isAlone ? `[${inside}]` : inside;
  if (/\w/.test(letter)) throw new Error(`the class %${letter} is not known`);
  return escaped(letter);
}

/** Captures, or the whole where there are none; null: it does not match from `init` (1 …) on. */
export function matched(text: string, pattern: string, init = 1): unknown[] | null {
  const { regex, places } = patternOf(pattern);
  regex.lastIndex = init - 1;
  const found = regex.exec(text);
  return found && capturesOf(found, places);
}

export function* eachMatch(text: string, pattern: string): Generator<unknown[]> {
  const { regex, places } = patternOf(pattern);
  let from = 0;
  for (;;) {
    regex.lastIndex = from;
    const found = regex.exec(text);
    if (!found) return;
    from = found.index + Math.max(1, found[0].length);
    yield capturesOf(found, places);
  }
}

function capturesOf(found: RegExpExecArray, places: readonly number[]): unknown[] {
  if (found.length === 1) return [found[0]];
  const captures: unknown[] = found.slice(1);
  for (const place of places) captures[place] = (found.indices?.[place + 1]?.[0] ?? 0) + 1;
  return captures;
}

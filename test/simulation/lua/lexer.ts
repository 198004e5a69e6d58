/** The words of a Lua text, as far as our scripts use the language. */

export type Token =
  | { readonly kind: "name" | "sign"; readonly text: string; readonly line: number }
  | {
      readonly kind: "number";
      readonly value: number;
      readonly text: string;
      readonly line: number;
    }
  | {
      readonly kind: "string";
      readonly value: string;
      readonly text: string;
      readonly line: number;
    }
  | { readonly kind: "end"; readonly text: ""; readonly line: number };

const SPACE = /(?:\s+|--[^\n]*)+/y;
const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'/y;
const SIGN = /\.\.\.|\.\.|==|~=|<=|>=|[-+*/%#<>=(){}[\];,.]/y;

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** Throws at what no script of ours has: long strings, methods, labels. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    line += take(SPACE)?.[0].match(/\n/g)?.length ?? 0;
    if (at >= text.length) return [...tokens, { kind: "end", text: "", line }];
    const name = take(NAME)?.[0];
    if (name !== undefined) {
      tokens.push({ kind: "name", text: name, line });
      continue;
    }
    const number = take(NUMBER)?.[0];
    if (number !== undefined) {
      tokens.push({ kind: "number", value: Number(number), text: number, line });
      continue;
    }
    const string = take(STRING);
    if (string) {
      const value = unescaped(string[1] ?? string[2] ?? "", line);
      tokens.push({ kind: "string", value, text: string[0], line });
      continue;
    }
    const sign = take(SIGN)?.[0];
    if (sign === undefined) throw new Error(`line ${line}: cannot read ${text.slice(at, at + 20)}`);
    tokens.push({ kind: "sign", text: sign, line });
  }
}

function unescaped(text: string, line: number): string {
  return text.replace(/\\(\d{1,3}|.)/g, (_, letter: string) => {
    const meant = /^\d/.test(letter) ? String.fromCharCode(Number(letter)) : ESCAPES[letter];
    if (meant === undefined) throw new Error(`line ${line}: unknown escape \\${letter}`);
    return meant;
  });
}

/**
 * Our Lua as JavaScript, in one pass and without a tree: the scripts themselves run in the
 * simulation, not a second edition of them. It knows what they use of the language and throws at
 * the rest. Values: nil is undefined, a table is a `Table` (runtime.ts); a function answers one value,
 * or an array where it answers several.
 */
import { tokensOf, type Token } from "./lexer.ts";

interface Expression {
  readonly js: string;
  /** It may answer several values, as an array. */
  readonly isMany: boolean;
  /** It is true or false, never nil. */
  readonly isTruth: boolean;
}

/** What differs from call to call: parameters of their own. */
const GIVEN: ReadonlySet<string> = new Set(["KEYS", "ARGV", "redis"]);
/** Names that a script finds without having made them; all stand in runtime.ts. */
const KNOWN: ReadonlySet<string> = new Set([
  "cjson",
  "string",
  "table",
  "math",
  "error",
  "next",
  "pairs",
  "pcall",
  "setmetatable",
  "tonumber",
  "tostring",
  "type",
  "unpack",
]);
const LIBRARIES: ReadonlySet<string> = new Set(
  ["cjson", "string", "table", "math"].map((name) => `L.${name}`).concat("redis"),
);

/** Left and right binding of each operator, as in the Lua manual. */
const BINDING: Readonly<Record<string, readonly [left: number, right: number]>> = {
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
const UNARY_BINDING = 8;
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

/**
 * The body of a JavaScript function whose parameters are `$`, `L`, `T`, `redis`, `KEYS` and `ARGV`:
 * operators, library and a place to keep a value in (runtime.ts), and what a call brings.
 */
export function compileLua(text: string): string {
  return new Compiler(tokensOf(text.replace(/^#![^\n]*/, ""))).chunk();
}

class Compiler {
  readonly #tokens: readonly Token[];
  #at = 0;
  #scopes: Map<string, string>[] = [new Map()];
  #made = 0;
  /** Loops round this place within its function: what they declare is new in each turn. */
  #loops = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  chunk(): string {
    const body = this.#block();
    if (this.#token.kind !== "end") throw this.#unexpected();
    return `"use strict";${body}`;
  }

  get #token(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (!token) throw new Error("an empty script");
    return token;
  }

  #unexpected(): Error {
    return new Error(`line ${this.#token.line}: unexpected ${this.#token.text || "end"}`);
  }

  #is(text: string): boolean {
    const { kind } = this.#token;
    return this.#token.text === text && (kind === "name" || kind === "sign");
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected();
  }

  #name(): string {
    const token = this.#token;
    if (token.kind !== "name") throw this.#unexpected();
    this.#at += 1;
    return token.text;
  }

  #fresh(): string {
    this.#made += 1;
    return `t${this.#made}`;
  }

  #declare(name: string): string {
    this.#made += 1;
    const js = `${name === "..." ? "rest" : name}$${this.#made}`;
    this.#scopes.at(-1)?.set(name, js);
    return js;
  }

  #lookup(name: string): string {
    const scope = this.#scopes.findLast((one) => one.has(name));
    const js = scope?.get(name);
    if (js !== undefined) return js;
    if (GIVEN.has(name)) return name;
    if (!KNOWN.has(name)) throw new Error(`line ${this.#token.line}: unknown name ${name}`);
    return `L.${name}`;
  }

  /** Outside of loops a plain variable does, which costs no look whether it is there already. */
  get #let(): "let" | "var" {
    return this.#loops > 0 ? "let" : "var";
  }

  #within<Result>(work: () => Result): Result {
    this.#scopes.push(new Map());
    const result = work();
    this.#scopes.pop();
    return result;
  }

  #block(): string {
    return this.#within(() => this.#statements());
  }

  #statements(): string {
    let js = "";
    for (;;) {
      const isOver = ["end", "else", "elseif", "until"].some((word) => this.#is(word));
      if (isOver || this.#token.kind === "end") return js;
      if (this.#accept("return")) {
        js += `return ${this.#returned()};`;
        this.#accept(";");
        continue;
      }
      js += `${this.#statement()}\n`;
      this.#accept(";");
    }
  }

  #returned(): string {
    const isOver = ["end", "else", "elseif", "until", ";"].some((word) => this.#is(word));
    if (isOver || this.#token.kind === "end") return "undefined";
    const list = this.#list();
    const [only] = list;
    if (list.length === 1 && only) return only.js;
    return `[${joined(list)}]`;
  }

  #statement(): string {
    if (this.#accept("local")) return this.#local();
    if (this.#accept("if")) return this.#if();
    if (this.#accept("for")) return this.#for();
    if (this.#accept("break")) return "break;";
    if (this.#accept("do")) return `{${this.#closed()}}`;
    if (this.#accept("while")) {
      const test = truth(this.#expression());
      this.#expect("do");
      return `while(${test}){${this.#turn()}}`;
    }
    if (this.#accept("repeat")) {
      return this.#within(() => {
        this.#loops += 1;
        const body = this.#statements();
        this.#loops -= 1;
        this.#expect("until");
        return `for(;;){${body}if(${truth(this.#expression())})break;}`;
      });
    }
    return this.#assignmentOrCall();
  }

  /** A block up to its `end`. */
  #closed(): string {
    const body = this.#block();
    this.#expect("end");
    return body;
  }

  /** The block of a loop. */
  #turn(): string {
    this.#loops += 1;
    const body = this.#closed();
    this.#loops -= 1;
    return body;
  }

  #local(): string {
    if (this.#accept("function")) {
      const js = this.#declare(this.#name());
      return `${this.#let} ${js}=${this.#function()};`;
    }
    const names = [this.#name()];
    while (this.#accept(",")) names.push(this.#name());
    const values = this.#accept("=") ? this.#list() : [];
    if (values.length === 0) {
      return names.map((name) => `${this.#let} ${this.#declare(name)}=undefined;`).join("");
    }
    const [only] = values;
    if (names.length === 1 && values.length === 1 && only) {
      return `${this.#let} ${this.#declare(names[0] ?? "")}=${single(only)};`;
    }
    const many = this.#fresh();
    const declared = names
      .map((name, i) => `${this.#let} ${this.#declare(name)}=${many}[${i}];`)
      .join("");
    return `const ${many}=${several(values)};${declared}`;
  }

  #if(): string {
    let js = `if(${truth(this.#expression())}){`;
    this.#expect("then");
    js += `${this.#block()}}`;
    for (;;) {
      if (this.#accept("elseif")) {
        js += `else if(${truth(this.#expression())}){`;
        this.#expect("then");
        js += `${this.#block()}}`;
      } else if (this.#accept("else")) {
        return `${js}else{${this.#closed()}}`;
      } else {
        this.#expect("end");
        return js;
      }
    }
  }

  #for(): string {
    const names = [this.#name()];
    if (this.#accept("=")) return this.#numericFor(names[0] ?? "");
    while (this.#accept(",")) names.push(this.#name());
    this.#expect("in");
    if (this.#accept("ipairs")) return this.#listFor(names);
    const list = this.#list();
    this.#expect("do");
    return this.#within(() => {
      const made = names.map((name) => this.#declare(name));
      const bound = made.map((js, i) => `let ${js}=V[${i}];`).join("");
      return `for(const V of $.each(${several(list)})){${bound}${this.#turn()}}`;
    });
  }

  /** `for i, item in ipairs(…)`: most loops are that. */
  #listFor([index = "", item = "_"]: readonly string[]): string {
    this.#expect("(");
    const [list, at] = [this.#fresh(), this.#fresh()];
    const head = `const ${list}=$.items(${single(this.#expression())});`;
    this.#expect(")");
    this.#expect("do");
    return this.#within(() => {
      const bound = `let ${this.#declare(index)}=${at}+1,${this.#declare(item)}=${list}[${at}];`;
      const test = `${at}<${list}.length&&${list}[${at}]!==undefined`;
      return `${head}for(let ${at}=0;${test};${at}+=1){${bound}${this.#turn()}}`;
    });
  }

  #numericFor(name: string): string {
    const from = single(this.#expression());
    this.#expect(",");
    const to = single(this.#expression());
    const by = this.#accept(",") ? single(this.#expression()) : "1";
    this.#expect("do");
    const [counter, limit, step] = [this.#fresh(), this.#fresh(), this.#fresh()];
    return this.#within(() => {
      const js = this.#declare(name);
      const head = `let ${counter}=${from},${limit}=${to},${step}=${by}`;
      const test = `${step}>0?${counter}<=${limit}:${counter}>=${limit}`;
      return `for(${head};${test};${counter}+=${step}){let ${js}=${counter};${this.#turn()}}`;
    });
  }

  #function(): string {
    this.#expect("(");
    return this.#within(() => {
      const parameters: string[] = [];
      while (!this.#accept(")")) {
        if (this.#accept("...")) parameters.push(`...${this.#declare("...")}`);
        else parameters.push(this.#declare(this.#name()));
        this.#accept(",");
      }
      const loops = this.#loops;
      this.#loops = 0;
      const body = this.#closed();
      this.#loops = loops;
      return `function(${parameters.join(",")}){${body}}`;
    });
  }

  #assignmentOrCall(): string {
    const targets = [this.#suffixed()];
    if (this.#is("=") || this.#is(",")) {
      while (this.#accept(",")) targets.push(this.#suffixed());
      this.#expect("=");
      const values = this.#list();
      const [target] = targets;
      const [value] = values;
      if (targets.length === 1 && values.length === 1 && target && value) {
        return `${target.assign(single(value))};`;
      }
      const many = this.#fresh();
      const each = targets.map((one, i) => `${one.assign(`${many}[${i}]`)};`).join("");
      return `const ${many}=${several(values)};${each}`;
    }
    return `${targets[0]?.value.js};`;
  }

  #list(): Expression[] {
    const list = [this.#expression()];
    while (this.#accept(",")) list.push(this.#expression());
    return list;
  }

  #expression(least = 0): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#token.kind === "string" ? "" : this.#token.text;
      const binding = BINDING[operator];
      if (!binding || binding[0] <= least) return left;
      this.#at += 1;
      left = combined(operator, left, this.#expression(binding[1]));
    }
  }

  #unary(): Expression {
    if (this.#accept("not")) {
      return { js: `!(${truth(this.#expression(UNARY_BINDING))})`, isMany: false, isTruth: true };
    }
    if (this.#accept("-")) return plain(`$.negate(${single(this.#expression(UNARY_BINDING))})`);
    if (this.#accept("#")) return plain(`$.length(${single(this.#expression(UNARY_BINDING))})`);
    return this.#simple();
  }

  #simple(): Expression {
    const token = this.#token;
    if (token.kind === "number") return this.#taken(String(token.value));
    if (token.kind === "string") return this.#taken(JSON.stringify(token.value));
    if (this.#accept("nil")) return plain("undefined");
    if (this.#accept("true")) return { js: "true", isMany: false, isTruth: true };
    if (this.#accept("false")) return { js: "false", isMany: false, isTruth: true };
    if (this.#accept("...")) return { js: this.#lookup("..."), isMany: true, isTruth: false };
    if (this.#accept("function")) return plain(this.#function());
    if (this.#is("{")) return this.#table();
    return this.#suffixed().value;
  }

  #taken(js: string): Expression {
    this.#at += 1;
    return plain(js);
  }

  #table(): Expression {
    this.#expect("{");
    const items: Expression[] = [];
    const fields = ["__proto__:null"];
    const rest: string[] = [];
    while (!this.#accept("}")) {
      const next = this.#tokens[this.#at + 1];
      if (this.#accept("[")) {
        const key = single(this.#expression());
        this.#expect("]");
        this.#expect("=");
        rest.push(`[${key},${single(this.#expression())}]`);
      } else if (this.#token.kind === "name" && next?.kind === "sign" && next.text === "=") {
        const key = JSON.stringify(this.#name());
        this.#expect("=");
        fields.push(`${key}:${single(this.#expression())}`);
      } else {
        items.push(this.#expression());
      }
      if (!this.#accept(",")) this.#accept(";");
    }
    const table = `new $.Table([${joined(items)}],{${fields.join(",")}})`;
    return plain(rest.length === 0 ? table : `$.filled(${table},[${rest.join(",")}])`);
  }

  /** A name or a bracketed expression, with what is looked up in it and called. */
  #suffixed(): { readonly value: Expression; readonly assign: (js: string) => string } {
    const isBracketed = this.#accept("(");
    const name = isBracketed ? "" : this.#name();
    let value = plain(isBracketed ? single(this.#expression()) : this.#lookup(name));
    if (isBracketed) this.#expect(")");
    const first = value.js;
    let assign = (js: string): string => `${first}=${js}`;
    for (;;) {
      if (this.#accept(".")) {
        const field = this.#name();
        if (LIBRARIES.has(value.js)) {
          value = plain(`${value.js}.${field}`);
          continue;
        }
        const place = `${single(value)}.f.${field}`;
        assign = (js) => `${place}=${js}`;
        value = plain(place);
      } else if (this.#accept("[")) {
        const [of, key] = [single(value), single(this.#expression())];
        this.#expect("]");
        assign = (js) => `${of}.set(${key},${js})`;
        value = plain(`${of}.get(${key})`);
      } else if (this.#accept("(")) {
        const list = this.#is(")") ? [] : this.#list();
        this.#expect(")");
        value = called(single(value), list);
      } else {
        return { value, assign };
      }
    }
  }
}

function called(js: string, list: readonly Expression[]): Expression {
  const [template, number] = list;
  if (js === "L.string.format" && template?.js === '"%d"' && number) {
    return plain(`$.whole(${single(number)})`);
  }
  const isOne = ANSWERS_ONE.has(js);
  return { js: `${js}(${joined(list)})`, isMany: !isOne, isTruth: false };
}

const plain = (js: string): Expression => ({ js, isMany: false, isTruth: false });

const single = ({ js, isMany }: Expression): string => (isMany ? `$.first(${js})` : js);

const truth = (it: Expression): string => (it.isTruth ? it.js : `$.truth(${single(it)})`);

/** A literal, and what is put together already, is a text as it stands. */
const text = (js: string): string => (/^"|^\("|^\(\$\.text/.test(js) ? js : `$.text(${js})`);

/** Items of a list of arguments or of a table: the last one may be several. */
function joined(list: readonly Expression[]): string {
  return list
    .map((it, i) => (it.isMany && i === list.length - 1 ? `...$.all(${it.js})` : single(it)))
    .join(",");
}

/** An array of all values. */
function several(list: readonly Expression[]): string {
  const [only] = list;
  if (list.length === 1 && only?.isMany) return `$.all(${only.js})`;
  return `[${joined(list)}]`;
}

function combined(operator: string, one: Expression, other: Expression): Expression {
  const [left, right] = [single(one), single(other)];
  const isTruth = true;
  switch (operator) {
    case "and":
      if (one.isTruth && other.isTruth) return { js: `(${left}&&${right})`, isMany: false, isTruth };
      return plain(`($.truth(T.v=${left})?${right}:T.v)`);
    case "or":
      if (one.isTruth && other.isTruth) return { js: `(${left}||${right})`, isMany: false, isTruth };
      return plain(`($.truth(T.v=${left})?T.v:${right})`);
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

/**
 * Our Lua as JavaScript, in one pass and without a tree: the scripts themselves run in the
 * simulation, not a second edition of them. It knows what they use of the language and throws at
 * the rest. Values: nil is undefined, a table is a `Table` (runtime.ts); a function answers one value,
 * or an array where it answers several.
 */
import {
  BINDING,
  called,
  combined,
  joined,
  plain,
  several,
  single,
  truth,
  UNARY_BINDING,
  type Expression,
} from "./expressions.ts";
import { tokensOf } from "./lexer.ts";
import { Scopes } from "./scopes.ts";
import { Words } from "./words.ts";

const LIBRARIES: ReadonlySet<string> = new Set(
  ["cjson", "string", "table", "math"].map((name) => `L.${name}`).concat("redis"),
);

/**
 * The body of a JavaScript function whose parameters are `$`, `L`, `T`, `redis`, `KEYS` and `ARGV`:
 * operators, library and a place to keep a value in (runtime.ts), and what a call brings.
 */
export function compileLua(text: string): string {
  return new Compiler(new Words(tokensOf(text.replace(/^#![^\n]*/, "")))).chunk();
}

class Compiler {
  readonly #words: Words;
  readonly #scopes = new Scopes();

  constructor(words: Words) {
    this.#words = words;
  }

  chunk(): string {
    const body = this.#block();
    if (this.#words.now.kind !== "end") throw this.#words.unexpected();
    return `"use strict";${body}`;
  }

  #block(): string {
    return this.#scopes.within(() => this.#statements());
  }

  #statements(): string {
    let js = "";
    for (;;) {
      const isOver = ["end", "else", "elseif", "until"].some((word) => this.#words.is(word));
      if (isOver || this.#words.now.kind === "end") return js;
      if (this.#words.accept("return")) {
        js += `return ${this.#returned()};`;
        this.#words.accept(";");
        continue;
      }
      js += `${this.#statement()}\n`;
      this.#words.accept(";");
    }
  }

  #returned(): string {
    const isOver = ["end", "else", "elseif", "until", ";"].some((word) => this.#words.is(word));
    if (isOver || this.#words.now.kind === "end") return "undefined";
    const list = this.#list();
    const [only] = list;
    if (list.length === 1 && only) return only.js;
    return `[${joined(list)}]`;
  }

  #statement(): string {
    if (this.#words.accept("local")) return this.#local();
    if (this.#words.accept("if")) return this.#if();
    if (this.#words.accept("for")) return this.#for();
    if (this.#words.accept("break")) return "break;";
    if (this.#words.accept("do")) return `{${this.#closed()}}`;
    if (this.#words.accept("while")) {
      const test = truth(this.#expression());
      this.#words.expect("do");
      return `while(${test}){${this.#turn()}}`;
    }
    if (this.#words.accept("repeat")) {
      return this.#scopes.within(() => {
        const body = this.#scopes.turn(() => this.#statements());
        this.#words.expect("until");
        return `for(;;){${body}if(${truth(this.#expression())})break;}`;
      });
    }
    return this.#assignmentOrCall();
  }

  /** A block up to its `end`. */
  #closed(): string {
    const body = this.#block();
    this.#words.expect("end");
    return body;
  }

  /** The block of a loop. */
  #turn(): string {
    return this.#scopes.turn(() => this.#closed());
  }

  #local(): string {
    if (this.#words.accept("function")) {
      const js = this.#scopes.declare(this.#words.name());
      return `${this.#scopes.let} ${js}=${this.#function()};`;
    }
    const names = [this.#words.name()];
    while (this.#words.accept(",")) names.push(this.#words.name());
    const values = this.#words.accept("=") ? this.#list() : [];
    if (values.length === 0) {
      return names
        .map((name) => `${this.#scopes.let} ${this.#scopes.declare(name)}=undefined;`)
        .join("");
    }
    const [only] = values;
    if (names.length === 1 && values.length === 1 && only) {
      return `${this.#scopes.let} ${this.#scopes.declare(names[0] ?? "")}=${single(only)};`;
    }
    const many = this.#scopes.fresh();
    const declared = names
      .map((name, i) => `${this.#scopes.let} ${this.#scopes.declare(name)}=${many}[${i}];`)
      .join("");
    return `const ${many}=${several(values)};${declared}`;
  }

  #if(): string {
    let js = `if(${truth(this.#expression())}){`;
    this.#words.expect("then");
    js += `${this.#block()}}`;
    for (;;) {
      if (this.#words.accept("elseif")) {
        js += `else if(${truth(this.#expression())}){`;
        this.#words.expect("then");
        js += `${this.#block()}}`;
      } else if (this.#words.accept("else")) {
        return `${js}else{${this.#closed()}}`;
      } else {
        this.#words.expect("end");
        return js;
      }
    }
  }

  #for(): string {
    const names = [this.#words.name()];
    if (this.#words.accept("=")) return this.#numericFor(names[0] ?? "");
    while (this.#words.accept(",")) names.push(this.#words.name());
    this.#words.expect("in");
    if (this.#words.accept("ipairs")) return this.#listFor(names);
    const list = this.#list();
    this.#words.expect("do");
    return this.#scopes.within(() => {
      const made = names.map((name) => this.#scopes.declare(name));
      const bound = made.map((js, i) => `let ${js}=V[${i}];`).join("");
      return `for(const V of $.each(${several(list)})){${bound}${this.#turn()}}`;
    });
  }

  /** `for i, item in ipairs(…)`: most loops are that. */
  #listFor([index = "", item = "_"]: readonly string[]): string {
    this.#words.expect("(");
    const [list, at] = [this.#scopes.fresh(), this.#scopes.fresh()];
    const head = `const ${list}=$.items(${single(this.#expression())});`;
    this.#words.expect(")");
    this.#words.expect("do");
    return this.#scopes.within(() => {
      const bound = `let ${this.#scopes.declare(index)}=${at}+1,${this.#scopes.declare(item)}=${list}[${at}];`;
      const test = `${at}<${list}.length&&${list}[${at}]!==undefined`;
      return `${head}for(let ${at}=0;${test};${at}+=1){${bound}${this.#turn()}}`;
    });
  }

  #numericFor(name: string): string {
    const from = single(this.#expression());
    this.#words.expect(",");
    const to = single(this.#expression());
    const by = this.#words.accept(",") ? single(this.#expression()) : "1";
    this.#words.expect("do");
    const [counter, limit, step] = [
      this.#scopes.fresh(),
      this.#scopes.fresh(),
      this.#scopes.fresh(),
    ];
    return this.#scopes.within(() => {
      const js = this.#scopes.declare(name);
      const head = `let ${counter}=${from},${limit}=${to},${step}=${by}`;
      const test = `${step}>0?${counter}<=${limit}:${counter}>=${limit}`;
      return `for(${head};${test};${counter}+=${step}){let ${js}=${counter};${this.#turn()}}`;
    });
  }

  #function(): string {
    this.#words.expect("(");
    return this.#scopes.within(() => {
      const parameters: string[] = [];
      while (!this.#words.accept(")")) {
        if (this.#words.accept("...")) parameters.push(`...${this.#scopes.declare("...")}`);
        else parameters.push(this.#scopes.declare(this.#words.name()));
        this.#words.accept(",");
      }
      const body = this.#scopes.body(() => this.#closed());
      return `function(${parameters.join(",")}){${body}}`;
    });
  }

  #assignmentOrCall(): string {
    const targets = [this.#suffixed()];
    if (this.#words.is("=") || this.#words.is(",")) {
      while (this.#words.accept(",")) targets.push(this.#suffixed());
      this.#words.expect("=");
      const values = this.#list();
      const [target] = targets;
      const [value] = values;
      if (targets.length === 1 && values.length === 1 && target && value) {
        return `${target.assign(single(value))};`;
      }
      const many = this.#scopes.fresh();
      const each = targets.map((one, i) => `${one.assign(`${many}[${i}]`)};`).join("");
      return `const ${many}=${several(values)};${each}`;
    }
    return `${targets[0]?.value.js};`;
  }

  #list(): Expression[] {
    const list = [this.#expression()];
    while (this.#words.accept(",")) list.push(this.#expression());
    return list;
  }

  #expression(least = 0): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#words.now.kind === "string" ? "" : this.#words.now.text;
      const binding = BINDING[operator];
      if (!binding || binding[0] <= least) return left;
      this.#words.skip();
      left = combined(operator, left, this.#expression(binding[1]));
    }
  }

  #unary(): Expression {
    if (this.#words.accept("not")) {
      return { js: `!(${truth(this.#expression(UNARY_BINDING))})`, isMany: false, isTruth: true };
    }
    if (this.#words.accept("-"))
      return plain(`$.negate(${single(this.#expression(UNARY_BINDING))})`);
    if (this.#words.accept("#"))
      return plain(`$.length(${single(this.#expression(UNARY_BINDING))})`);
    return this.#simple();
  }

  #simple(): Expression {
    const token = this.#words.now;
    if (token.kind === "number") return this.#taken(String(token.value));
    if (token.kind === "string") return this.#taken(JSON.stringify(token.value));
    if (this.#words.accept("nil")) return plain("undefined");
    if (this.#words.accept("true")) return { js: "true", isMany: false, isTruth: true };
    if (this.#words.accept("false")) return { js: "false", isMany: false, isTruth: true };
    if (this.#words.accept("..."))
      return { js: this.#scopes.lookup("..."), isMany: true, isTruth: false };
    if (this.#words.accept("function")) return plain(this.#function());
    if (this.#words.is("{")) return this.#table();
    return this.#suffixed().value;
  }

  #taken(js: string): Expression {
    this.#words.skip();
    return plain(js);
  }

  #table(): Expression {
    this.#words.expect("{");
    const items: Expression[] = [];
    const fields = ["__proto__:null"];
    const rest: string[] = [];
    while (!this.#words.accept("}")) {
      const next = this.#words.next;
      if (this.#words.accept("[")) {
        const key = single(this.#expression());
        this.#words.expect("]");
        this.#words.expect("=");
        rest.push(`[${key},${single(this.#expression())}]`);
      } else if (this.#words.now.kind === "name" && next?.kind === "sign" && next.text === "=") {
        const key = JSON.stringify(this.#words.name());
        this.#words.expect("=");
        fields.push(`${key}:${single(this.#expression())}`);
      } else {
        items.push(this.#expression());
      }
      if (!this.#words.accept(",")) this.#words.accept(";");
    }
    const table = `new $.Table([${joined(items)}],{${fields.join(",")}})`;
    return plain(rest.length === 0 ? table : `$.filled(${table},[${rest.join(",")}])`);
  }

  /** A name or a bracketed expression, with what is looked up in it and called. */
  #suffixed(): { readonly value: Expression; readonly assign: (js: string) => string } {
    const isBracketed = this.#words.accept("(");
    const name = isBracketed ? "" : this.#words.name();
    let value = plain(isBracketed ? single(this.#expression()) : this.#scopes.lookup(name));
    if (isBracketed) this.#words.expect(")");
    const first = value.js;
    let assign = (js: string): string => `${first}=${js}`;
    for (;;) {
      if (this.#words.accept(".")) {
        const field = this.#words.name();
        if (LIBRARIES.has(value.js)) {
          value = plain(`${value.js}.${field}`);
          continue;
        }
        const place = `${single(value)}.f.${field}`;
        assign = (js) => `${place}=${js}`;
        value = plain(place);
      } else if (this.#words.accept("[")) {
        const [of, key] = [single(value), single(this.#expression())];
        this.#words.expect("]");
        assign = (js) => `${of}.set(${key},${js})`;
        value = plain(`${of}.get(${key})`);
      } else if (this.#words.accept("(")) {
        const list = this.#words.is(")") ? [] : this.#list();
        this.#words.expect(")");
        value = called(single(value), list);
      } else {
        return { value, assign };
      }
    }
  }
}

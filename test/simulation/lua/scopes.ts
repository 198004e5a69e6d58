/** Which JavaScript name stands for which Lua name, where. */

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

export class Scopes {
  #scopes: Map<string, string>[] = [new Map()];
  #made = 0;
  /** Loops round this place within its function: what they declare is new in each turn. */
  #loops = 0;

  fresh(): string {
    this.#made += 1;
    return `t${this.#made}`;
  }

  declare(name: string): string {
    this.#made += 1;
    const js = `${name === "..." ? "rest" : name}$${this.#made}`;
    this.#scopes.at(-1)?.set(name, js);
    return js;
  }

  lookup(name: string): string {
    const scope = this.#scopes.findLast((one) => one.has(name));
    const js = scope?.get(name);
    if (js !== undefined) return js;
    if (GIVEN.has(name)) return name;
    if (!KNOWN.has(name)) throw new Error(`unknown name ${name}`);
    return `L.${name}`;
  }

  /** Outside of loops a plain variable does, which costs no look whether it is there already. */
  get let(): "let" | "var" {
    return this.#loops > 0 ? "let" : "var";
  }

  within<Result>(work: () => Result): Result {
    this.#scopes.push(new Map());
    const result = work();
    this.#scopes.pop();
    return result;
  }

  /** Within a loop. */
  turn<Result>(work: () => Result): Result {
    this.#loops += 1;
    const result = work();
    this.#loops -= 1;
    return result;
  }

  /** Within a function. */
  body<Result>(work: () => Result): Result {
    const loops = this.#loops;
    this.#loops = 0;
    const result = work();
    this.#loops = loops;
    return result;
  }
}

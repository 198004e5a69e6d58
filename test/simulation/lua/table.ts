/**
 * A Lua table: the items from 1 on in a list, what has a text as its key in an object, which the
 * compiled code reads without a call, and the rest in a map.
 */
export class Table {
  readonly list: unknown[];
  readonly f: Record<string, unknown>;
  #rest: Map<unknown, unknown> | null = null;
  /** Answers what is not there; what Lua calls `__index` of a metatable. */
  missing: ((table: Table, key: unknown) => unknown) | null = null;

  /** The object must have no prototype. */
  constructor(list: unknown[], fields: Record<string, unknown>) {
    this.list = list;
    this.f = fields;
    if (list.length > 0 && list[list.length - 1] === undefined) this.#shorten();
  }

  get(key: unknown): unknown {
    if (typeof key === "string") return this.f[key];
    const { list } = this;
    const found =
      typeof key === "number" && key >= 1 && key <= list.length
        ? list[key - 1]
        : this.#rest?.get(key);
    return found === undefined && this.missing ? this.missing(this, key) : found;
  }

  set(key: unknown, value: unknown): void {
    if (typeof key === "string") {
      this.f[key] = value;
      return;
    }
    if (key === undefined) throw new TypeError("table index is nil");
    const { list } = this;
    if (typeof key !== "number" || key < 1 || key > list.length + 1 || !Number.isInteger(key)) {
      if (value === undefined) this.#rest?.delete(key);
      else (this.#rest ??= new Map()).set(key, value);
      return;
    }
    if (key <= list.length) {
      list[key - 1] = value;
      if (value === undefined) this.#shorten();
    } else if (value !== undefined) {
      list.push(value);
      if (this.#rest) this.#follow(this.#rest);
    }
  }

  /** The list in order, then texts and the rest as they came to be. */
  entries(): [unknown, unknown][] {
    const entries: [unknown, unknown][] = [];
    for (let i = 0; i < this.list.length; i += 1) {
      if (this.list[i] !== undefined) entries.push([i + 1, this.list[i]]);
    }
    for (const key in this.f) if (this.f[key] !== undefined) entries.push([key, this.f[key]]);
    if (this.#rest) entries.push(...this.#rest);
    return entries;
  }

  #shorten(): void {
    const { list } = this;
    while (list.length > 0 && list[list.length - 1] === undefined) list.pop();
  }

  /** What now continues the list was set before it reached there. */
  #follow(rest: Map<unknown, unknown>): void {
    for (;;) {
      const next = this.list.length + 1;
      const value = rest.get(next);
      if (value === undefined) return;
      this.list.push(value);
      rest.delete(next);
    }
  }
}

/** Of a list alone. */
export const listOf = (list: unknown[]): Table => new Table(list, { __proto__: null });

/** What a Redis server holds: keys of five types that may expire. */

export interface StreamEntry {
  readonly epoch: number;
  readonly seq: number;
  readonly fields: readonly string[];
}

export type Value =
  | { readonly type: "string"; text: string }
  | { readonly type: "hash"; readonly fields: Map<string, string> }
  | { readonly type: "list"; items: string[] }
  | { readonly type: "zset"; readonly scores: Map<string, number> }
  | {
      readonly type: "stream";
      entries: StreamEntry[];
      last: readonly [epoch: number, seq: number];
    };

export const FOR_EVER = Number.POSITIVE_INFINITY;

type Held = { readonly value: Value; expiresAt: number };

/** An error reply; nothing was done. */
export class ErrorReply extends Error {
  override readonly name = "ReplyError";
}

const EMPTY: { readonly [Type in Value["type"]]: () => Extract<Value, { type: Type }> } = {
  string: () => ({ type: "string", text: "" }),
  hash: () => ({ type: "hash", fields: new Map() }),
  list: () => ({ type: "list", items: [] }),
  zset: () => ({ type: "zset", scores: new Map() }),
  stream: () => ({ type: "stream", entries: [], last: [0, 0] }),
};

export class Keyspace {
  readonly #held = new Map<string, Held>();
  /** Milliseconds of the server's clock. */
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** As a copy of its disk would have it. */
  copy(): Keyspace {
    const copy = new Keyspace(this.#now);
    for (const [key, { value, expiresAt }] of this.#held) {
      copy.#held.set(key, { value: copied(value), expiresAt });
    }
    return copy;
  }

  *keys(): Generator<[string, Value, number]> {
    for (const key of this.#held.keys()) {
      const held = this.#live(key);
      if (held) yield [key, held.value, held.expiresAt];
    }
  }

  get(key: string): Value | undefined {
    return this.#live(key)?.value;
  }

  /** Throws where the key has another type. */
  read<Type extends Value["type"]>(
    key: string,
    type: Type,
  ): Extract<Value, { type: Type }> | undefined {
    const value = this.#live(key)?.value;
    if (value === undefined) return undefined;
    if (isOf(value, type)) return value;
    throw new ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value");
  }

  /** What stands there, or what is made there now. */
  write<Type extends Value["type"]>(key: string, type: Type): Extract<Value, { type: Type }> {
    const found = this.read(key, type);
    if (found) return found;
    const made = EMPTY[type]();
    this.#held.set(key, { value: made, expiresAt: FOR_EVER });
    return made;
  }

  setText(key: string, text: string, livesMs = FOR_EVER): void {
    this.#held.set(key, { value: { type: "string", text }, expiresAt: this.#now() + livesMs });
  }

  /** It is gone from that moment on (ms); answers whether there is such a key. */
  endAt(key: string, at: number): boolean {
    const held = this.#live(key);
    if (held) held.expiresAt = at;
    return held !== undefined;
  }

  remove(key: string): boolean {
    return this.#held.delete(key);
  }

  #live(key: string): Held | undefined {
    const held = this.#held.get(key);
    if (held === undefined || held.expiresAt === FOR_EVER) return held;
    if (held.expiresAt > this.#now()) return held;
    this.#held.delete(key);
    return undefined;
  }
}

function isOf<Type extends Value["type"]>(
  value: Value,
  type: Type,
): value is Extract<Value, { type: Type }> {
  return value.type === type;
}

function copied(value: Value): Value {
  switch (value.type) {
    case "string":
      return { ...value };
    case "hash":
      return { ...value, fields: new Map(value.fields) };
    case "list":
      return { ...value, items: [...value.items] };
    case "zset":
      return { ...value, scores: new Map(value.scores) };
    case "stream":
      return { ...value, entries: [...value.entries] };
  }
}

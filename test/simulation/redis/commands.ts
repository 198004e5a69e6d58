/** The commands of Redis that our code and our scripts use, over a keyspace. */
import { ErrorReply, type Keyspace, type StreamEntry } from "./keyspace.ts";

/** A reply such as `+OK`: a script sees it as a table. */
export class Status {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type Reply = string | number | null | Status | readonly Reply[];

/** What a command may know of its server. */
export interface Place {
  readonly keys: Keyspace;
  readonly runId: string;
  /** Milliseconds of its clock. */
  now(): number;
}

type Command = (place: Place, key: string, rest: readonly string[]) => Reply;

const OK = new Status("OK");

function pairsOf(list: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}

/** Where a range of a list begins and ends, as `slice` takes it. */
const range = (items: readonly string[], from = "0", to = "-1"): string[] => {
  const end = Number(to) < 0 ? items.length + Number(to) : Number(to);
  return items.slice(Number(from), end + 1);
};

function lifeOf(text = ""): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new ErrorReply("ERR value is not an integer or out of range");
}

/** By score, those of one score by name. */
function ranked(keys: Keyspace, key: string): string[] {
  const scores = [...(keys.read(key, "zset")?.scores ?? [])];
  scores.sort(([one, a], [other, b]) => a - b || (one < other ? -1 : 1));
  return scores.map(([member]) => member);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  /** All at once, of a pattern that is a beginning. */
  SCAN({ keys }, _cursor, [, pattern = ""]) {
    const begins = pattern.replace(/\*$/, "");
    return ["0", Array.from(keys.keys(), ([key]) => key).filter((key) => key.startsWith(begins))];
  },
  TYPE: ({ keys }, key) => new Status(keys.get(key)?.type ?? "none"),
  EXISTS: ({ keys }, key, rest) => [key, ...rest].filter((one) => keys.get(one)).length,
  DEL: ({ keys }, key, rest) => [key, ...rest].filter((one) => keys.remove(one)).length,
  UNLINK: ({ keys }, key, rest) => [key, ...rest].filter((one) => keys.remove(one)).length,
  PEXPIREAT: ({ keys }, key, [at]) => Number(keys.endAt(key, lifeOf(at))),
  GET: ({ keys }, key) => keys.read(key, "string")?.text ?? null,
  MGET: ({ keys }, key, rest) =>
    [key, ...rest].map((one) => {
      const value = keys.get(one);
      return value?.type === "string" ? value.text : null;
    }),
  SET({ keys }, key, [text = "", unit, life]) {
    if (unit === undefined) keys.setText(key, text);
    else keys.setText(key, text, lifeOf(life) * (unit === "EX" ? 1_000 : 1));
    return OK;
  },
  MSET({ keys }, key, rest) {
    for (const [one, text] of pairsOf([key, ...rest])) keys.setText(one, text);
    return OK;
  },
  HGET: ({ keys }, key, [field = ""]) => keys.read(key, "hash")?.fields.get(field) ?? null,
  HMGET({ keys }, key, rest) {
    const fields = keys.read(key, "hash")?.fields;
    return rest.map((field) => fields?.get(field) ?? null);
  },
  HGETALL: ({ keys }, key) => [...(keys.read(key, "hash")?.fields ?? [])].flat(),
  HEXISTS: ({ keys }, key, [field = ""]) =>
    Number(keys.read(key, "hash")?.fields.has(field) ?? false),
  HLEN: ({ keys }, key) => keys.read(key, "hash")?.fields.size ?? 0,
  HSET({ keys }, key, rest) {
    const { fields } = keys.write(key, "hash");
    const before = fields.size;
    for (const [field, value] of pairsOf(rest)) fields.set(field, value);
    return fields.size - before;
  },
  HDEL({ keys }, key, rest) {
    const fields = keys.read(key, "hash")?.fields;
    const gone = rest.filter((field) => fields?.delete(field)).length;
    if (fields?.size === 0) keys.remove(key);
    return gone;
  },
  LLEN: ({ keys }, key) => keys.read(key, "list")?.items.length ?? 0,
  LPOS({ keys }, key, [item = ""]) {
    const at = keys.read(key, "list")?.items.indexOf(item) ?? -1;
    return at < 0 ? null : at;
  },
  LRANGE: ({ keys }, key, [from, to]) => range(keys.read(key, "list")?.items ?? [], from, to),
  LTRIM({ keys }, key, [from, to]) {
    const list = keys.read(key, "list");
    if (list) list.items = range(list.items, from, to);
    if (list?.items.length === 0) keys.remove(key);
    return OK;
  },
  RPUSH: ({ keys }, key, rest) => keys.write(key, "list").items.push(...rest),
  /** `XX`: of a member that is there alone. */
  ZADD({ keys }, key, rest) {
    if (rest[0] === "XX") {
      const scores = keys.read(key, "zset")?.scores;
      for (const [score, member] of pairsOf(rest.slice(1))) {
        if (scores?.has(member) === true) scores.set(member, Number(score));
      }
      return 0;
    }
    const { scores } = keys.write(key, "zset");
    const before = scores.size;
    for (const [score, member] of pairsOf(rest)) scores.set(member, Number(score));
    return scores.size - before;
  },
  ZREM({ keys }, key, rest) {
    const scores = keys.read(key, "zset")?.scores;
    const gone = rest.filter((member) => scores?.delete(member)).length;
    if (scores?.size === 0) keys.remove(key);
    return gone;
  },
  ZCARD: ({ keys }, key) => keys.read(key, "zset")?.scores.size ?? 0,
  ZRANGE: ({ keys }, key, [from, to]) => range(ranked(keys, key), from, to),
  /** As `LIMIT` at the end says, from so many on so many. */
  ZRANGEBYSCORE({ keys }, key, [least = "", most = "", , from = "", count = ""]) {
    const scores = keys.read(key, "zset")?.scores;
    const within = ranked(keys, key).filter((member) => {
      const score = scores?.get(member) ?? NaN;
      return score >= Number(least) && score <= Number(most);
    });
    return within.slice(Number(from), Number(from) + Number(count));
  },
  ZRANK({ keys }, key, [member = ""]) {
    const at = ranked(keys, key).indexOf(member);
    return at < 0 ? null : at;
  },
  XLEN: ({ keys }, key) => keys.read(key, "stream")?.entries.length ?? 0,
  XADD({ keys }, key, [id = "", ...fields]) {
    const stream = keys.write(key, "stream");
    const [epoch, seq] = idOf(id);
    if (!isAfter({ epoch, seq }, stream.last)) {
      throw new ErrorReply("ERR The ID specified in XADD is equal or smaller than the target");
    }
    stream.entries.push({ epoch, seq, fields });
    stream.last = [epoch, seq];
    return id;
  },
  /** `~` may keep what it likes: here everything that MINID names goes, up to LIMIT. */
  XTRIM({ keys }, key, [, , least = "", , limit]) {
    const stream = keys.read(key, "stream");
    if (!stream) return 0;
    const [epoch, seq] = idOf(least);
    const old = stream.entries.filter((it) => !isAfter(it, [epoch, seq - 1])).length;
    return stream.entries.splice(0, Math.min(old, Number(limit))).length;
  },
  XRANGE({ keys }, key, [from = "", , , count]) {
    return entriesAfter(keys, key, from.replace("(", ""), Number(count)).map(entryReply);
  },
  TIME(place) {
    const now = place.now();
    return [String(Math.floor(now / 1_000)), String(Math.floor(now % 1_000) * 1_000)];
  },
  INFO: ({ runId }) => `# Server\r\nredis_version:7.0.15\r\nrun_id:${runId}\r\n`,
};

/** Throws an `ErrorReply`, and anything else for what it does not know. */
export function runCommand(place: Place, words: readonly string[]): Reply {
  const command = COMMANDS[words[0] ?? ""];
  if (!command) throw new Error(`the simulated Redis does not know ${words[0]}`);
  return command(place, words[1] ?? "", words.slice(2));
}

/** Entries of a stream after that id, oldest first. */
export function entriesAfter(
  keys: Keyspace,
  key: string,
  after: string,
  count: number,
): readonly StreamEntry[] {
  const place = idOf(after);
  const entries = keys.read(key, "stream")?.entries ?? [];
  // They stand in order, and most who ask have all but the last ones.
  let from = entries.length;
  for (; from > 0; from -= 1) {
    const before = entries[from - 1];
    if (before === undefined || !isAfter(before, place)) break;
  }
  return entries.slice(from, from + count);
}

export const entryReply = ({ epoch, seq, fields }: StreamEntry): Reply => [
  `${epoch}-${seq}`,
  [...fields],
];

function idOf(text: string): [epoch: number, seq: number] {
  const [epoch = "0", seq = "0"] = text.split("-");
  return [Number(epoch), Number(seq)];
}

const isAfter = (
  it: Pick<StreamEntry, "epoch" | "seq">,
  [epoch, seq]: readonly [number, number],
): boolean => it.epoch > epoch || (it.epoch === epoch && it.seq > seq);

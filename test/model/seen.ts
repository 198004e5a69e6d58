/** All that Redis holds at one moment, read by one call: test/model/whole.lua. */
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { z } from "zod";

const text = readFileSync(join(import.meta.dir, "whole.lua"), "utf8");
export const sha1 = (of: string): string => createHash("sha1").update(of).digest("hex");
const sha = sha1(text);

const Texts = z.array(z.string());
const Entries = z.array(z.tuple([z.string(), Texts]));

export interface SeenKey {
  readonly type: string;
  /** Milliseconds to live; -1: for ever. */
  readonly ttlMs: number;
  readonly value: unknown;
}
export interface Seen {
  /** Redis's own clock (ms), whatever that of the scripts says. */
  readonly time: number;
  readonly keys: ReadonlyMap<string, SeenKey>;
}

export async function loadWhole(redis: Redis): Promise<void> {
  if ((await redis.script("LOAD", text)) !== sha) throw new Error("the script has another hash");
}

/** `journals` are the keys of journals with the last entry that was read of each. */
export async function look(redis: Redis, journals: ReadonlyMap<string, string>): Promise<Seen> {
  const reply: unknown = await redis.evalsha(sha, 0, ...[...journals].flat());
  if (!Array.isArray(reply)) throw new Error("the whole is not a list");
  const [seconds, micros, ...flat]: unknown[] = reply;
  const keys = new Map<string, SeenKey>();
  for (let i = 0; i < flat.length; i += 4) {
    const [key, type, ttl, value] = flat.slice(i, i + 4);
    keys.set(String(key), { type: String(type), ttlMs: Number(ttl), value });
  }
  return { time: Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000), keys };
}

export function textsOf({ value }: SeenKey): readonly string[] {
  if (!isTexts(value)) throw new Error("not a list of texts");
  return value;
}

/** Without a schema: this is most of what a comparison reads. */
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

export const entriesOf = (seen: SeenKey): z.infer<typeof Entries> => Entries.parse(seen.value);

/** Field to value, from a list of both by turns. */
export function fieldsOf(seen: SeenKey): Record<string, string> {
  const flat = textsOf(seen);
  const fields: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) fields[flat[i] ?? ""] = flat[i + 1] ?? "";
  return fields;
}

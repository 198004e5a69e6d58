/** Harm to the append-only files of a Redis that is not running. */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "#test/random";

/** Part of the cuts that fall into what was written last. */
const LATE = 0.7;
const LATE_BYTES = 12_000;
/** Part of the harms to the file that is written; the others have what is older. */
const LAST = 0.8;

/** Cuts a file anywhere; answers what it did, in words. */
export function cut(folder: string, random: Random): string {
  const name = chosen(folder, random);
  const path = join(folder, name);
  const { size } = statSync(path);
  const isLate = random.next() < LATE;
  const at = random.whole(isLate ? Math.max(0, size - LATE_BYTES) : 0, size);
  truncateSync(path, at);
  return `${name} cut at ${at} of ${size}`;
}

/** Turns one bit of one byte; answers where. */
export function flip(folder: string, random: Random): string {
  const name = chosen(folder, random);
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const at = random.whole(0, bytes.length);
  const bit = random.whole(0, 8);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
  writeFileSync(path, bytes);
  return `${name}: bit ${bit} of byte ${at} of ${bytes.length}`;
}

/** Mostly the last file; else any, the manifest too. */
function chosen(folder: string, random: Random): string {
  const names = readdirSync(folder).filter(
    (name) => !name.includes(".torn-at-") && statSync(join(folder, name)).size > 0,
  );
  const parts = names.filter((name) => name.endsWith(".incr.aof")).toSorted(byNumber);
  const last = parts.at(-1);
  return last !== undefined && random.next() < LAST ? last : random.pick(names.toSorted());
}

const byNumber = (one: string, other: string): number => numberIn(one) - numberIn(other);

/** `appendonly.aof.12.incr.aof` → 12. */
export const numberIn = (name: string): number => Number(/\.(\d+)\.incr/.exec(name)?.[1] ?? 0);

/** Requests that are counted: each takes a part of its quota, which time alone brings back. */
import type { Charge } from "#inventory/rates";
import { rateKey } from "#redis/keys";
import { decided, type Call, type Decision } from "#model/call";
import { QUOTA, type Attempt } from "#model/plan";
import { same } from "#model/same";
import type { Seen } from "#model/seen";
import type { World } from "#model/world";

const PART_MICROS = (QUOTA.seconds * 1_000_000) / QUOTA.requests;

/** Charges an attempt once, however often it is sent; the refusal where nothing is left, else null. */
export function charged(
  { world, now }: Call,
  { charge }: Pick<Attempt, "charge">,
  asked: Set<Charge>,
): Decision | null {
  const [counted] = charge?.counted ?? [];
  if (charge === null || counted === undefined || asked.has(charge)) return null;
  const micros = now * 1_000;
  const wholeAt = Math.max(world.charged.get(counted.identity) ?? 0, micros);
  const isSpent = wholeAt - micros > (QUOTA.requests - 1) * PART_MICROS;
  if (isSpent) return LIMITED;
  asked.add(charge);
  world.charged.set(counted.identity, wholeAt + PART_MICROS);
  return null;
}

const LIMITED: Decision = decided("limited", { fault: "rate_limited" });

/** Compares what Redis has of those that are charged, and takes their keys out of `left`. */
export function compareCharged(seen: Seen, left: Set<string>, world: World): void {
  for (const [identity, wholeAt] of world.charged) {
    const key = rateKey(world.partition, `${QUOTA.name}:${identity}`);
    const found = seen.keys.get(key);
    left.delete(key);
    same(`type of ${key}`, found?.type, "string");
    same(key, found?.value, String(wholeAt));
    const lives = found?.ttlMs ?? 0;
    if (lives <= 0 || lives > QUOTA.seconds * 1_000) throw new Error(`${key} lives ${lives} ms`);
  }
}

/** How often somebody may try: counts in Redis, with the prefix `users:`, shared by all processes. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { countedAs } from "#lib/client-address";

/** Wrong passwords for one address of mail, after which it is locked until the first is so long ago. */
export const FAILURES_MAX = 10;
export const LOCKED_SECONDS = 900;
/** Tries to sign in or to register from one address of the network, a minute. */
export const TRIES_PER_MINUTE_MAX = 60;

/** What came of a try: how long nothing is tried, that it was wrong, or what was found. */
export type Guess<Found> =
  | { readonly kind: "locked"; readonly seconds: number }
  | { readonly kind: "wrong" }
  | { readonly kind: "right"; readonly found: Found };

export class Attempts {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Seconds until this address of the network may try again; null: it may now. Counts the try. */
  async fromAddress(address: string): Promise<number | null> {
    return await this.#count(`users:tries:${countedAs(address)}`, TRIES_PER_MINUTE_MAX, 60);
  }

  /**
   * Looks whether what was given for a name is right; `look` answers null where it is not. Each try counts
   * before it is looked at, so that no more are looked at however many come at once; one that is right
   * forgets them all, and one that could not be looked at has not been.
   */
  async guess<Found>(name: string, look: () => Promise<Found | null>): Promise<Guess<Found>> {
    const key = failuresKey(name);
    const seconds = await this.#count(key, FAILURES_MAX, LOCKED_SECONDS);
    if (seconds !== null) return { kind: "locked", seconds };
    let found: Found | null;
    try {
      found = await look();
    } catch (error) {
      await this.#count(key, FAILURES_MAX, LOCKED_SECONDS, -1);
      throw error;
    }
    if (found === null) return { kind: "wrong" };
    await this.#redis.del(key);
    return { kind: "right", found };
  }

  async #count(key: string, most: number, seconds: number, by = 1): Promise<number | null> {
    const replies = await this.#redis
      .multi()
      .set(key, "0", "EX", seconds, "NX")
      .incrby(key, by)
      .ttl(key)
      .exec();
    const [, counted, left] = (replies ?? []).map(([error, value]) => {
      if (error) throw error;
      return Number(value);
    });
    return (counted ?? 0) > most ? Math.max(1, left ?? seconds) : null;
  }
}

/** No address of mail stands in a name of Redis. */
const failuresKey = (name: string): string =>
  `users:failures:${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;

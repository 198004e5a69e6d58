/** How often somebody may try: counts in Redis, with the prefix `users:`, shared by all processes. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { countedAs } from "#lib/client-address";

/** Wrong passwords for one address of mail, after which it is locked for as long again. */
export const FAILURES_MAX = 10;
export const LOCKED_SECONDS = 900;
/** Tries to sign in or to register from one address of the network, a minute. */
export const TRIES_PER_MINUTE_MAX = 60;

export class Attempts {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Seconds until this address of the network may try again; null: it may now. Counts the try. */
  async fromAddress(address: string): Promise<number | null> {
    return await this.#count(`users:tries:${countedAs(address)}`, TRIES_PER_MINUTE_MAX, 60);
  }

  /** Seconds that an account is locked for; null: it is not. */
  async lockedFor(email: string): Promise<number | null> {
    const key = failuresKey(email);
    const [failures, seconds] = await Promise.all([this.#redis.get(key), this.#redis.ttl(key)]);
    return Number(failures ?? 0) >= FAILURES_MAX ? Math.max(1, seconds) : null;
  }

  async failed(email: string): Promise<void> {
    await this.#count(failuresKey(email), FAILURES_MAX, LOCKED_SECONDS);
  }

  async succeeded(email: string): Promise<void> {
    await this.#redis.del(failuresKey(email));
  }

  async #count(key: string, most: number, seconds: number): Promise<number | null> {
    const replies = await this.#redis
      .multi()
      .set(key, "0", "EX", seconds, "NX")
      .incr(key)
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
const failuresKey = (email: string): string =>
  `users:failures:${createHash("sha256").update(email).digest("hex").slice(0, 32)}`;

/** Charges of requests as lib/rates.lua reads them, and what it says of them. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import type { Charge, Left, Rates } from "#inventory/rates";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { loadScript, runScript } from "#redis/script";

const chargeScript = loadScript("rate/charge.lua");

/** What does not go with a batch is counted in the first partition. */
const PARTITION = 0;
/** Charges of one call, which takes less than a millisecond. */
const CHARGES_MAX = 64;
/** After this nobody waits for a count any more: who reads or guesses needs no Redis. */
const COUNT_MS_MAX = 500;
const MICROSECONDS = 1_000_000;
const LIMITED = /^limited\t(\d{1,16})$/;

/** The charges of some items, as one text, and where each identity stands in it. */
export interface EncodedCharges {
  /** Empty: nothing is charged. */
  readonly text: string;
  readonly places: ReadonlyMap<string, number>;
}

export const NO_CHARGES: EncodedCharges = { text: "", places: new Map() };

/** Of each item its charge, in their order; what was decided on before is not counted again. */
export function encodeCharges(charges: readonly (Charge | undefined)[]): EncodedCharges {
  const places = new Map<string, number>();
  const identities: string[] = [];
  const items: string[] = [];
  const encoded = new Set<Charge>();
  for (const [index, charge] of charges.entries()) {
    if (charge === undefined || charge.isSettled || encoded.has(charge)) continue;
    encoded.add(charge);
    const asked = charge.counted.map(({ quota, identity }) => {
      const name = `${quota.name}:${identity}`;
      const known = places.get(name);
      if (known !== undefined) return known;
      const interval = Math.ceil((quota.seconds * MICROSECONDS) / quota.requests);
      identities.push(`${name}\t${interval}\t${interval * quota.requests}`);
      places.set(name, identities.length);
      return identities.length;
    });
    items.push(`${index + 1}=${asked.join()}`);
  }
  if (items.length === 0) return NO_CHARGES;
  return { text: `${identities.join("\n")}\n\n${items.join(" ")}`, places };
}

/**
 * What tells a charge what became of it, and answers the refusal, if it is one. `left` is what the
 * script said of all identities: it is read once for all that are told.
 */
export function settlementOf(
  { places }: EncodedCharges,
  left: string,
): (charge: Charge, reply: string) => Fault | null {
  const all = left === "" ? [] : left.split(",").map(leftOf);
  return (charge, reply) => {
    const waitMs = Number(LIMITED.exec(reply)?.[1] ?? 0);
    if (!charge.isSettled) {
      const own = charge.counted.flatMap(({ quota, identity }) => {
        return all[(places.get(`${quota.name}:${identity}`) ?? 0) - 1] ?? [];
      });
      charge.settle(own, waitMs);
    }
    return waitMs === 0 ? null : new Fault("rate_limited", "too many requests: wait a little");
  };
}

function leftOf(text: string): Left {
  const [requests, wholeInMs] = text.split(":", 2);
  return { requests: Number(requests), wholeInMs: Number(wholeInMs) };
}

interface Waiter {
  readonly charge: Charge;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** All that are counted in one turn share one call. */
export class RedisRates implements Rates {
  readonly #redis: Redis;
  readonly #partition: Partition | undefined;
  readonly #onUncounted: () => void;
  #waiting: Waiter[] = [];

  /** `onUncounted`: Redis could not count, and nobody was refused for that. */
  constructor(redis: Redis, partitions: readonly Partition[], onUncounted: () => void) {
    this.#redis = redis;
    this.#onUncounted = onUncounted;
    this.#partition = partitions[PARTITION];
  }

  count(charge: Charge): Promise<void> {
    if (this.#partition?.state !== "open") {
      this.#onUncounted();
      charge.settle([], 0);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ charge, resolve, reject });
    });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let first = 0; first < all.length; first += CHARGES_MAX) {
      void this.#run(all.slice(first, first + CHARGES_MAX));
    }
  }

  async #run(waiters: readonly Waiter[]): Promise<void> {
    const encoded = encodeCharges(waiters.map(({ charge }) => charge));
    const args = [encoded.text, String(waiters.length)];
    try {
      const asked = runScript(this.#redis, chargeScript, metaKey(PARTITION), args);
      const answer = await withDeadline(asked, deadlineAfter(COUNT_MS_MAX), () => {
        throw new Error("Redis did not answer in time");
      });
      const [left = "", ...replies] = z.string().parse(answer).split("\n");
      const settle = settlementOf(encoded, left);
      for (const [index, { charge, resolve, reject }] of waiters.entries()) {
        const refused = settle(charge, replies[index] ?? "");
        if (refused === null) resolve();
        else reject(refused);
      }
    } catch {
      this.#onUncounted();
      // Limits keep others from being crowded out: without Redis there is nothing to crowd for.
      for (const { charge, resolve } of waiters) {
        charge.settle([], 0);
        resolve();
      }
    }
  }
}

/**
 * How many requests a customer and an address may make. Where a route's command takes the request's
 * share along, it costs no round trip; else it is counted before what changes something, and beside
 * what only reads. Services and admins are the shop's own: theirs are not counted.
 */
import { createHash } from "node:crypto";
import { addressOf, countedAs, TrustedProxies } from "#lib/client-address";
import type { EdgeContext } from "#http/env";
import type { HeaderFields } from "#http/problem";
import type { Caller } from "#inventory/context";
import { Charge, type Counted, type Quota, type Rates } from "#inventory/rates";
import type { Network } from "#lib/network";

export interface RateLimitOptions {
  /** null: not limited. */
  readonly perCustomer: Quota | null;
  readonly perAddress: Quota | null;
  readonly trustedProxies: readonly Network[];
  readonly rates: Rates;
}

/** The part of the edge that knows of quotas. */
export interface RateLimits {
  /** The share of a request by that caller (null: nobody knows who); null: it is not counted. */
  chargeOf(c: EdgeContext, caller: Caller | null): Charge | null;
  /** Rejects with the Fault `rate_limited`. */
  count(charge: Charge): Promise<void>;
  /** Headers of the answer: draft-ietf-httpapi-ratelimit-headers-10, and RFC 9110's Retry-After. */
  headersOf(charge: Charge): HeaderFields;
}

/** Letters and digits of what identifies somebody: 128 bits, so that nobody is taken for another. */
const IDENTITY_LENGTH = 32;

/** Null where nothing is limited: then nothing is done. */
export function createRateLimits(options: RateLimitOptions): RateLimits | null {
  const { perCustomer, perAddress, rates } = options;
  if (perCustomer === null && perAddress === null) return null;
  const trusted = new TrustedProxies(options.trustedProxies);
  const identities = new WeakMap<Caller, string>();

  const customerIn = (caller: Caller): string => {
    const known = identities.get(caller);
    if (known !== undefined) return known;
    const identity = hashed(caller.subject);
    identities.set(caller, identity);
    return identity;
  };
  const addressIn = (c: EdgeContext): string | null => {
    const peer = c.env.peer?.();
    if (peer === undefined) return null;
    return hashed(countedAs(addressOf(peer, c.req.header("x-forwarded-for"), trusted)));
  };

  return {
    chargeOf(c, caller) {
      if (caller !== null && caller.role !== "customer") return null;
      const counted: Counted[] = [];
      if (perCustomer !== null && caller !== null) {
        counted.push({ quota: perCustomer, identity: customerIn(caller) });
      }
      const address = perAddress === null ? null : addressIn(c);
      if (perAddress !== null && address !== null) {
        counted.push({ quota: perAddress, identity: address });
      }
      return counted.length === 0 ? null : new Charge(counted);
    },
    count: (charge) => rates.count(charge),
    headersOf({ counted, left, waitMs }) {
      const policy = counted.map(({ quota }) => {
        return `"${quota.name}";q=${quota.requests};w=${quota.seconds}`;
      });
      const now = counted.flatMap(({ quota }, i) => {
        const one = left[i];
        return one ? `"${quota.name}";r=${one.requests};t=${secondsOf(one.wholeInMs)}` : [];
      });
      return {
        "ratelimit-policy": policy.join(", "),
        ...(now.length > 0 ? { ratelimit: now.join(", ") } : {}),
        ...(waitMs > 0 ? { "retry-after": String(spread(waitMs)) } : {}),
      };
    },
  };
}

const hashed = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, IDENTITY_LENGTH);

/** Seconds, and by chance up to a quarter more: an address may be that of many. */
const spread = (waitMs: number): number => secondsOf(waitMs * (1 + Math.random() / 4));

const secondsOf = (ms: number): number => Math.ceil(ms / 1_000);

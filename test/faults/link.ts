/** The way from one process to another, over proxies that lose, double, delay, keep and cut. */
import { startFaultyProxy, type Fault, type ProxyOptions } from "#test/faulty-proxy";
import { Random } from "#test/random";
import { isStockCall, redisWire } from "#test/redis-proxy";
import { startStallingProxy, type StallingProxy } from "#test/stalling-proxy";
import { requestsOf } from "#test/wire-units";

/** How often what happens to a request, in a thousand; it passes otherwise. */
export type Weights = Readonly<Partial<Record<Fault, number>>>;

export const WIRES = ["redis", "postgres", "http"] as const;
export type Wire = (typeof WIRES)[number];

export interface Link extends StallingProxy {
  /** `api-1 to redis`. */
  readonly name: string;
  readonly wire: Wire;
  /** From now on requests fare so; null: they pass. */
  misbehave(weights: Weights | null, random: Random): void;
  /** Requests that did not simply pass. */
  readonly faults: ReadonlyMap<Fault, number>;
  /** Lets go what is held back, and settles when it was answered. */
  release(): Promise<void>;
}

const DELAY_MS_MAX = 60;
/** Longer than a repeat and what follows it take. */
const LATE_MS_MAX = 600;
const THOUSAND = 1_000;

export async function startLink(name: string, wire: Wire, url: string): Promise<Link> {
  const stalling = await startStallingProxy(url);
  const now: { weights: Weights | null; random: Random } = { weights: null, random: new Random(1) };
  const choose = (request: Buffer): Fault | "pass" => {
    if (now.weights === null) return "pass";
    const sum = Object.values(now.weights).reduce((total, weight) => total + weight, 0);
    const weights = { ...NONE, ...now.weights, pass: THOUSAND - sum };
    const fault = now.random.weighed<Fault | "pass">(weights, "pass");
    const isTwice = fault === "copy" || fault === "hold";
    return isTwice && !isKnownAgain[wire](request) ? "pass" : fault;
  };
  const faulty = await startFaultyProxy({
    ...wireOf(wire, stalling.url),
    choose,
    delayMs: () => now.random.whole(1, DELAY_MS_MAX),
    lateMs: () => now.random.whole(1, LATE_MS_MAX),
  });
  return {
    ...stalling,
    name,
    wire,
    url: faulty.url,
    faults: faulty.faults,
    get harmed() {
      return stalling.harmed;
    },
    get asked() {
      return stalling.asked;
    },
    misbehave: (weights, random) => Object.assign(now, { weights, random }),
    release: () => faulty.release(),
    async [Symbol.asyncDispose]() {
      await faulty[Symbol.asyncDispose]();
      await stalling[Symbol.asyncDispose]();
    },
  };
}

const NONE: Readonly<Record<Fault, number>> = {
  drop: 0,
  silence: 0,
  delay: 0,
  lose: 0,
  half: 0,
  hold: 0,
  copy: 0,
};

/** What may come twice: a copy of anything else is, as documented, another operation. */
const isKnownAgain: Readonly<Record<Wire, (request: Buffer) => boolean>> = {
  redis: isStockCall,
  http: (request) => /^idempotency-key:/im.test(request.toString("latin1")),
  postgres: () => false,
};

function wireOf(
  wire: Wire,
  url: string,
): Pick<ProxyOptions, "url" | "unitsOf" | "alone" | "again"> {
  switch (wire) {
    case "redis":
      return redisWire(url);
    case "http":
      return {
        url,
        unitsOf: requestsOf,
        // The copy ends its connection, or it would be waited for.
        alone: (request) => request.toString("latin1").replace("\r\n", "\r\nConnection: close\r\n"),
      };
    case "postgres":
      // As it comes: no statement is known by name, so none is sent twice.
      return {
        url,
        unitsOf: (bytes) => ({ units: [bytes], rest: Buffer.alloc(0) }),
        alone: () => {
          throw new Error("a statement is never sent twice");
        },
      };
  }
}

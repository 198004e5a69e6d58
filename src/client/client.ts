/** A client of the inventory API: hono's typed calls, sent so that each has one effect. */
import { hc } from "hono/client";
import { attempt, READS } from "#client/attempts";
import type { InventoryApi, InventoryAtApi } from "#http/api";

export { followEvents, type EventPage, type FollowOptions } from "#client/events";
export { eventsOf, type StreamedEvent } from "#client/streams";
export { movementsOf } from "#client/movements";
export { HoldfastProblem, HoldfastUnanswered } from "#client/problem";
export type * from "#http/api";

export interface ClientOptions {
  /** Where the service is, such as `http://localhost:3003`. */
  readonly url: string;
  /** A bearer token, or what gives one; asked before each attempt. Without one: public calls. */
  readonly token?: string | (() => string | Promise<string>);
  /** What every change waits for, where a call does not say it by a `prefer` header of its own. */
  readonly durability?: "disk" | "replica" | "ledger";
  /** Milliseconds for a call with all its attempts; 10 000 without it. */
  readonly deadlineMs?: number;
  /** Milliseconds for one attempt; 6 000 without it. */
  readonly attemptMs?: number;
  /** Sends a request; the platform's own without it. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

const DEADLINE_MS = 10_000;
/** The service answers within 5 s, unless it was told otherwise. */
const ATTEMPT_MS = 6_000;

/**
 * Calls by path, such as `client.product[":productId"].reserve.$post({ param, json })`. A call
 * answers what succeeded and throws HoldfastProblem or HoldfastUnanswered otherwise. Whatever is
 * not a read bears an `Idempotency-Key` (its own, unless the caller gives one in `headers`), and
 * is repeated under it while the service is away or busy. `stockAt` is the call of a product at an
 * instant, whose answer is another.
 */
export function createClient(options: ClientOptions) {
  const { url, token, durability, deadlineMs = DEADLINE_MS, attemptMs = ATTEMPT_MS } = options;
  const { fetch: send = (request) => fetch(request) } = options;
  const authorized = async (request: Request): Promise<Response> => {
    const bearer = typeof token === "function" ? await token() : token;
    if (bearer !== undefined) request.headers.set("authorization", `Bearer ${bearer}`);
    return send(request);
  };
  const whole = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = input instanceof Request ? input : new Request(String(input), init);
    const { headers } = request;
    if (!READS.has(request.method)) {
      const preferences = durability === undefined ? {} : { prefer: `durability=${durability}` };
      const own = { "idempotency-key": crypto.randomUUID(), ...preferences };
      for (const [name, value] of Object.entries(own)) {
        if (!headers.has(name)) headers.set(name, value);
      }
    }
    return attempt(request, { deadlineMs, attemptMs, fetch: authorized });
  };
  const fetchWhole = Object.assign(whole, { preconnect: () => {} });
  const calls = safely(hc<InventoryApi>(url, { fetch: fetchWhole }).api.inventory);
  const { product } = safely(hc<InventoryAtApi>(url, { fetch: fetchWhole }).api.inventory);
  return withCall(calls, { stockAt: product[":productId"] });
}

/** A call beside those by path. */
function withCall<Calls extends object, More extends object>(calls: Calls, more: More) {
  return new Proxy(Object.assign(calls, more), {
    get: (target, name): unknown => Reflect.get(Object.hasOwn(more, name) ? more : target, name),
  });
}

/** hono pastes parameters into the path as they are: an id could name another call. */
function safely<Node extends object>(node: Node): Node {
  return new Proxy(node, {
    get(target, name) {
      const next: unknown = Reflect.get(target, name);
      const isNode = typeof next === "function" || (typeof next === "object" && next !== null);
      return isNode ? safely(next) : next;
    },
    apply: (target, self, [given, ...rest]: unknown[]): unknown =>
      Reflect.apply(asFunction(target), self, [withEncoded(given), ...rest]),
  });
}

function asFunction(node: object): (...args: unknown[]) => unknown {
  if (typeof node !== "function") throw new TypeError("this is no call");
  return (...args) => Reflect.apply(node, undefined, args);
}

/** What a call is given, with parameters that stay one part of the path. */
function withEncoded(given: unknown): unknown {
  if (typeof given !== "object" || given === null || !("param" in given)) return given;
  const entries = Object.entries(Object(given.param)).map(([name, value]) => {
    const text = String(value);
    if (/^\.{0,2}$/.test(text)) throw new TypeError(`${name} cannot be ${JSON.stringify(text)}`);
    return [name, encodeURIComponent(text)];
  });
  return { ...given, param: Object.fromEntries(entries) };
}

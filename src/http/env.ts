/** What a request carries through the HTTP layer. */
import type { Context, Handler, Input, MiddlewareHandler } from "hono";
import type { Caller, RequestContext } from "#inventory/context";
import type { DurabilityLevel, Receipt } from "#inventory/durability";
import type { Operation } from "#inventory/ports";
import type { Charge } from "#inventory/rates";

/** What the answer to a change waits for. */
export interface AskedLevel {
  /** What the caller would like; null where it said nothing. */
  readonly preferred: DurabilityLevel | null;
  /** What is waited for; null where Redis's answer is enough. */
  readonly wanted: DurabilityLevel | null;
  /** Where Redis's answers are noted. */
  readonly receipts: Receipt[];
}

/** Made once a request, before anything can fail, and completed on the way to the route. */
export interface RequestState {
  readonly requestId: string;
  /** Epoch milliseconds by which the answer must be out. */
  readonly deadline: number;
  /** Headers that every answer to this request carries besides the constant ones. */
  readonly headers: Readonly<Record<string, string>>;
  /** null on public routes, and until the token was verified. */
  caller: Caller | null;
  /** The `Idempotency-Key` with its scope, on routes that change something. */
  operation: Operation | null;
  /** What an answer of Redis means at that moment, for the answer to a change; null: not named. */
  level: (() => DurabilityLevel) | null;
  /** null where nobody asked for more than Redis's answer. */
  asked: AskedLevel | null;
  /** The request's share of its caller's quotas; null: it is not counted. */
  charge: Charge | null;
  /** Counts it beside a read; rejects where there is no room. */
  counting: Promise<void> | null;
  /** Whether it has a place among the requests under way: `Admission` says. */
  isInside: boolean;
  /** Milliseconds that its refusal was kept back: `Admission` says. */
  heldBackMs: number;
}

export interface EdgeEnv {
  Bindings: {
    /** Address of the peer, asked for only where it matters; absent where there is no socket. */
    peer?: () => string | undefined;
    /** Lets this connection be silent for so many seconds: for answers that are sent in parts. */
    patience?: (seconds: number) => void;
  };
  Variables: { request: RequestState };
}

export type EdgeContext = Context<EdgeEnv>;
export type EdgeHandler = (c: EdgeContext) => Promise<Response>;

type Validator<In extends Input> = MiddlewareHandler<EdgeEnv, string, In>;
type Last<In extends Input> = Handler<EdgeEnv, string, In>;

/** Puts up to two validators before a handler, so that it knows what was validated. */
export function createHandlers(last: Last<Input>): readonly Handler<EdgeEnv>[];
export function createHandlers<In extends Input>(
  check: Validator<In>,
  last: Last<In>,
): readonly Handler<EdgeEnv>[];
export function createHandlers<First extends Input, Second extends Input>(
  first: Validator<First>,
  second: Validator<Second>,
  last: Last<First & Second>,
): readonly Handler<EdgeEnv>[];
export function createHandlers(
  ...handlers: readonly Handler<EdgeEnv>[]
): readonly Handler<EdgeEnv>[] {
  return handlers;
}

/** What the core's verbs want to know; only for routes that demand a role. */
export function contextOf(c: EdgeContext): RequestContext {
  const { caller, requestId, deadline, operation, asked, charge } = c.get("request");
  if (caller === null) throw new Error("a public route asked who its caller is");
  const counted = charge === null || charge.isSettled ? {} : { charge };
  const ctx = { caller, requestId, deadline, operation, ...counted };
  return asked === null ? ctx : { ...ctx, receipts: asked.receipts };
}

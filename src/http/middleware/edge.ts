/**
 * One edge round every route, in a fixed order: request id, room, body limit, token, role, quota,
 * body, idempotency key; then the route; then its count. What it needs of a route is worked out once.
 */
import type { Contract } from "#http/contract";
import type { EdgeContext, EdgeHandler, RequestState } from "#http/env";
import type { Admission } from "#http/middleware/admission";
import type { Authenticator } from "#http/middleware/authenticate";
import type { BodyDeadline } from "#http/middleware/body-deadline";
import {
  BODY_BYTES_MAX,
  BULK_BODY_BYTES_MAX,
  FILE_BODY_BYTES_MAX,
  limitBody,
} from "#http/middleware/body-limit";
import type { Cors } from "#http/middleware/cors";
import { createDurabilityEdge, LEDGER_EDGE } from "#http/middleware/durability";
import type { FailureLog } from "#http/middleware/failure-log";
import { operationOf } from "#http/middleware/idempotency";
import type { RateLimits } from "#http/middleware/rate-limit";
import { requestIdOf } from "#http/middleware/request-id";
import { Problem } from "#http/problem";
import { send, type Answer } from "#http/reply";
import type { Route } from "#http/routes/route";
import type { Caller, Role } from "#inventory/context";
import type { Durability } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type { Clock } from "#lib/clock";
import type { Metrics } from "#lib/metrics";

export interface EdgeOptions {
  readonly contract: Pick<Contract, "name" | "headers">;
  readonly admission: Admission;
  readonly auth: Authenticator;
  readonly metrics: Pick<Metrics, "httpRequest">;
  readonly failures: FailureLog;
  readonly bodies: BodyDeadline;
  readonly cors: Cors;
  readonly durability: Durability;
  /** null: nobody's requests are counted. */
  readonly limits: RateLimits | null;
  readonly clock: Clock;
  readonly requestDeadlineMs: number;
  readonly stopping: () => boolean;
  readonly onError: (error: unknown, c: EdgeContext) => Answer;
}

/** An answer this late is worth a line, whatever it says. */
const SLOW_SECONDS = 1;

/** Starts a request's state; nothing in it can fail. */
export function begin(
  options: Pick<EdgeOptions, "contract" | "cors" | "clock" | "requestDeadlineMs">,
) {
  const { contract, cors, clock, requestDeadlineMs } = options;
  return (c: EdgeContext): void => {
    const requestId = requestIdOf(c.req.header("x-request-id"));
    const own = contract.headers?.(c, requestId);
    const state: RequestState = {
      requestId,
      deadline: clock.now() + requestDeadlineMs,
      headers: { "x-request-id": requestId, ...cors.answer(c.req.header("origin")), ...own },
      caller: null,
      operation: null,
      level: null,
      asked: null,
      charge: null,
      counting: null,
      isInside: false,
      heldBackMs: 0,
    };
    c.set("request", state);
  };
}

/** Answers the requests of one route: the router has nothing else to call, for each call of it costs. */
export function edgeOf(options: EdgeOptions, route: Route): EdgeHandler {
  const { admission, auth, bodies, failures, onError } = options;
  const start = begin(options);
  const limit = route.method === "GET" ? null : limitBody(bytesMaxOf(route));
  const levels = levelsOf(options, route);
  const limits = route.counted === "never" ? null : options.limits;
  const count = options.metrics.httpRequest(options.contract.name, route.path);
  // Whoever asks how this process is must hear it, and who waits for news keeps nobody busy.
  const isBounded = !route.whileStopping && !route.waits;

  const admit = async (c: EdgeContext): Promise<void> => {
    if (options.stopping() && !route.whileStopping) {
      throw new Fault("stopping", "this process is about to end");
    }
    const state = c.get("request");
    if (isBounded) admission.enter(state);
    const limited = limit?.(c);
    if (limited !== undefined) await bodies.within(limited, state);
    const roles = rolesOf(route, c);
    state.caller = roles === "public" ? route.anonymous : await callerOf(c, roles);
    if (limits !== null) {
      await countIn(c, roles === "public" ? await shownIn(c) : state.caller);
    }
    // Read here once, within the deadline; hono keeps it for whoever asks again.
    if (limit !== null) await bodies.within(c.req.text(), state);
    if (!route.mutation || state.caller === null) return;
    state.operation = await operationOf(c, state.caller);
    levels?.ask(c);
  };

  const countIn = async (c: EdgeContext, caller: Caller | null): Promise<void> => {
    const state = c.get("request");
    state.charge = limits?.chargeOf(c, caller) ?? null;
    if (limits === null || state.charge === null || route.counted === "with_its_command") return;
    const counted = limits.count(state.charge);
    if (route.counted === "ahead") return await counted;
    state.counting = counted;
    // Whoever reads hears of it when the answer is there; nobody else waits for it.
    counted.catch(() => undefined);
  };

  /** Who may not do it is counted too, at once: a flood of guesses is a flood. */
  const turnAway = async (
    c: EdgeContext,
    caller: Caller | null,
    error: unknown,
  ): Promise<never> => {
    // What lies behind the caller's back is not charged to anybody.
    const isTheirs = error instanceof Problem;
    const charge = (isTheirs ? limits?.chargeOf(c, caller) : null) ?? null;
    c.get("request").charge = charge;
    if (charge !== null) await limits?.count(charge);
    throw error;
  };

  /** Instead of the answer that is there, whose headers would go with it. */
  const refuse = async (c: EdgeContext, error: unknown): Promise<void> => {
    if (isForWantOfRoom(error)) await admission.holdBack(c.get("request"));
    c.res = undefined;
    c.res = send(c, onError(error, c));
  };

  /** Who shows a token where none is needed, so that the shop's own are not counted there either. */
  const shownIn = async (c: EdgeContext): Promise<Caller | null> => {
    const authorization = c.req.header("authorization");
    if (authorization === undefined) return null;
    return auth.cached(authorization) ?? (await auth.verify(authorization).catch(() => null));
  };

  const tellLimits = async (c: EdgeContext): Promise<void> => {
    const { charge } = c.get("request");
    if (limits === null || charge === null) return;
    // Its command was never sent, so that it changed nothing: it counts all the same.
    if (!charge.isSettled && c.res.status < 500) {
      await limits.count(charge).catch((error: unknown) => refuse(c, error));
    }
    const headers = Object.entries(limits.headersOf(charge));
    for (const [name, value] of headers) c.res.headers.set(name, value);
  };

  const callerOf = async (c: EdgeContext, roles: readonly Role[]): Promise<Caller> => {
    const authorization = c.req.header("authorization");
    const caller =
      auth.cached(authorization) ??
      (await auth.verify(authorization).catch((error: unknown) => turnAway(c, null, error)));
    if (roles.includes(caller.role)) return caller;
    const words = `this call is for the role ${roles.join(" or ")}`;
    return await turnAway(c, caller, new Problem("role_required", words));
  };

  const answer = async (c: EdgeContext): Promise<Response> => {
    try {
      await admit(c);
      c.res = await answerOf(route, c);
      const state = c.get("request");
      if (levels !== null && state.asked !== null) {
        // It is done. Who waits for more keeps nobody out: the ledger may be away for long.
        admission.leave(state);
        await levels.answer(c);
      }
    } catch (error) {
      await refuse(c, error);
    }
    const { counting } = c.get("request");
    if (counting !== null) await counting.catch((error: unknown) => refuse(c, error));
    if (limits !== null) await tellLimits(c);
    return c.res;
  };

  return async function edge(c) {
    const startedAt = performance.now();
    start(c);
    try {
      return await answer(c);
    } finally {
      const state = c.get("request");
      admission.leave(state);
      const seconds = (performance.now() - startedAt - state.heldBackMs) / 1000;
      count(c.res.status, seconds);
      if (seconds >= SLOW_SECONDS && !route.waits) {
        const { requestId } = state;
        const { method, path } = route;
        failures(`slow ${method} ${path}`, "a slow request", { requestId, method, path, seconds });
      }
    }
  };
}

/** What its validators let through, its handler answers. */
async function answerOf({ handlers }: Route, c: EdgeContext): Promise<Response> {
  for (const handler of handlers) {
    const answer = await handler(c, goOn);
    if (answer instanceof Response) return answer;
  }
  throw new Error("no handler of the route answered");
}

/** A validator is done: whoever runs it goes on. */
const goOn = (): Promise<void> => Promise.resolve();

/** There are too many, or too many of his. */
const isForWantOfRoom = (error: unknown): boolean =>
  error instanceof Fault && (error.code === "overloaded" || error.code === "rate_limited");

function levelsOf({ durability }: EdgeOptions, { mutation, inLedgerAlone }: Route) {
  if (!mutation) return null;
  return inLedgerAlone ? LEDGER_EDGE : createDurabilityEdge(durability);
}

function bytesMaxOf({ bulk, file }: Route): number {
  if (file) return FILE_BODY_BYTES_MAX;
  return bulk ? BULK_BODY_BYTES_MAX : BODY_BYTES_MAX;
}

/** Who may make this very request. */
function rolesOf({ roles, guarded }: Route, c: EdgeContext): Route["roles"] {
  return guarded !== null && c.req.query(guarded.query) !== undefined ? guarded.roles : roles;
}

/**
 * Confirm, cancel and extend: one shape of answer, with what each verb makes of an ended hold. Reassign
 * words its own refusals, and all else as they do.
 */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import type { ProblemCode } from "#http/problem";
import { refusal, replayHeader, send, type Answer } from "#http/reply";
import { aboveQuota, insufficientStock, keyReused } from "#http/routes/refusals";
import { ANY_ROLE, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody, validateOptionalBody } from "#http/validate";
import { Ended } from "#http/wire/answers";
import {
  ConfirmBody,
  EndBody,
  ExtendBody,
  type ConfirmItem,
  type EndItem,
} from "#http/wire/bodies";
import { ReservationParam } from "#http/wire/fields";
import { reservationOf } from "#http/wire/objects";
import { cancel } from "#inventory/cancel";
import { confirm } from "#inventory/confirm";
import type { Deps, RequestContext } from "#inventory/context";
import { extend } from "#inventory/extend";
import type { TooOften } from "#inventory/hold-ports";
import type { HoldAnswer } from "#inventory/hold-answer";
import type { ExceedsHeld, LineQuantity } from "#inventory/ports";

type EndedKind = "confirmed" | "cancelled" | "expired" | "replaced" | "reassigned";

const ENDED: Readonly<Record<EndedKind, { code: ProblemCode; message: string }>> = {
  confirmed: { code: "reservation_confirmed", message: "the reservation is confirmed" },
  cancelled: { code: "reservation_cancelled", message: "the reservation is cancelled" },
  expired: { code: "reservation_expired", message: "the reservation expired" },
  replaced: { code: "reservation_replaced", message: "a newer reservation took its place" },
  reassigned: { code: "reservation_reassigned", message: "its units are another owner's now" },
};

export interface Verb {
  readonly message: string;
  /** Ended holds that are what the caller wanted: answered with their state. */
  readonly welcome: readonly EndedKind[];
}
const CONFIRM: Verb = { message: "Reservation confirmed", welcome: ["confirmed"] };
const CANCEL: Verb = {
  message: "Reservation cancelled",
  welcome: ["cancelled", "expired", "replaced"],
};
const EXTEND: Verb = { message: "Reservation extended", welcome: [] };

const BASE = {
  method: "POST",
  roles: ANY_ROLE,
  mutation: true,
  counted: "with_its_command",
} as const;

export function confirmRoute({ deps }: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.confirm,
    summary: "Sell what a reservation holds, or some of its lines",
    answers: { 200: Ended },
    refusals: [
      "insufficient_stock",
      "waitlist",
      "limit_exceeded",
      "exceeds_held",
      "reservation_cancelled",
      "reservation_replaced",
      "reservation_reassigned",
      "reservation_expired",
      "reservation_not_found",
      "too_many_items",
    ],
    handlers: createHandlers(
      validate("param", ReservationParam),
      validateOptionalBody(ConfirmBody),
      async (c) => {
        const { reservationId } = c.req.valid("param");
        const item = { reservationId, ...c.req.valid("json") };
        return send(c, await answerConfirm(deps, c, contextOf(c), item));
      },
    ),
  });
}

export function cancelRoute({ deps }: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.cancel,
    summary: "Give back what a reservation holds, or some of its lines",
    answers: { 200: Ended },
    refusals: [
      "exceeds_held",
      "reservation_confirmed",
      "reservation_reassigned",
      "reservation_not_found",
      "too_many_items",
    ],
    handlers: createHandlers(
      validate("param", ReservationParam),
      validateOptionalBody(EndBody),
      async (c) => {
        const { reservationId } = c.req.valid("param");
        const item = { reservationId, ...c.req.valid("json") };
        return send(c, await answerCancel(deps, c, contextOf(c), item));
      },
    ),
  });
}

export function extendRoute({ deps }: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.extend,
    summary: "Give a reservation more time, at most to the longest life after it was made",
    answers: { 200: Ended },
    refusals: [
      "extended_too_often",
      "reservation_confirmed",
      "reservation_cancelled",
      "reservation_replaced",
      "reservation_reassigned",
      "reservation_expired",
      "reservation_not_found",
    ],
    handlers: createHandlers(
      validate("param", ReservationParam),
      validateBody(ExtendBody),
      async (c) => {
        const { reservationId } = c.req.valid("param");
        const { minutes } = c.req.valid("json");
        const outcome = await extend(deps, contextOf(c), { reservationId, minutes });
        if (outcome.kind === "too_often") return send(c, tooOften(c, outcome));
        return send(c, answerHold(c, EXTEND, outcome));
      },
    ),
  });
}

/** Confirms the hold, or the lines named of it, and words what came of it. */
export async function answerConfirm(
  deps: Deps,
  c: EdgeContext,
  ctx: RequestContext,
  item: ConfirmItem,
): Promise<Answer> {
  const { reservationId, lines = null, onExpired = null } = item;
  const outcome = await confirm(deps, ctx, { reservationId, lines, onExpired });
  if (outcome.kind === "insufficient") return insufficientStock(c, outcome.lines);
  if (outcome.kind === "above_quota") return aboveQuota(c, outcome.lines);
  if (outcome.kind === "exceeds_held") return exceedsHeld(c, outcome, lines);
  return answerHold(c, CONFIRM, outcome);
}

/** Cancels the hold, or the lines named of it, and words what came of it. */
export async function answerCancel(
  deps: Deps,
  c: EdgeContext,
  ctx: RequestContext,
  item: EndItem,
): Promise<Answer> {
  const { reservationId, lines = null } = item;
  const outcome = await cancel(deps, ctx, { reservationId, lines });
  if (outcome.kind === "exceeds_held") return exceedsHeld(c, outcome, lines);
  return answerHold(c, CANCEL, outcome);
}

function tooOften(c: EdgeContext, { extensions, reservation }: TooOften): Answer {
  const message = `the reservation was extended ${extensions} times, as often as one may be`;
  return refusal(c, "extended_too_often", message, {
    extensions,
    reservation: reservationOf(reservation),
  });
}

/** Words what a verb about one hold answers. */
export function answerHold(c: EdgeContext, verb: Verb, outcome: HoldAnswer): Answer {
  switch (outcome.kind) {
    case "done": {
      const body = { message: verb.message, reservation: reservationOf(outcome.reservation) };
      return { status: 200, body, headers: replayHeader(outcome.replayed) };
    }
    case "confirmed":
    case "cancelled":
    case "expired":
    case "replaced":
    case "reassigned": {
      const { code, message } = ENDED[outcome.kind];
      const reservation = reservationOf(outcome.reservation);
      if (verb.welcome.includes(outcome.kind)) {
        return { status: 200, body: { message: messageOf(verb, outcome.kind), reservation } };
      }
      return refusal(c, code, message, { reservation });
    }
    case "unknown_reservation":
      return refusal(c, "reservation_not_found", "there is no such reservation");
    case "key_reused":
      return keyReused(c);
  }
}

/** Of all the lines named, one product of which the hold has fewer units. */
function exceedsHeld(
  c: EdgeContext,
  { productId, held }: ExceedsHeld,
  lines: readonly LineQuantity[] | null,
): Answer {
  const requested = (lines ?? [])
    .filter((line) => line.productId === productId)
    .reduce((sum, line) => sum + line.quantity, 0);
  const message = `of ${productId} ${requested} units are asked for, and the reservation has ${held}`;
  return refusal(c, "exceeds_held", message, { productId, requested, held });
}

/** An expired hold is no cancelled one, though cancelling it is answered with 200. */
function messageOf(verb: Verb, kind: EndedKind): string {
  return kind === "expired" ? "Reservation expired" : verb.message;
}

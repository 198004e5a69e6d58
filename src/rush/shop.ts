/** The shop's server: asks the service in the name of its customers, and notes what they were told. */
import {
  HoldfastProblem,
  HoldfastUnanswered,
  type createClient,
  type PlaceInLine,
  type Reservation,
} from "#client/client";
import type { Enter, Gate } from "#rush/gate";
import type { Order, Plan } from "#rush/plan";
import type { Told, Verb } from "#rush/told";

export type Client = ReturnType<typeof createClient>;

/** A hold, as its maker was told of it. */
export interface Hold {
  readonly order: Order;
  readonly reservationId: string;
  /** Epoch milliseconds by the service's clock. */
  readonly dueAt: number;
}

export type Reserved =
  | { readonly kind: "held"; readonly hold: Hold }
  /** `nextAt`: when the next hold ends (epoch milliseconds); null where that is not soon. */
  | { readonly kind: "refused"; readonly nextAt: number | null }
  | { readonly kind: "unknown" };

export interface ShopOptions {
  readonly client: Client;
  readonly plan: Plan;
  readonly campaignId: string;
  readonly gate: Gate;
  readonly told: Told;
  /** Gives every call up. */
  readonly signal: AbortSignal;
}

export interface Shop {
  reserve(order: Order): Promise<Reserved>;
  confirm(hold: Hold, onExpired: "reject" | "reacquire"): Promise<void>;
  cancel(hold: Hold): Promise<void>;
  /** Goes into the line of the product. Of all three: a hold that was offered, or null for no place. */
  join(order: Order): Promise<Hold | "waiting" | null>;
  place(order: Order): Promise<Hold | "waiting" | null>;
  leave(order: Order): Promise<Hold | "waiting" | null>;
  /** Whether the hold has ended, or nobody can say. */
  look(hold: Hold): Promise<boolean>;
}

type Answer<Body> =
  | { readonly kind: "done"; readonly body: Body }
  | { readonly kind: "refused"; readonly problem: HoldfastProblem }
  | { readonly kind: "unknown"; readonly why: string };

export function createShop(options: ShopOptions): Shop {
  const { client, plan, campaignId, gate, told, signal } = options;
  const { productId, holdMinutes } = plan;
  const given = { init: { signal } };
  const { reserve, waitlist } = client.product[":productId"];
  const param = { productId };
  const reservation = client.reservation[":reservationId"];

  /** The client repeats it under its key; what it throws at last is certain, or nobody knows. */
  const ask = <Body>(enter: Enter, call: () => Promise<Body>): Promise<Answer<Body>> =>
    enter(async () => {
      signal.throwIfAborted();
      try {
        return { kind: "done", body: await call() };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof HoldfastUnanswered) return { kind: "unknown", why: error.message };
        if (!(error instanceof HoldfastProblem)) throw error;
        // An attempt before the last may have been done.
        if (error.retryable) return { kind: "unknown", why: error.code };
        return { kind: "refused", problem: error };
      }
    });

  /** Notes what its end was, by the hold's status. */
  const ended = ({ reservationId, status }: Reservation, verb: Verb, hold: Hold): void => {
    switch (status) {
      case "CONFIRMED":
        told.sold.add(reservationId);
        // Sold after its hold had expired, as a reservation of its own.
        if (reservationId !== hold.reservationId) told.expired.add(hold.reservationId);
        return;
      case "CANCELLED":
        told.cancelled.add(reservationId);
        return;
      case "EXPIRED":
        told.expired.add(reservationId);
        return;
      case "ACTIVE":
        if (verb !== "look") told.wonder(`${verb}: ACTIVE`);
    }
  };

  const refused = ({ status, code }: HoldfastProblem, verb: Verb, hold: Hold): void => {
    // Not enough is left for one who came too late.
    if (EXPIRED.has(code) && verb === "confirm") told.expired.add(hold.reservationId);
    else told.wonder(`${verb}: ${status} ${code}`);
  };

  const change = async (
    verb: Verb,
    hold: Hold,
    call: () => Promise<{ reservation: Reservation }>,
  ): Promise<void> => {
    // Who has a hold does not wait behind all who want one: it would expire meanwhile.
    const answer = await ask(gate.ahead, call);
    if (answer.kind === "done") ended(answer.body.reservation, verb, hold);
    else if (answer.kind === "refused") refused(answer.problem, verb, hold);
    else told.notKnown(hold.order, { verb, reservationId: hold.reservationId, why: answer.why });
  };

  return {
    async reserve(order) {
      const feltFrom = performance.now();
      let sentAt = feltFrom;
      const { orderId, customerId } = order;
      const json = { quantity: 1, orderId, customerId, campaign: campaignId };
      const answer = await ask(gate.through, async () => {
        sentAt = performance.now();
        return (await reserve.$post({ param, json }, given)).json();
      });
      if (answer.kind === "unknown") {
        told.notKnown(order, { verb: "reserve", reservationId: null, why: answer.why });
        return answer;
      }
      const now = performance.now();
      told.reserves.push({ servedMs: now - sentAt, feltMs: now - feltFrom });
      if (answer.kind === "refused") return shortOf(answer.problem, order);
      const { body } = answer;
      if (!("reservation" in body)) throw new Error("a reserve was answered as if it were dry");
      const { reservationId, expiresAt } = body.reservation;
      told.hold(order, reservationId);
      return { kind: "held", hold: { order, reservationId, dueAt: Date.parse(expiresAt ?? "") } };
    },

    async join(order) {
      const json = { quantity: 1, ...order, expirationMinutes: holdMinutes };
      const answer = await ask(gate.through, async () =>
        (await waitlist.$post({ param, json }, given)).json(),
      );
      if (answer.kind === "done") {
        told.waiting.add(order.orderId);
        return placed(order, answer.body.place);
      }
      if (answer.kind === "unknown") {
        told.notKnown(order, { verb: "join", reservationId: null, why: answer.why });
        // It may stand in the line all the same, and then it is offered something.
        return "waiting";
      }
      // What came back in that moment is for whoever asks next.
      if (answer.problem.code !== "units_available") told.wonder(`join: ${answer.problem.code}`);
      return null;
    },

    async place(order) {
      const answer = await ask(gate.ahead, async () =>
        (await waitlist.$get({ param, query: { ...order } }, given)).json(),
      );
      if (answer.kind === "done") return placed(order, answer.body);
      if (answer.kind === "refused") told.wonder(`place: ${answer.problem.code}`);
      return answer.kind === "refused" ? null : "waiting";
    },

    async leave(order) {
      const json = { ...order };
      const answer = await ask(gate.ahead, async () =>
        (await waitlist.leave.$post({ param, json }, given)).json(),
      );
      if (answer.kind === "done") return placed(order, answer.body.place);
      if (answer.kind === "refused") told.wonder(`leave: ${answer.problem.code}`);
      else told.notKnown(order, { verb: "leave", reservationId: null, why: answer.why });
      return null;
    },

    confirm: (hold, onExpired) =>
      change("confirm", hold, async () => {
        const asked = { param: paramOf(hold), json: { onExpired } };
        return (await reservation.confirm.$post(asked, given)).json();
      }),

    cancel: (hold) =>
      change("cancel", hold, async () => {
        const asked = { param: paramOf(hold), json: {} };
        return (await reservation.cancel.$post(asked, given)).json();
      }),

    async look(hold) {
      const answer = await ask(gate.ahead, async () =>
        (await reservation.$get({ param: paramOf(hold) }, given)).json(),
      );
      if (answer.kind === "done") {
        ended(answer.body, "look", hold);
        return answer.body.status !== "ACTIVE";
      }
      if (answer.kind === "refused") told.wonder(`look: ${answer.problem.code}`);
      const { reservationId } = hold;
      if (answer.kind === "unknown") {
        told.notKnown(hold.order, { verb: "look", reservationId, why: answer.why });
      }
      return true;
    },
  };

  function placed(order: Order, { status, reservation: offered }: PlaceInLine) {
    if (status === "waiting") return "waiting";
    if (offered === null) return null;
    const { reservationId, expiresAt } = offered;
    told.hold(order, reservationId);
    return { order, reservationId, dueAt: Date.parse(expiresAt ?? "") };
  }

  function shortOf({ status, code, problem }: HoldfastProblem, order: Order): Reserved {
    const nextAt = Date.parse(problem.lines?.[0]?.nextHoldEndsAt ?? "");
    if (SOLD_OUT.has(code)) told.refuse(order);
    else told.wonder(`reserve: ${status} ${code}`);
    return { kind: "refused", nextAt: Number.isNaN(nextAt) ? null : nextAt };
  }
}

/** What who wants a unit is refused with, when there is none for it. */
const SOLD_OUT: ReadonlySet<string> = new Set(["insufficient_stock", "campaign_ended"]);

/** What a confirm of an expired hold is refused with; the latter where it was to be sold after all. */
const EXPIRED: ReadonlySet<string> = new Set([
  "reservation_expired",
  "insufficient_stock",
  "waitlist",
]);

const paramOf = ({ reservationId }: Hold) => ({ reservationId });

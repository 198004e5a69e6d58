/** Confirm, cancel, extend and the reads of reservations: each status they may answer. */
import { describe, expect, test } from "bun:test";
import type { Reservation } from "#inventory/model";
import type { ConfirmOutcome, EndCommand, ExtendCommand } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { openApp } from "#test/http-app";
import { answering, PRODUCT_ID, RESERVATION_ID, reservationOf } from "#test/ports-double";
import { RESERVATION } from "#test/wire-samples";

const reservation = reservationOf();

const ended = (status: Reservation["status"], endReason: Reservation["endReason"]) =>
  reservationOf({ status, endReason });
const OUTCOMES = {
  confirmed: { kind: "confirmed", reservation: ended("CONFIRMED", "confirmed") },
  cancelled: { kind: "cancelled", reservation: ended("CANCELLED", "cancelled") },
  expired: { kind: "expired", reservation: ended("EXPIRED", "expired") },
  replaced: { kind: "cancelled", reservation: ended("CANCELLED", "replaced") },
  reassigned: { kind: "cancelled", reservation: ended("CANCELLED", "reassigned") },
  exceeds_held: { kind: "exceeds_held", productId: PRODUCT_ID, held: 1 },
  unknown: { kind: "unknown_reservation" },
  key_reused: { kind: "key_reused" },
} as const satisfies Record<string, ConfirmOutcome>;

describe.each(["confirm", "cancel", "extend"] as const)("POST /reservation/:id/%s", (verb) => {
  const path = `/api/inventory/reservation/${RESERVATION_ID}/${verb}`;
  const body = verb === "extend" ? { minutes: 10 } : {};
  const post = (
    outcome: ConfirmOutcome,
    given: object = body,
    as: "admin" | "customer" = "admin",
  ) => {
    const end = answering<EndCommand & ExtendCommand, ConfirmOutcome>(outcome);
    return { end, sent: openApp({ store: { [verb]: end } }).send(path, { as, body: given }) };
  };

  test("200 answers the reservation with its new status", async () => {
    for (const replayed of [false, true]) {
      const { sent } = post({ kind: "done", reservation, replayed });
      const answer = await sent;
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ message: expect.any(String), reservation: RESERVATION });
      expect(answer.headers.get("idempotency-replayed")).toBe(replayed ? "true" : null);
    }
  });

  test("a customer reaches its own only; staff reach all", async () => {
    const own = post({ kind: "done", reservation, replayed: false }, body, "customer");
    await own.sent;
    expect(own.end.commands).toMatchObject([
      { hold: splitReservationId(RESERVATION_ID), customerId: "carol" },
    ]);
    const any = post({ kind: "done", reservation, replayed: false });
    await any.sent;
    expect(any.end.commands).toMatchObject([{ customerId: null }]);
  });

  const refusals = {
    confirm: {
      confirmed: [200, "CONFIRMED"],
      cancelled: [409, "reservation_cancelled"],
      expired: [410, "reservation_expired"],
      replaced: [409, "reservation_replaced"],
      reassigned: [409, "reservation_reassigned"],
    },
    cancel: {
      confirmed: [409, "reservation_confirmed"],
      cancelled: [200, "CANCELLED"],
      expired: [200, "EXPIRED"],
      replaced: [200, "CANCELLED"],
      // Its units are held still: nobody may take this for their release.
      reassigned: [409, "reservation_reassigned"],
    },
    extend: {
      confirmed: [409, "reservation_confirmed"],
      cancelled: [409, "reservation_cancelled"],
      expired: [410, "reservation_expired"],
      replaced: [409, "reservation_replaced"],
      reassigned: [409, "reservation_reassigned"],
    },
  } as const;

  test.each(["confirmed", "cancelled", "expired", "replaced", "reassigned"] as const)(
    "a %s one is answered by its state",
    async (kind) => {
      const answer = await post(OUTCOMES[kind]).sent;
      const [status, word] = refusals[verb][kind];
      expect(answer.status).toBe(status);
      if (status === 200) expect(answer.body).toMatchObject({ reservation: { status: word } });
      else expect(answer.body).toMatchObject({ code: word, reservation: { orderId: "order-1" } });
    },
  );

  test("404 for one that nobody knows, and for another customer's", async () => {
    const unknown = await post(OUTCOMES.unknown).sent;
    expect([unknown.status, unknown.body["code"]]).toEqual([404, "reservation_not_found"]);
    const confirmed = ended("CONFIRMED", "confirmed");
    const { send } = openApp({
      store: { [verb]: async () => OUTCOMES.unknown },
      ledger: { reservation: async () => ({ ...confirmed, customerId: null }) },
    });
    const other = await send(path, { as: "customer", body });
    expect(other.status).toBe(404);
    expect({ ...other.body, requestId: 0 }).toEqual({ ...unknown.body, requestId: 0 });
  });

  test("422 when the key was used with another body", async () => {
    expect((await post(OUTCOMES.key_reused).sent).status).toBe(422);
  });

  if (verb === "extend") {
    test.each([{ minutes: 0 }, { minutes: 61 }, { minutes: 1441 }, { minutes: "5" }, {}])(
      "400 for %j",
      async (given) => {
        const { end, sent } = post(OUTCOMES.unknown, given);
        expect((await sent).status).toBe(400);
        expect(end.commands).toEqual([]);
      },
    );
    test("409 extended_too_often tells how often that was", async () => {
      const extendTooOften = async () => ({
        kind: "too_often" as const,
        extensions: 100,
        reservation,
      });
      const { send } = openApp({ store: { extend: extendTooOften } });
      const answer = await send(path, { as: "customer", body });
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({
        code: "extended_too_often",
        extensions: 100,
        reservation: { orderId: "order-1" },
      });
    });
    test("asks for as many seconds as the minutes have, and tells the longest life", async () => {
      const { end, sent } = post({ kind: "done", reservation, replayed: false });
      await sent;
      const bounds = { holdSecondsMax: 3_600, extensionsMax: 100 };
      expect(end.commands).toMatchObject([{ holdSeconds: 600, ...bounds }]);
    });
    return;
  }

  test("takes a part, a repeated product once with its sum", async () => {
    const lines = [
      { productId: "a", quantity: 1 },
      { productId: "b", quantity: 1 },
      { productId: "a", quantity: 2 },
    ];
    const { end, sent } = post({ kind: "done", reservation, replayed: false }, { lines });
    await sent;
    const summed = [
      { productId: "a", quantity: 3 },
      { productId: "b", quantity: 1 },
    ];
    expect(end.commands).toMatchObject([{ lines: summed }]);
    const all = post({ kind: "done", reservation, replayed: false });
    await all.sent;
    expect(all.end.commands).toMatchObject([{ lines: null }]);
  });

  test("409 for more than is held, with the product, what was asked for and what is held", async () => {
    const lines = [
      { productId: "p1", quantity: 2 },
      { productId: "p2", quantity: 7 },
      { productId: "p1", quantity: 3 },
    ];
    const { status, body: problem } = await post(OUTCOMES.exceeds_held, { lines }).sent;
    expect(status).toBe(409);
    const told = { productId: "p1", requested: 5, held: 1 };
    expect(problem).toMatchObject({ code: "exceeds_held", ...told });
    expect(problem["message"]).toBe("of p1 5 units are asked for, and the reservation has 1");
    expect(problem).not.toHaveProperty("lines");
  });

  test.each([{ lines: [] }, { lines: null }, { lines: [{ productId: "p1", quantity: 0 }] }])(
    "400 for %j",
    async (given) => {
      expect((await post(OUTCOMES.unknown, given).sent).status).toBe(400);
    },
  );
});

describe("GET /reservation/:reservationId", () => {
  const path = `/api/inventory/reservation/${RESERVATION_ID}`;
  test("200 is the bare reservation, for its owner and for staff", async () => {
    for (const as of ["customer", "service", "admin"] as const) {
      const { status, body } = await openApp().send(path, { as });
      expect([status, body]).toEqual([200, RESERVATION]);
    }
  });

  test("404 for another's is the same as for an unknown one", async () => {
    const others = { reservation: async () => reservationOf({ customerId: null }) };
    const foreign = await openApp({ store: others }).send(path, { as: "customer" });
    const unknown = await openApp({ store: { reservation: async () => null } }).send(path, {
      as: "customer",
    });
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, requestId: 0 }).toEqual({ ...unknown.body, requestId: 0 });
  });

  test("an id has one way to be written", async () => {
    const { status, body } = await openApp().send(path.replace("/p0-", "/p00-"), { as: "admin" });
    expect([status, body]).toMatchObject([400, { errors: [{ path: "reservationId" }] }]);
  });

  test("503 instead of a false 404 while the ledger lags", async () => {
    const positions = async () => [{ partition: 0, seq: 9, drained: 8 }];
    const { send } = openApp({
      store: { reservation: async () => null, positions },
      config: { requestDeadlineMs: 50 },
    });
    const { status, body, headers } = await send(path, { as: "admin" });
    expect([status, body["code"], body["retryable"]]).toEqual([503, "ledger_unavailable", true]);
    expect(headers.get("retry-after")).toBe("1");
  });
});

describe("GET /reservations", () => {
  const get = (query: string, as: "admin" | "customer" = "admin") => {
    const reservations = answering({ items: [reservation], nextCursor: null });
    const { send } = openApp({ ledger: { reservations } });
    return { reservations, sent: send(`/api/inventory/reservations${query}`, { as }) };
  };

  test("200 is a page, and hands the whole query to the ledger", async () => {
    const query = "?orderId=o&customerId=c&status=ACTIVE&limit=200";
    const { reservations, sent } = get(query);
    const { status, body } = await sent;
    expect(status).toBe(200);
    expect(body).toEqual({ items: [RESERVATION], nextCursor: null });
    const asked = { orderId: "o", customerId: "c", status: "ACTIVE", cursor: null, limit: 200 };
    expect(reservations.commands).toEqual([asked]);
  });

  test("200 shows a customer its own alone", async () => {
    const { reservations, sent } = get("", "customer");
    expect((await sent).status).toBe(200);
    expect(reservations.commands).toMatchObject([
      { customerId: "carol", orderId: null, limit: 50 },
    ]);
  });

  test("400 for a status that is none, and 403 for a customer that names one", async () => {
    expect((await get("?status=active").sent).status).toBe(400);
    const { reservations, sent } = get("?customerId=dan", "customer");
    expect((await sent).status).toBe(403);
    expect(reservations.commands).toEqual([]);
  });
});

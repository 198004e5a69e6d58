/** Reassign: each status that it may answer. */
import { describe, expect, test } from "bun:test";
import type { Reservation } from "#inventory/model";
import type { ReassignCommand, ReassignOutcome } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { openApp } from "#test/http-app";
import { answering, RESERVATION_ID, reservationOf } from "#test/ports-double";
import { RESERVATION } from "#test/wire-samples";

const PATH = `/api/inventory/reservation/${RESERVATION_ID}/owner`;
const reservation = reservationOf();
const ended = (status: Reservation["status"], endReason: Reservation["endReason"]) =>
  reservationOf({ status, endReason });

describe("POST /reservation/:id/owner", () => {
  const post = (
    outcome: ReassignOutcome,
    body: object = { customerId: "dave" },
    as: "admin" | "service" | "customer" = "service",
  ) => {
    const store = answering<ReassignCommand, ReassignOutcome>(outcome);
    const sent = openApp({ store: { reassign: store } }).send(PATH, { as, body });
    return { commands: store.commands, sent };
  };

  test("200 answers the hold that the new owner has", async () => {
    for (const replayed of [false, true]) {
      const { sent, commands } = post({ kind: "done", reservation, replayed });
      const { status, body, headers } = await sent;
      expect(status).toBe(200);
      expect(body).toEqual({ message: "Reservation reassigned", reservation: RESERVATION });
      expect(headers.get("idempotency-replayed")).toBe(replayed ? "true" : null);
      expect(commands).toMatchObject([
        {
          hold: splitReservationId(RESERVATION_ID),
          customerId: null,
          to: { customerId: "dave", orderId: null },
        },
      ]);
    }
  });

  test.each([
    {},
    { customerId: "" },
    { customerId: null },
    { orderId: 1 },
    { orderId: "x".repeat(129) },
    { customerId: "dave", quantity: 1 },
  ])("400 for %j", async (body) => {
    const { sent, commands } = post({ kind: "done", reservation, replayed: false }, body);
    const answer = await sent;
    expect([answer.status, answer.body["code"]]).toEqual([400, "validation_failed"]);
    expect(commands).toEqual([]);
  });

  test("403 for a customer, be the hold its own", async () => {
    const outcome = { kind: "done", reservation, replayed: false } as const;
    const { sent, commands } = post(outcome, { orderId: "order-2" }, "customer");
    const answer = await sent;
    expect([answer.status, answer.body["code"]]).toEqual([403, "role_required"]);
    expect(commands).toEqual([]);
  });

  test("404 for one that nobody knows", async () => {
    const answer = await post({ kind: "unknown_reservation" }).sent;
    expect([answer.status, answer.body["code"]]).toEqual([404, "reservation_not_found"]);
  });

  const refusals: readonly [string, ReassignOutcome, number][] = [
    [
      "reservation_confirmed",
      { kind: "confirmed", reservation: ended("CONFIRMED", "confirmed") },
      409,
    ],
    [
      "reservation_cancelled",
      { kind: "cancelled", reservation: ended("CANCELLED", "cancelled") },
      409,
    ],
    [
      "reservation_replaced",
      { kind: "cancelled", reservation: ended("CANCELLED", "replaced") },
      409,
    ],
    [
      "reservation_reassigned",
      { kind: "cancelled", reservation: ended("CANCELLED", "reassigned") },
      409,
    ],
    ["reservation_expired", { kind: "expired", reservation: ended("EXPIRED", "expired") }, 410],
    ["reservation_standing", { kind: "standing", reservation }, 409],
    ["order_already_confirmed", { kind: "already_confirmed", reservation }, 409],
  ];
  test.each(refusals)("%s shows the hold that is in the way", async (code, outcome, status) => {
    const answer = await post(outcome).sent;
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, reservation: { reservationId: RESERVATION_ID } });
  });

  test.each([
    ["products", 100],
    ["places", 400],
    ["units", 1_000_000_000],
  ] as const)("409 limit_exceeded names how many %s a hold may have", async (limit, most) => {
    const answer = await post({ kind: "above_hold_limit", limit, reservation }).sent;
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: "limit_exceeded", limit: most });
    expect(answer.body["message"]).toContain(String(most));
    expect(answer.body["reservation"]).toMatchObject({ reservationId: RESERVATION_ID });
  });

  test("422 when the key was used with another body", async () => {
    expect((await post({ kind: "key_reused" }).sent).status).toBe(422);
  });
});

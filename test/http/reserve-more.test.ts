import { describe, expect, test } from "bun:test";
import { ProductId } from "#inventory/model";
import type {
  ConfirmCommand,
  ConfirmOutcome,
  ReserveCommand,
  ReserveOutcome,
} from "#inventory/ports";
import { openApp } from "#test/http-app";
import {
  answering,
  PRODUCT_ID,
  RESERVATION_ID,
  reservationOf,
  shortLine,
} from "#test/ports-double";
import { RESERVATION, SHORT_LINE } from "#test/wire-samples";

const reservation = reservationOf();
const short = [shortLine(PRODUCT_ID, 5, 2)];
const cart = { orderId: "order-1", items: [{ productId: "p1", quantity: 5 }] };

function post(
  body: object,
  outcome: ReserveOutcome = { kind: "reserved", reservation, short: [] },
  as: "customer" | "service" = "customer",
) {
  const reserve = answering<ReserveCommand, ReserveOutcome>(outcome);
  const { send } = openApp({ store: { reserve } });
  return { reserve, sent: send("/api/inventory/reservations", { as, body }) };
}

describe("POST /reservations", () => {
  test("201 with best effort names what each line lacks", async () => {
    const { reserve, sent } = post(
      { ...cart, mode: "best_effort" },
      { kind: "reserved", reservation, short },
    );
    const { status, body } = await sent;
    expect(status).toBe(201);
    expect(body).toEqual({
      message: "A part of the stock is reserved",
      reservation: RESERVATION,
      shortages: [SHORT_LINE],
    });
    expect(reserve.commands).toMatchObject([{ mode: "best_effort", dryRun: false }]);
  });

  test("200 to a dry run, with what each line would get", async () => {
    const lines = [{ productId: ProductId.parse("p1"), quantity: 2 }];
    const { reserve, sent } = post({ ...cart, dryRun: true }, { kind: "possible", lines, short });
    const { status, body } = await sent;
    expect([status, body]).toEqual([
      200,
      {
        message: "A part of the stock can be reserved",
        dryRun: true,
        lines: [{ productId: "p1", quantity: 2 }],
        shortages: [SHORT_LINE],
      },
    ]);
    expect(reserve.commands).toMatchObject([{ mode: "all_or_nothing", dryRun: true }]);
  });

  test("201 for a standing hold of a service, which has no due time", async () => {
    const standing = reservationOf({ expiresAt: null });
    const { reserve, sent } = post(
      { ...cart, standing: true },
      { kind: "reserved", reservation: standing, short: [] },
      "service",
    );
    const { status, body } = await sent;
    expect([status, body["reservation"]]).toEqual([201, { ...RESERVATION, expiresAt: null }]);
    expect(reserve.commands).toMatchObject([{ holdSeconds: null, adds: false }]);
  });

  test("403 for a standing hold of a customer, and 400 with a due time: nothing is held", async () => {
    const mine = post({ ...cart, standing: true });
    expect((await mine.sent).body).toMatchObject({ status: 403, code: "role_required" });
    const timed = post({ ...cart, standing: true, expirationMinutes: 5 }, undefined, "service");
    expect((await timed.sent).body).toMatchObject({
      status: 400,
      errors: [{ path: "expirationMinutes" }],
    });
    expect([...mine.reserve.commands, ...timed.reserve.commands]).toEqual([]);
  });

  test.each([
    ["mode", "some"],
    ["dryRun", "yes"],
    ["standing", 1],
  ])("400 for the %s %p", async (name, value) => {
    const { reserve, sent } = post({ ...cart, [name]: value });
    const { body } = await sent;
    expect(body).toMatchObject({ status: 400, errors: [{ path: name }] });
    expect(reserve.commands).toEqual([]);
  });
});

describe("POST /reservation/:id/confirm", () => {
  const path = `/api/inventory/reservation/${RESERVATION_ID}/confirm`;
  const confirm = (body: object, outcome: ConfirmOutcome) => {
    const called = answering<ConfirmCommand, ConfirmOutcome>(outcome);
    const { send } = openApp({ store: { confirm: called } });
    return { called, sent: send(path, { as: "customer", body }) };
  };

  test("asks for a sale after expiry only where the caller or the configuration says so", async () => {
    const done: ConfirmOutcome = { kind: "done", reservation, replayed: false };
    const late = confirm({ onExpired: "reacquire" }, done);
    expect((await late.sent).status).toBe(200);
    expect(late.called.commands).toMatchObject([
      { reacquireAs: expect.any(String), context: { reference: RESERVATION_ID } },
    ]);
    const plain = confirm({}, done);
    await plain.sent;
    expect(plain.called.commands[0]).not.toHaveProperty("reacquireAs");
    expect(plain.called.commands[0]?.context).not.toHaveProperty("reference");
  });

  test("409 explains what is short when the stock of an expired hold is gone", async () => {
    const { sent } = confirm({ onExpired: "reacquire" }, { kind: "insufficient", lines: short });
    expect((await sent).body).toMatchObject({
      status: 409,
      code: "insufficient_stock",
      lines: [SHORT_LINE],
    });
  });

  test("409 explains what its customer may have of what expired", async () => {
    const quota = { maxPerCustomer: 3, left: 2 };
    const lines = short.map((line) => ({ ...line, quota }));
    const { sent } = confirm({ onExpired: "reacquire" }, { kind: "above_quota", lines });
    expect((await sent).body).toMatchObject({
      status: 409,
      code: "limit_exceeded",
      lines: [{ ...SHORT_LINE, limit: quota }],
    });
  });

  test("400 for another word", async () => {
    const { sent } = confirm({ onExpired: "extend" }, { kind: "unknown_reservation" });
    expect((await sent).body).toMatchObject({ status: 400, errors: [{ path: "onExpired" }] });
  });
});

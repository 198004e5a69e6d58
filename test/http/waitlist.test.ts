/** The waitlist of a product: each status that its routes may answer. */
import { describe, expect, test } from "bun:test";
import type {
  JoinCommand,
  JoinOutcome,
  LeaveCommand,
  LeaveOutcome,
  PlaceOutcome,
} from "#inventory/waitlist-ports";
import { ownerOf } from "#inventory/owner";
import { OrderId } from "#inventory/model";
import { openApp } from "#test/http-app";
import { answering, CAROL, PRODUCT_ID, reservationOf, shortLine } from "#test/ports-double";
import { WAITER } from "#test/waitlist-double";
import { RESERVATION } from "#test/wire-samples";

const PATH = `/api/inventory/product/${PRODUCT_ID}/waitlist`;
const inLine = { kind: "waiting", waiter: WAITER, position: 3, waiting: 5 } as const;
const offered = { kind: "offered", reservation: reservationOf() } as const;
const body = { quantity: 2, orderId: "order-1" };

const PLACE = {
  productId: PRODUCT_ID,
  status: "waiting",
  position: 3,
  waiting: 5,
  quantity: 2,
  joinedAt: "2025-01-01T00:00:00.000Z",
  reservationId: WAITER.reservationId,
  reservation: null,
};
const OFFERED = {
  ...PLACE,
  status: "offered",
  position: null,
  waiting: null,
  quantity: RESERVATION.quantity,
  joinedAt: null,
  reservation: RESERVATION,
};
const NONE = {
  ...PLACE,
  status: "none",
  position: null,
  waiting: 4,
  quantity: null,
  joinedAt: null,
  reservationId: null,
};

type Role = "admin" | "service" | "customer";

describe("POST /product/:id/waitlist", () => {
  const post = (outcome: JoinOutcome, sent: object = body, as: Role = "customer") => {
    const join = answering<JoinCommand, JoinOutcome>(outcome);
    return {
      commands: join.commands,
      sent: openApp({ waitlist: { join } }).send(PATH, { as, body: sent }),
    };
  };

  test("201 tells the place, as the owner that a reserve would name", async () => {
    for (const replayed of [false, true]) {
      const { sent, commands } = post({ ...inLine, replayed });
      const answer = await sent;
      expect([answer.status, answer.body]).toEqual([201, { message: "In line", place: PLACE }]);
      expect(answer.headers.get("idempotency-replayed")).toBe(replayed ? "true" : null);
      expect(commands).toMatchObject([
        {
          productId: PRODUCT_ID,
          owner: ownerOf(CAROL, OrderId.parse("order-1"), PRODUCT_ID),
          customerId: CAROL,
          quantity: 2,
          holdSeconds: 900,
          context: { reason: "joined", reference: "waiting:p1", customerId: CAROL },
        },
      ]);
    }
  });

  test("200 tells a reservation of that order that lives", async () => {
    const { status, body: told } = await post(offered).sent;
    expect(status).toBe(200);
    expect(told).toEqual({ message: "A reservation of this order lives", place: OFFERED });
  });

  test.each<object>([
    {},
    { orderId: "o" },
    { ...body, quantity: 0 },
    { ...body, location: "Dock" },
  ])("400 for %j", async (sent) => {
    const { sent: answer, commands } = post({ ...inLine, replayed: false }, sent);
    expect((await answer).status).toBe(400);
    expect(commands).toEqual([]);
  });

  test("403 for a customer that names one", async () => {
    const named = { ...body, customerId: "dave" };
    const answer = await post({ ...inLine, replayed: false }, named).sent;
    expect([answer.status, answer.body["code"]]).toEqual([403, "role_required"]);
    expect((await post({ ...inLine, replayed: false }, named, "service").sent).status).toBe(201);
  });

  test("404 for a product that is not there", async () => {
    const answer = await post({ kind: "unknown_product" }).sent;
    expect([answer.status, answer.body["code"]]).toEqual([404, "product_not_found"]);
  });

  test.each<[code: string, outcome: JoinOutcome]>([
    ["units_available", { kind: "available", quantity: 2 }],
    ["order_already_confirmed", { kind: "already_confirmed", reservation: reservationOf() }],
    ["limit_exceeded", { kind: "line_full" }],
    ["limit_exceeded", { kind: "too_many_places" }],
    [
      "limit_exceeded",
      {
        kind: "above_quota",
        lines: [{ ...shortLine(PRODUCT_ID, 2, 0), quota: { maxPerCustomer: 1, left: 0 } }],
      },
    ],
  ])("409 %s", async (code, outcome) => {
    const answer = await post(outcome).sent;
    expect([answer.status, answer.body["code"]]).toEqual([409, code]);
  });

  test("422 for a key of another request", async () => {
    expect((await post({ kind: "key_reused" }).sent).status).toBe(422);
  });
});

describe("POST /product/:id/waitlist/leave", () => {
  const post = (outcome: LeaveOutcome) => {
    const leave = answering<LeaveCommand, LeaveOutcome>(outcome);
    const sent = { as: "customer", body: { orderId: "order-1" } } as const;
    return openApp({ waitlist: { leave } }).send(`${PATH}/leave`, sent);
  };

  test("200 for who left, for who did not wait, and with what was offered", async () => {
    const told = async (outcome: LeaveOutcome) => (await post(outcome)).body;
    const left = await post({ kind: "left", waiting: 4, replayed: true });
    expect([left.status, left.body]).toEqual([200, { message: "Left the line", place: NONE }]);
    expect(left.headers.get("idempotency-replayed")).toBe("true");
    const absent = await told({ kind: "absent", waiting: 4 });
    expect(absent).toEqual({ message: "Not in line", place: NONE });
    expect(await told(offered)).toMatchObject({ place: OFFERED });
  });

  test("404 and 422", async () => {
    expect((await post({ kind: "unknown_product" })).status).toBe(404);
    expect((await post({ kind: "key_reused" })).status).toBe(422);
  });
});

describe("GET /product/:id/waitlist", () => {
  const get = (outcome: PlaceOutcome, query = "?orderId=order-1", as: Role = "customer") =>
    openApp({ waitlist: { place: async () => outcome } }).send(`${PATH}${query}`, { as });

  test("200 tells the place, what was offered, or that there is none", async () => {
    const answers = await Promise.all(
      [inLine, offered, { kind: "absent", waiting: 4 } as const].map((it) => get(it)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.map((answer) => answer.body)).toEqual([PLACE, OFFERED, NONE]);
  });

  test("400, 403 and 404", async () => {
    expect((await get(inLine, "")).status).toBe(400);
    expect((await get(inLine, "?orderId=order-1&customerId=dave")).status).toBe(403);
    expect((await get({ kind: "unknown_product" })).status).toBe(404);
  });
});

describe("GET /product/:id/waitlist/places", () => {
  test("200 tells who waits, page by page; the cursor is of this product", async () => {
    const asked: number[] = [];
    const app = openApp({
      waitlist: {
        line: async ({ after }) => {
          asked.push(after);
          return { waiting: 9, waiters: [WAITER] };
        },
      },
    });
    const first = await app.send(`${PATH}/places?limit=1`, { as: "admin" });
    expect(first.body).toMatchObject({
      waiting: 9,
      items: [{ orderId: "order-1", customerId: CAROL, quantity: 2 }],
    });
    const cursor = String(first.body["nextCursor"]);
    await app.send(`${PATH}/places?limit=1&cursor=${cursor}`, { as: "admin" });
    expect(asked).toEqual([0, WAITER.joinedSeq]);
    expect(
      (await app.send(`${PATH}/places?limit=2`, { as: "admin" })).body["nextCursor"],
    ).toBeNull();
    expect((await app.send(`${PATH}/places?cursor=x`, { as: "admin" })).status).toBe(400);
    const other = PATH.replace("p1", "p2");
    expect((await app.send(`${other}/places?cursor=${cursor}`, { as: "admin" })).status).toBe(400);
    const gone = openApp({ waitlist: { line: async () => null } });
    expect((await gone.send(`${PATH}/places`, { as: "admin" })).status).toBe(404);
  });
});

test("409 waitlist is what a reserve hears while others wait, and what to call", async () => {
  const lines = [{ ...shortLine(PRODUCT_ID, 1, 0), waiting: 7 }];
  const reserve = async () => ({ kind: "insufficient", lines }) as const;
  const path = `/api/inventory/product/${PRODUCT_ID}/reserve`;
  const { status, body: told } = await openApp({ store: { reserve } }).send(path, {
    as: "customer",
    body,
  });
  expect([status, told["code"]]).toEqual([409, "waitlist"]);
  expect(told["message"]).toContain(`7 wait for it, and what is free is theirs: POST ${PATH}`);
  expect(told["lines"]).toMatchObject([{ productId: PRODUCT_ID, waiting: 7 }]);
});

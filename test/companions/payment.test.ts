/** Payment as a process beside orders: what each outcome makes of its order. */
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { signedHeaders } from "#companions/shell/signature";
import { openOrdersShop, Order } from "#test/orders";
import { openPayments, Payment } from "#test/payments";
import { ask, PAYMENT_SECRET, type Answer } from "#test/shop";
import { until } from "#test/until";

const bed = await openOrdersShop();
const { admin, john } = bed;
const orders = await bed.startOrders();
const pays = await openPayments(bed, orders);
afterAll(async () => {
  await pays[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const SOON = { withinMs: 30_000 };
const STOCK = 10;
const product = await bed.product(STOCK, { price: 0.1 });
const order = async (customerId: number | string = 1, productId = product, token = admin) => {
  const body = { customerId, items: [{ productId, quantity: 3 }] };
  return Order.parse((await ask(orders, "POST", "/api/orders", body, token)).body).id;
};
const orderOf = async (id: number) =>
  Order.parse((await ask(orders, "GET", `/api/orders/${id}`, undefined, admin)).body);
const orderBecomes = (id: number, status: string) =>
  until(async () => (await orderOf(id)).status === status, {
    ...SOON,
    what: `order ${id} is ${status}`,
  });
const put = (id: number, status: string): Promise<Answer> =>
  ask(orders, "PUT", `/api/orders/${id}/status`, { status }, admin);

test("a payment that succeeds confirms its order; its amount is the order's", async () => {
  const productId = await bed.product(STOCK, { price: 0.1 });
  const orderId = await order(7, productId);
  const answer = await pays.post({ orderId, method: "card_ok" });
  expect(answer).toMatchObject({
    status: 201,
    body: { orderId, customerId: "7", amount: 0.3, method: "card_ok" },
  });
  const { id } = Payment.parse(answer.body);
  expect(answer.headers.get("location")).toBe(`/api/payments/${id}`);
  await orderBecomes(orderId, "CONFIRMED");
  expect(await orderOf(orderId)).toMatchObject({ paymentId: id, totalAmount: 0.3 });
  expect(await pays.get(id)).toMatchObject({ status: "SUCCEEDED" });
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK - 3, reservedStock: 0 });
});

test("a payment that fails cancels its order, and says why", async () => {
  const productId = await bed.product(STOCK);
  const orderId = await order(1, productId);
  const { id } = Payment.parse((await pays.post({ orderId, method: "card_declined" })).body);
  await orderBecomes(orderId, "CANCELLED");
  expect(await orderOf(orderId)).toMatchObject({ reason: "the payment failed" });
  expect(await pays.become(id, "FAILED")).toMatchObject({ reason: "the card was declined" });
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK, reservedStock: 0 });
  expect((await pays.post({ orderId, method: "card_ok" })).status).toBe(409);
});

test("a payment that is decided by itself after a while is pending until then", async () => {
  const orderId = await order(1, await bed.product(STOCK));
  const { id, status } = Payment.parse(
    (await pays.post({ orderId, method: "card_late", delaySeconds: 2 })).body,
  );
  expect(status).toBe("PENDING");
  expect(await orderOf(orderId)).toMatchObject({ status: "PENDING" });
  await pays.become(id, "SUCCEEDED");
  await orderBecomes(orderId, "CONFIRMED");
});

test("a payment of an order that was cancelled on purpose is given back", async () => {
  const productId = await bed.product(STOCK);
  const orderId = await order(1, productId);
  const { id } = await pays.begin(orderId);
  expect((await put(orderId, "CANCELLED")).status).toBe(200);
  expect((await pays.decide(id, "SUCCEEDED")).status).toBe(200);
  const { reason } = await pays.become(id, "REFUNDED");
  expect(reason).toBe("the order was cancelled: it was cancelled");
  expect(await orderOf(orderId)).toMatchObject({ status: "CANCELLED" });
  expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK, reservedStock: 0 });
});

test("a payment of an order that somebody confirmed without one is its payment", async () => {
  const orderId = await order(1, await bed.product(STOCK));
  const { id } = await pays.begin(orderId);
  expect((await put(orderId, "CONFIRMED")).status).toBe(200);
  await pays.decide(id, "SUCCEEDED");
  await pays.settled();
  expect(await pays.get(id)).toMatchObject({ status: "SUCCEEDED" });
  expect(await orderOf(orderId)).toMatchObject({ status: "CONFIRMED", paymentId: id });
});

test("an order has one payment: the same key is the same one, another is refused", async () => {
  const orderId = await order(1, await bed.product(STOCK));
  const body = { orderId, method: "card_open" };
  const same = await Promise.all(Array.from({ length: 8 }, () => pays.post(body, admin, "once")));
  expect(new Set(same.map(({ status }) => status))).toEqual(new Set([201]));
  const ids = new Set(same.map((answer) => Payment.parse(answer.body).id));
  expect(ids.size).toBe(1);
  const [paymentId = ""] = ids;
  expect((await pays.post({ orderId, method: "card_ok" }, admin, "once")).status).toBe(422);
  expect(await pays.post(body)).toMatchObject({ status: 409, body: { paymentId } });
  const other = await order(1, await bed.product(STOCK));
  const begun = await Promise.all(
    Array.from({ length: 8 }, () => pays.post({ orderId: other, method: "card_ok" })),
  );
  expect(begun.filter(({ status }) => status === 201)).toHaveLength(1);
  await orderBecomes(other, "CONFIRMED");
  expect((await pays.post({ orderId: other, method: "card_ok" })).status).toBe(409);
  const listed = await ask(pays.service, "GET", `/api/payments?orderId=${other}`, undefined, admin);
  expect(Payment.array().parse(listed.body)).toHaveLength(1);
});

test("a customer pays, and sees, its own alone, and decides nothing", async () => {
  const productId = await bed.product(STOCK);
  const own = await order(bed.johnId, productId, john);
  const others = await order("somebody", productId);
  expect((await pays.post({ orderId: others, method: "card_ok" }, john)).status).toBe(404);
  const { id } = Payment.parse((await pays.post({ orderId: own, method: "card_open" }, john)).body);
  const theirs = await pays.begin(others);
  const get = (path: string, token: string) =>
    ask(pays.service, "GET", `/api/payments${path}`, undefined, token);
  expect((await get(`/${theirs.id}`, john)).status).toBe(404);
  expect((await get(`/${id}`, john)).body).toMatchObject({ id, customerId: bed.johnId });
  expect(Payment.array().parse((await get("", john)).body)).toMatchObject([{ id }]);
  const path = `/api/payments/${id}/outcome`;
  const word = { outcome: "SUCCEEDED" };
  expect((await ask(pays.service, "POST", path, word, john)).status).toBe(403);
  await using strict = await bed.shop.start("payment", {
    NODE_ENV: "production",
    ORDERS_URL: orders.url,
  });
  expect((await ask(strict, "POST", "/api/payments", {})).status).toBe(401);
  expect((await ask(strict, "GET", `/api/payments/${id}`)).status).toBe(401);
});

test("while orders are away nothing is begun; what was decided is told when they are back", async () => {
  const orderId = await order(1, await bed.product(STOCK));
  const { id } = await pays.begin(orderId);
  await orders.kill();
  expect((await pays.post({ orderId, method: "card_ok" })).status).toBe(503);
  expect((await pays.decide(id, "SUCCEEDED")).status).toBe(200);
  // It was tried in vain, and whoever tried is gone.
  await until(async () => (await pays.triesOf(id)) > 0, { ...SOON, what: "it was tried" });
  await pays.service.kill();
  await orders.restart();
  await pays.service.restart();
  await orderBecomes(orderId, "CONFIRMED");
});

describe("what is wrong is refused, and makes nothing:", () => {
  test.each<[what: string, body: object, status: number, field: string]>([
    ["no order", { method: "card_ok" }, 400, "orderId"],
    ["an order 0", { orderId: 0, method: "card_ok" }, 400, "orderId"],
    ["an order that there is not", { orderId: 999_999, method: "card_ok" }, 404, "orderId"],
    ["no method", { orderId: 1 }, 400, "method"],
    ["a real card", { orderId: 1, method: "4242424242424242" }, 400, "method"],
    ["an amount", { orderId: 1, method: "card_ok", amount: 1 }, 400, "amount"],
    ["a delay below 0", { orderId: 1, method: "card_late", delaySeconds: -1 }, 400, "delaySeconds"],
    [
      "a delay of a word",
      { orderId: 1, method: "card_open", delaySeconds: 1 },
      400,
      "delaySeconds",
    ],
  ])("%s", async (_what, body, status, field) => {
    expect(await pays.post(body)).toMatchObject({ status, body: { field } });
  });
});

test("an id that no payment has is of none", async () => {
  for (const id of ["x", "%00", `pay_${"a".repeat(25)}`]) {
    const answer = await ask(pays.service, "GET", `/api/payments/${id}`, undefined, admin);
    expect([id, answer.status]).toEqual([id, 404]);
  }
});

describe("what orders are told, and by whom:", () => {
  const Told = z.looseObject({ verdict: z.string() });
  const tell = async (
    type: string,
    data: object,
    { secret = PAYMENT_SECRET, now = Date.now(), id = "msg_1", at = orders } = {},
  ) => {
    const body = JSON.stringify({ type, data });
    const headers = signedHeaders({ id, body }, [secret], now);
    const response = await fetch(`${at.url}/internal/payments`, {
      method: "POST",
      body,
      headers,
    });
    return { status: response.status, body: await response.json() };
  };
  const SUCCEEDED = "payment.succeeded";
  const FAILED = "payment.failed";
  const verdictOf = ({ body }: { readonly body: unknown }) => Told.parse(body).verdict;

  test("an unsigned, wrongly signed or old call changes nothing", async () => {
    const orderId = await order(1, await bed.product(STOCK));
    const data = { paymentId: "pay_x", orderId, amount: 0.3 };
    const unsigned = await ask(orders, "POST", "/internal/payments", { type: SUCCEEDED, data });
    expect(unsigned.status).toBe(401);
    const known = await ask(orders, "POST", "/internal/payments", { type: SUCCEEDED, data }, admin);
    expect(known.status).toBe(401);
    const secret = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA";
    expect((await tell(SUCCEEDED, data, { secret })).status).toBe(401);
    expect((await tell(SUCCEEDED, data, { now: Date.now() - 400_000 })).status).toBe(401);
    expect((await tell("payment.other", data)).status).toBe(400);
    expect(await orderOf(orderId)).toMatchObject({ status: "PENDING" });
  });

  test("the same call many times, also at once, is one", async () => {
    const productId = await bed.product(STOCK, { price: 0.1 });
    const orderId = await order(1, productId);
    const data = { paymentId: `pay_${orderId}`, orderId, amount: 0.3 };
    const answers = await Promise.all(Array.from({ length: 8 }, () => tell(SUCCEEDED, data)));
    for (const answer of [...answers, await tell(SUCCEEDED, data)]) {
      expect(answer).toMatchObject({ status: 200, body: { verdict: "kept" } });
    }
    expect(await orderOf(orderId)).toMatchObject({
      status: "CONFIRMED",
      paymentId: data.paymentId,
    });
    expect(await bed.stock(productId)).toMatchObject({ totalStock: STOCK - 3, reservedStock: 0 });
  });

  test("another amount, or an order that there is not, is refused for good", async () => {
    const orderId = await order(1, await bed.product(STOCK, { price: 0.1 }));
    const data = { paymentId: `pay_${orderId}`, orderId, amount: 0.31 };
    expect(await tell(SUCCEEDED, data)).toMatchObject({
      status: 422,
      body: { code: "amount_mismatch" },
    });
    expect(await tell(SUCCEEDED, { ...data, orderId: 999_999 })).toMatchObject({
      status: 404,
      body: { code: "order_unknown" },
    });
    expect(await orderOf(orderId)).toMatchObject({ status: "PENDING" });
    // One payment is of one order.
    const right = { ...data, amount: 0.3 };
    expect(verdictOf(await tell(SUCCEEDED, right))).toBe("kept");
    const other = await order(1, await bed.product(STOCK, { price: 0.1 }));
    expect(await tell(SUCCEEDED, { ...right, orderId: other })).toMatchObject({
      status: 422,
      body: { code: "payment_mismatch" },
    });
    expect(await orderOf(other)).toMatchObject({ status: "PENDING" });
  });

  test("a failure behind a success changes nothing, and a success behind a failure goes back", async () => {
    const [first, second] = [
      await order(1, await bed.product(STOCK, { price: 0.1 })),
      await order(1, await bed.product(STOCK, { price: 0.1 })),
    ];
    const kept = { paymentId: `pay_${first}`, orderId: first, amount: 0.3 };
    expect(verdictOf(await tell(SUCCEEDED, kept))).toBe("kept");
    expect(verdictOf(await tell(FAILED, kept))).toBe("noted");
    expect(verdictOf(await tell(SUCCEEDED, kept))).toBe("kept");
    expect(await orderOf(first)).toMatchObject({ status: "CONFIRMED" });
    const given = { paymentId: `pay_${second}`, orderId: second, amount: 0.3 };
    expect(verdictOf(await tell(FAILED, given))).toBe("noted");
    expect(verdictOf(await tell(SUCCEEDED, given))).toBe("refund");
    expect(verdictOf(await tell(FAILED, given))).toBe("noted");
    expect(verdictOf(await tell(SUCCEEDED, given))).toBe("refund");
    expect(await orderOf(second)).toMatchObject({ status: "CANCELLED" });
  });

  test("of two payments of one order one is kept, whichever comes first", async () => {
    const orderId = await order(1, await bed.product(STOCK, { price: 0.1 }));
    const verdicts = await Promise.all(
      ["a", "b", "c", "d"].map(async (name) =>
        verdictOf(
          await tell(SUCCEEDED, { paymentId: `pay_${orderId}${name}`, orderId, amount: 0.3 }),
        ),
      ),
    );
    expect(verdicts.toSorted()).toEqual(["kept", "refund", "refund", "refund"]);
    expect(verdictOf(await tell(FAILED, { paymentId: "pay_f", orderId, amount: 0.3 }))).toBe(
      "noted",
    );
    expect(await orderOf(orderId)).toMatchObject({ status: "CONFIRMED" });
  });

  test("while the secret changes, each side may have the new one first", async () => {
    const secret = "whsec_dGhlIG5ldyBzZWNyZXQgb2YgdGhpcyBzaG9w";
    const changing = { PAYMENT_SECRET: secret, PAYMENT_SECRET_PREVIOUS: PAYMENT_SECRET };
    const orderId = await order(1, await bed.product(STOCK));
    // Of the two that could tell it only the one with the new secret is there.
    await pays.service.kill();
    await using changed = await openPayments(bed, orders, changing);
    await changed.post({ orderId, method: "card_ok" });
    await orderBecomes(orderId, "CONFIRMED");
    await changed.settled();
    await using newOrders = await bed.startOrders(changing);
    const other = await order(1, await bed.product(STOCK, { price: 0.1 }));
    const data = { paymentId: `pay_${other}`, orderId: other, amount: 0.3 };
    for (const signer of [PAYMENT_SECRET, secret]) {
      expect(verdictOf(await tell(SUCCEEDED, data, { secret: signer, at: newOrders }))).toBe(
        "kept",
      );
    }
    expect((await tell(SUCCEEDED, data, { secret })).status).toBe(401);
    await changed.service.kill();
    await pays.service.restart();
  });
});

test("afterwards payments, orders, reservations and the ledger agree", async () => {
  await pays.settled();
  // What was told by hand above is of no payment that the service knows.
  const { wrong, seen } = await pays.audit(orders);
  expect(wrong.filter((line) => !/^order \d+ has no payment$/.test(line))).toEqual([]);
  expect(seen).toBeGreaterThanOrEqual(8);
  await until(async () => (await bed.audit(orders)).wrong.length === 0, {
    ...SOON,
    what: "orders and reservations agree",
  });
});

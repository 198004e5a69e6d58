import { describe, expect, test } from "bun:test";
import type { Caller, RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { CustomerId, Location, OrderId, ProductId } from "#inventory/model";
import { CART_SCOPE, ownerOf } from "#inventory/owner";
import type { ReserveCommand, ReserveOutcome } from "#inventory/ports";
import { reserve, type ReserveInput } from "#inventory/reserve";
import { answering, depsOf, reservationOf } from "#test/ports-double";

const [a, b] = [ProductId.parse("a"), ProductId.parse("b")];
const [carol, dan] = [CustomerId.parse("carol"), CustomerId.parse("dan")];
const orderId = OrderId.parse("o-1");
const line = (productId: ProductId, quantity = 1, location: Location | null = null) => {
  return { productId, quantity, location };
};

export function requestOf(role: Caller["role"], subject = carol): RequestContext {
  return { caller: { role, subject }, requestId: "r-1", operation: null, deadline: Infinity };
}

async function commandOf(ctx: RequestContext, input: Partial<ReserveInput>) {
  const store = { reserve: answering<ReserveCommand, ReserveOutcome>(OUTCOME) };
  const whole = { orderId, customerId: null, scope: a, lines: [line(a)], expirationMinutes: null };
  const outcome = await reserve(depsOf({ store }), ctx, { ...whole, ...input });
  expect(outcome).toEqual(OUTCOME);
  const [command] = store.reserve.commands;
  if (command === undefined) throw new Error("the store was not asked");
  return command;
}
const OUTCOME = { kind: "reserved", short: [], reservation: reservationOf() } as const;

describe("the owner of a hold", () => {
  test("is 128 bits of the customer, the order and the scope, apart from one another", () => {
    const owners = [
      ownerOf(carol, orderId, a),
      ownerOf(dan, orderId, a),
      ownerOf(null, orderId, a),
      ownerOf(carol, OrderId.parse("o-2"), a),
      ownerOf(carol, orderId, b),
      ownerOf(carol, orderId, CART_SCOPE),
      ownerOf(CustomerId.parse("null"), orderId, a),
      ownerOf(CustomerId.parse('carol","o-1'), OrderId.parse("x"), a),
      ownerOf(carol, OrderId.parse('o-1","x'), a),
    ];
    expect(new Set(owners).size).toBe(owners.length);
    for (const owner of owners) expect(owner).toMatch(/^[0-9a-f]{32}$/);
  });

  test("never changes: holds that live in Redis are found by it", () => {
    expect(ownerOf(carol, orderId, a)).toBe("4eaf5028848b1a733926c2e8e24dac17");
  });

  test("is the customer's own for customers, whoever the others name", async () => {
    const own = ownerOf(carol, orderId, a);
    expect((await commandOf(requestOf("customer"), {})).owner).toBe(own);
    const named = await commandOf(requestOf("service"), { customerId: carol });
    expect(named).toMatchObject({ owner: own, customerId: carol });
    const alone = await commandOf(requestOf("admin"), {});
    expect(alone).toMatchObject({ owner: ownerOf(null, orderId, a), customerId: null });
  });

  test("is never chosen by a customer", async () => {
    for (const customerId of [carol, dan]) {
      const refused = commandOf(requestOf("customer"), { customerId });
      await expect(refused).rejects.toMatchObject({ code: "role_required" });
    }
  });
});

describe("lines", () => {
  test("of one product are summed, in the order in which products came", async () => {
    const command = await commandOf(requestOf("admin"), {
      scope: CART_SCOPE,
      lines: [line(b, 2), line(a, 1), line(b, 3)],
    });
    expect(command.lines).toEqual([line(b, 5), line(a, 1)]);
    expect(command.owner).toBe(ownerOf(null, orderId, CART_SCOPE));
  });

  test("of one product at two places are refused: a hold has one wish a product", async () => {
    const place = Location.parse("B");
    for (const lines of [
      [line(a), line(a, 1, place)],
      [line(a, 1, place), line(a)],
    ]) {
      const refused = commandOf(requestOf("admin"), { lines });
      await expect(refused).rejects.toMatchObject({ errors: [{ path: "items[1].location" }] });
    }
    const same = await commandOf(requestOf("admin"), {
      lines: [line(a, 1, place), line(a, 1, place)],
    });
    expect(same.lines).toEqual([line(a, 2, place)]);
  });

  test("never sum up to more than one operation may move", async () => {
    const lines = [line(a, 5e8), line(a, 5e8)];
    expect((await commandOf(requestOf("admin"), { lines })).lines).toEqual([line(a, 1e9)]);
    const refused = commandOf(requestOf("admin"), { lines: [...lines, line(a)] });
    await expect(refused).rejects.toMatchObject({ errors: [{ path: "items[2].quantity" }] });
  });
});

describe("the life of a hold", () => {
  test("is as configured unless the caller says otherwise, and never longer than allowed", async () => {
    const seconds = async (expirationMinutes: number | null) =>
      (await commandOf(requestOf("admin"), { expirationMinutes })).holdSeconds;
    expect(await seconds(null)).toBe(900);
    expect(await seconds(1)).toBe(60);
    expect(await seconds(60)).toBe(3600);
    const refused = seconds(61);
    await expect(refused).rejects.toBeInstanceOf(Fault);
    await expect(refused).rejects.toMatchObject({ errors: [{ path: "expirationMinutes" }] });
  });
});

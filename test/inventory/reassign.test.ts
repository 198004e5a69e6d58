/** Whose a hold becomes: the owner that reserve would say, and nobody's by a customer's word. */
import { describe, expect, test } from "bun:test";
import { reassign } from "#inventory/reassign";
import type { RequestContext, Role } from "#inventory/context";
import { CustomerId, OrderId, ProductId, type Reservation } from "#inventory/model";
import { CART_SCOPE, ownerOf, standingScopeOf, type Scope } from "#inventory/owner";
import type { ReassignCommand, ReassignOutcome } from "#inventory/ports";
import { reservationIdOf } from "#inventory/reservation-id";
import { answering, depsOf, PRODUCT_ID, reservationOf, type Doubles } from "#test/ports-double";

const request = (role: Role = "service"): RequestContext => ({
  caller: { role, subject: CustomerId.parse("shop") },
  requestId: "r-1",
  operation: null,
  deadline: Date.now() + 40,
});
const guest = { customerId: null, orderId: OrderId.parse("order-1") };
const carol = CustomerId.parse("carol");
const other = OrderId.parse("order-2");

/** A hold as reserve makes it. */
function holdOf(whose: Pick<Reservation, "customerId" | "orderId">, scope: Scope): Reservation {
  const owner = ownerOf(whose.customerId, whose.orderId, scope);
  return reservationOf({ ...whose, reservationId: reservationIdOf(0, owner, "aaaaaaaa") });
}

/** What the store is asked for such a hold; null: it has none. */
async function asked(
  hold: Reservation | null,
  to: Partial<Pick<Reservation, "customerId" | "orderId">>,
  doubles: Doubles = {},
) {
  const reservation = hold ?? reservationOf();
  const outcome = { kind: "done", reservation, replayed: false } as const;
  const store = answering<ReassignCommand, ReassignOutcome>(outcome);
  const deps = depsOf({
    ...doubles,
    store: { reservation: async () => hold, reassign: store, ...doubles.store },
  });
  const { reservationId } = reservation;
  await reassign(deps, request(), { reservationId, customerId: null, orderId: null, ...to });
  const [command] = store.commands;
  if (!command) throw new Error("the store was not asked");
  return command;
}

describe("the new owner is the one that reserve would say", () => {
  const scopes: readonly Scope[] = [PRODUCT_ID, CART_SCOPE];
  test.each(scopes)("of a hold on %s", async (scope) => {
    const hold = holdOf(guest, scope);
    const named = await asked(hold, { customerId: carol });
    expect(named.to).toEqual({
      customerId: carol,
      orderId: null,
      owner: ownerOf(carol, guest.orderId, scope),
    });
    const both = await asked(hold, { customerId: carol, orderId: other });
    expect(both.to.owner).toBe(ownerOf(carol, other, scope));
    const order = await asked(holdOf({ ...guest, customerId: carol }, scope), { orderId: other });
    expect(order.to).toEqual({
      customerId: null,
      orderId: other,
      owner: ownerOf(carol, other, scope),
    });
  });

  test("and nobody's where the hold is a contract's own, or gone", async () => {
    const contracts = holdOf(guest, standingScopeOf("nestjs", ProductId.parse("p1")));
    expect((await asked(contracts, { customerId: carol })).to.owner).toBeNull();
    expect((await asked(null, { customerId: carol })).to.owner).toBeNull();
  });
});

test("both movements say why, and which hold the units come from", async () => {
  const hold = holdOf(guest, CART_SCOPE);
  const { context, holdSecondsMax } = await asked(hold, { customerId: carol });
  expect(context).toEqual({
    actor: "service:shop",
    reason: "reassigned",
    reference: hold.reservationId,
    requestId: "r-1",
  });
  expect(holdSecondsMax).toBe(3_600);
});

test("a customer gives nobody's hold to anybody, and learns nothing of it", async () => {
  const reached = () => {
    throw new Error("the store was asked");
  };
  const deps = depsOf({ store: { reservation: reached, reassign: reached } });
  const input = { reservationId: holdOf(guest, CART_SCOPE).reservationId, orderId: other };
  await expect(
    reassign(deps, request("customer"), { ...input, customerId: carol }),
  ).rejects.toMatchObject({ code: "role_required" });
});

test("of one that Redis no longer has, the ledger says how it ended", async () => {
  const gone = { ...holdOf(guest, CART_SCOPE), status: "CANCELLED" } as const;
  const ended = { ...gone, endReason: "reassigned" } as const;
  for (const kind of ["superseded", "unknown_reservation"] as const) {
    const deps = depsOf({
      store: { reservation: async () => null, reassign: async () => ({ kind }) },
      ledger: { reservation: async () => ended },
    });
    const { reservationId } = ended;
    const answer = await reassign(deps, request(), {
      reservationId,
      customerId: carol,
      orderId: null,
    });
    expect(answer).toEqual({ kind: "reassigned", reservation: ended });
  }
});

/** What confirm, cancel, extend and read answer when Redis no longer has the hold. */
import { describe, expect, test } from "bun:test";
import { cancel } from "#inventory/cancel";
import { confirm } from "#inventory/confirm";
import type { RequestContext, Role } from "#inventory/context";
import { extend } from "#inventory/extend";
import { Fault } from "#inventory/faults";
import { CustomerId, ReservationId, type Reservation } from "#inventory/model";
import type { HoldOutcome, Position } from "#inventory/ports";
import { readReservation } from "#inventory/read-reservation";
import { depsOf, RESERVATION_ID, reservationOf, type Doubles } from "#test/ports-double";

const request = (role: Role, subject = "carol"): RequestContext => ({
  caller: { role, subject: CustomerId.parse(subject) },
  requestId: "r-1",
  operation: null,
  deadline: Date.now() + 40,
});
const reservationId = RESERVATION_ID;
const CAUGHT_UP: readonly Position[] = [{ partition: 0, seq: 9, drained: 9 }];
const BEHIND: readonly Position[] = [{ partition: 0, seq: 9, drained: 8 }];
const ended = {
  confirmed: reservationOf({ status: "CONFIRMED", endReason: "confirmed" }),
  cancelled: reservationOf({ status: "CANCELLED", endReason: "cancelled" }),
  replaced: reservationOf({ status: "CANCELLED", endReason: "replaced" }),
  reassigned: reservationOf({ status: "CANCELLED", endReason: "reassigned" }),
  expired: reservationOf({ status: "EXPIRED", endReason: "expired" }),
};

const VERBS = {
  confirm: (doubles: Doubles, ctx: RequestContext) =>
    confirm(depsOf(doubles), ctx, { reservationId, lines: null, onExpired: null }),
  cancel: (doubles: Doubles, ctx: RequestContext) =>
    cancel(depsOf(doubles), ctx, { reservationId, lines: null }),
  extend: (doubles: Doubles, ctx: RequestContext) =>
    extend(depsOf(doubles), ctx, { reservationId, minutes: 5 }),
};

/** Ports where the store answers that word and the ledger has that row. */
function doublesOf(
  kind: "superseded" | "unknown_reservation",
  row: Reservation | null,
  positions = CAUGHT_UP,
): Doubles {
  const outcome = async (): Promise<HoldOutcome> => ({ kind });
  const changes = { confirm: outcome, cancel: outcome, extend: outcome };
  return {
    store: { ...changes, reservation: async () => null, positions: async () => positions },
    ledger: { reservation: async () => row },
  };
}

describe.each(["confirm", "cancel", "extend"] as const)("%s", (verb) => {
  describe.each(["superseded", "unknown_reservation"] as const)("of a hold that is %s", (kind) => {
    test("tells how it ended, by the ledger", async () => {
      const words = ["confirmed", "cancelled", "replaced", "reassigned", "expired"] as const;
      for (const word of words) {
        for (const positions of [CAUGHT_UP, BEHIND]) {
          const doubles = doublesOf(kind, ended[word], positions);
          const outcome = await VERBS[verb](doubles, request("admin"));
          expect(outcome).toEqual({ kind: word, reservation: ended[word] });
        }
      }
    });

    test("is unknown to everybody but its customer and staff", async () => {
      const doubles = doublesOf(kind, ended.confirmed);
      const other = await VERBS[verb](doubles, request("customer", "dan"));
      expect(other).toEqual({ kind: "unknown_reservation" });
      const nobodys = doublesOf(kind, { ...ended.confirmed, customerId: null });
      const customer = await VERBS[verb](nobodys, request("customer"));
      expect(customer).toEqual({ kind: "unknown_reservation" });
      const own = await VERBS[verb](doubles, request("customer"));
      expect(own).toMatchObject({ kind: "confirmed" });
      expect(await VERBS[verb](nobodys, request("service"))).toMatchObject({ kind: "confirmed" });
      // Also while it lives, and while the ledger is late: else a stranger would learn that it is.
      const live = doublesOf(kind, reservationOf(), BEHIND);
      const stranger = await VERBS[verb](live, request("customer", "dan"));
      expect(stranger).toEqual({ kind: "unknown_reservation" });
    });

    test("is unknown only when the ledger has everything and not this", async () => {
      const outcome = await VERBS[verb](doublesOf(kind, null), request("admin"));
      expect(outcome).toEqual({ kind: "unknown_reservation" });
      const behind = VERBS[verb](doublesOf(kind, null, BEHIND), request("admin"));
      await expect(behind).rejects.toMatchObject({ code: "ledger_unavailable" });
    });

    test("is not believed to live because the ledger has not heard of its end", async () => {
      for (const positions of [CAUGHT_UP, BEHIND]) {
        const outcome = VERBS[verb](doublesOf(kind, reservationOf(), positions), request("admin"));
        await expect(outcome).rejects.toMatchObject({ code: "ledger_unavailable" });
      }
    });

    test("is a fault, and no 404, while the ledger is away", async () => {
      const away = async () => {
        throw new Fault("ledger_unavailable", "away");
      };
      const doubles = { ...doublesOf(kind, null), ledger: { reservation: away } };
      const outcome = VERBS[verb](doubles, request("admin"));
      await expect(outcome).rejects.toMatchObject({ code: "ledger_unavailable" });
    });
  });

  test.each(["replaced", "reassigned"] as const)(
    "calls a %s hold that although its record still says cancelled",
    async (word) => {
      const outcome = async (): Promise<HoldOutcome> => {
        return { kind: "cancelled", reservation: ended[word] };
      };
      const store = { confirm: outcome, cancel: outcome, extend: outcome };
      expect(await VERBS[verb]({ store }, request("admin"))).toMatchObject({ kind: word });
    },
  );
});

describe("reading a reservation", () => {
  test("asks the ledger for what Redis no longer has, by the same rules", async () => {
    const read = (doubles: Doubles, ctx: RequestContext) =>
      readReservation(depsOf(doubles), ctx, reservationId);
    const known = doublesOf("superseded", ended.expired, BEHIND);
    expect(await read(known, request("customer"))).toEqual(ended.expired);
    expect(await read(known, request("customer", "dan"))).toBeNull();
    expect(await read(doublesOf("superseded", null), request("admin"))).toBeNull();
    const behind = read(doublesOf("superseded", null, BEHIND), request("admin"));
    await expect(behind).rejects.toMatchObject({ code: "ledger_unavailable" });
  });

  test("of a partition that is not ours asks nobody", async () => {
    const asked = () => {
      throw new Error("the ledger was asked");
    };
    const id = ReservationId.parse(RESERVATION_ID.replace("p0", "p7"));
    const deps = depsOf({ store: { positions: asked }, ledger: { reservation: asked } });
    expect(await readReservation(deps, request("admin"), id)).toBeNull();
  });
});

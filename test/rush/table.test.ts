/** The books of a rush: what differs anywhere is a line that is not right. */
import { describe, expect, test } from "bun:test";
import { tableOf, type Books } from "#rush/table";
import { Told } from "#rush/told";

const order = (name: string) => ({ orderId: name, customerId: `of-${name}` });
const entry = (name: string, hold = name) => ({ reservationId: hold, orderId: name });

/** Three units: one sold, one that expired and was sold after all, one cancelled; `e` was refused. */
function books(): { told: Told; rest: Omit<Books, "told"> } {
  const told = new Told();
  for (const name of ["a", "b", "c"]) told.hold(order(name), name);
  told.refuse(order("e"));
  told.waiting.add(order("e").orderId);
  told.sold.add("a");
  told.expired.add("b");
  told.sold.add("b-again");
  told.cancelled.add("c");
  const rest: Omit<Books, "told"> = {
    units: 3,
    ledger: {
      held: ["a", "b", "c"].map((name) => entry(name)),
      expired: [entry("b")],
      cancelled: [entry("c")],
      sold: [entry("a"), entry("b", "b-again")],
      onHand: 1,
      reserved: 0,
      leastFree: 0,
      waiting: [order("e").orderId],
      movements: 8,
    },
    reservations: new Map([
      ["a", "CONFIRMED"],
      ["b", "EXPIRED"],
      ["b-again", "CONFIRMED"],
      ["c", "CANCELLED"],
    ]),
    product: { availableStock: 1, reservedStock: 0 },
  };
  return { told, rest };
}

const wrongIn = (given: Books): string[] =>
  tableOf(given)
    .rows.filter(({ isRight }) => !isRight)
    .map(({ name }) => name);

describe("a table", () => {
  test("is wrong where one stood in line that nobody told of, or twice", () => {
    for (const waiting of [[], ["x"], ["x", "x"]]) {
      const { told, rest } = books();
      told.waiting.clear();
      if (waiting.length !== 1) told.waiting.add("x");
      const ledger = { ...rest.ledger, waiting };
      const row = tableOf({ told, ...rest, ledger }).rows.find(({ name }) => name === "waitlisted");
      expect(row?.isRight).toBe(false);
    }
  });

  test("is right in every line where all books agree", () => {
    const { told, rest } = books();
    const { rows, unknown } = tableOf({ told, ...rest });
    expect(rows.map(({ name, told: sum, isRight }) => [name, sum, isRight])).toEqual([
      ["held", 3, true],
      ["refused", 1, true],
      ["waitlisted", 1, true],
      ["expired", 1, true],
      ["cancelled", 1, true],
      ["sold", 2, true],
      ["still held", 0, true],
      ["left", 1, true],
      ["oversold", 0, true],
      ["strange answers", 0, true],
    ]);
    expect(unknown).toEqual([]);
  });

  test.each<[what: string, wrong: string[], change: (all: ReturnType<typeof books>) => Books]>([
    [
      "a sale that was told and is not written down",
      ["expired", "sold", "left"],
      ({ told, rest }) => {
        told.hold(order("d"), "d");
        told.sold.add("d");
        const held = [...rest.ledger.held, entry("d")];
        const expired = [...rest.ledger.expired, entry("d")];
        const reservations = new Map(rest.reservations).set("d", "EXPIRED");
        return { told, ...rest, ledger: { ...rest.ledger, held, expired }, reservations };
      },
    ],
    [
      "a sale of which nobody was told",
      ["sold"],
      ({ told, rest }) => {
        const sold = [...rest.ledger.sold, { reservationId: "x", orderId: null }];
        return { told, ...rest, ledger: { ...rest.ledger, sold } };
      },
    ],
    [
      "other holds than those that were told, of the same number",
      ["sold"],
      ({ told, rest }) => {
        const sold = [entry("a"), entry("b", "another")];
        return { told, ...rest, ledger: { ...rest.ledger, sold } };
      },
    ],
    [
      "a hold that ended twice",
      ["cancelled"],
      ({ told, rest }) => {
        const cancelled = [entry("c"), entry("c")];
        return { told, ...rest, ledger: { ...rest.ledger, cancelled } };
      },
    ],
    [
      "a reservation that says otherwise",
      ["expired", "cancelled"],
      ({ told, rest }) => {
        const reservations = new Map(rest.reservations).set("b", "CANCELLED");
        return { told, ...rest, reservations };
      },
    ],
    [
      "a product that has another count",
      ["left"],
      ({ told, rest }) => {
        return { told, ...rest, product: { availableStock: 2, reservedStock: 0 } };
      },
    ],
    [
      "a unit that nobody gives back",
      ["still held"],
      ({ told, rest }) => {
        return { told, ...rest, ledger: { ...rest.ledger, reserved: 1, onHand: 2 } };
      },
    ],
    [
      "somebody who was refused and has a hold",
      ["held", "refused"],
      ({ told, rest }) => {
        const held = [...rest.ledger.held, entry("e")];
        return { told, ...rest, ledger: { ...rest.ledger, held } };
      },
    ],
    [
      "more sold than there was",
      ["left", "oversold"],
      ({ told, rest }) => ({ told, ...rest, units: 1 }),
    ],
    [
      "a moment at which less than nothing was free",
      ["oversold"],
      ({ told, rest }) => ({ told, ...rest, ledger: { ...rest.ledger, leastFree: -1 } }),
    ],
    [
      "an answer that no rush should hear",
      ["strange answers"],
      ({ told, rest }) => {
        told.wonder("confirm: 404 reservation_not_found");
        return { told, ...rest };
      },
    ],
  ])("shows where it is: %s", (_, wrong, change) => {
    expect(wrongIn(change(books()))).toEqual(wrong);
  });

  test("believes the ledger for who could not be told, and says what became of them", () => {
    const { told, rest } = books();
    const why = "no answer";
    told.notKnown(order("u"), { verb: "reserve", reservationId: null, why });
    told.notKnown(order("n"), { verb: "reserve", reservationId: null, why });
    told.hold(order("v"), "v");
    told.notKnown(order("v"), { verb: "confirm", reservationId: "v", why });
    const { ledger } = rest;
    const all: Books = {
      told,
      ...rest,
      units: 4,
      ledger: {
        ...ledger,
        held: [...ledger.held, entry("u"), entry("v")],
        expired: [...ledger.expired, entry("u")],
        sold: [...ledger.sold, entry("v")],
      },
      reservations: new Map(rest.reservations).set("u", "EXPIRED").set("v", "CONFIRMED"),
    };
    expect(wrongIn(all)).toEqual([]);
    const { rows, unknown } = tableOf(all);
    expect(unknown.map(({ orderId, was }) => [orderId, was])).toEqual([
      ["u", "held, then expired"],
      ["n", "nothing was held"],
      ["v", "held, then sold"],
    ]);
    const settled = rows.filter((row) => row.settled > 0).map((row) => [row.name, row.settled]);
    expect(settled).toEqual([
      ["held", 1],
      ["refused", 1],
      ["expired", 1],
      ["sold", 1],
    ]);
  });

  test("does not believe it for anybody else", () => {
    const { told, rest } = books();
    told.notKnown(order("u"), { verb: "reserve", reservationId: null, why: "no answer" });
    const sold = [...rest.ledger.sold, entry("e", "x")];
    expect(wrongIn({ told, ...rest, ledger: { ...rest.ledger, sold } })).toEqual(["sold"]);
  });
});

test("an order that is refused and then has a hold is not refused any more", () => {
  const told = new Told();
  told.refuse(order("a"));
  told.refuse(order("a"));
  told.refuse(order("b"));
  expect(told.refused).toBe(2);
  told.hold(order("a"), "a");
  told.hold(order("a"), "a");
  told.refuse(order("a"));
  expect([told.refused, told.held.size]).toEqual([1, 1]);
});

/** Histories that no product may have, each with the answer that cannot be. */
import {
  adjust,
  cancel,
  CHECK,
  confirm,
  endedAs,
  extend,
  held,
  levels,
  lookup,
  READ,
  reassign,
  reserve,
  reserveAs,
  reserveOfCampaign,
  sell,
  short,
  Story,
  until,
} from "./story";
import type { Terms } from "./state";

export interface Bad {
  readonly name: string;
  readonly story: Story;
  /** The operation that cannot be, and an answer that it could have had. */
  readonly at: number;
  readonly possible: string;
}

export const stock = (units = 10, terms: Terms = {}): Story => new Story(units, terms);

export const BAD: readonly Bad[] = [
  {
    name: "a lost update: two sales at once left as many units as one",
    story: stock()
      .add([0, 9], sell(1), levels(9, 0, 101))
      .add([1, 8], sell(2), levels(8, 0, 102))
      .add([10, 11], READ, levels(8, 0, 102)),
    at: 1,
    possible: "levels onHand 7 reserved 0 version ≥103",
  },
  {
    name: "a stale read: what was answered before it began is not in it",
    story: stock()
      .add([0, 1], sell(3), levels(7, 0, 101))
      .add([2, 3], READ, levels(10, 0, 100)),
    at: 2,
    possible: "levels onHand 7 reserved 0 version 101",
  },
  {
    name: "a stale check",
    story: stock()
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([2, 3], CHECK, { kind: "available", units: 10 }),
    at: 2,
    possible: "available units 6",
  },
  {
    name: "a retry under its key took effect again",
    story: stock()
      .add([0, 1], sell(2), null, { key: "k" })
      .add([2, 3], sell(2), levels(8, 0, 101), { key: "k", isReplay: true })
      .add([4, 5], READ, levels(6, 0, 102)),
    at: 3,
    possible: "levels onHand 8 reserved 0 version ≥101",
  },
  {
    name: "a retry under its key that says it is the first although another answer was heard",
    story: stock()
      .add([0, 1], sell(2), levels(8, 0, 101), { key: "k" })
      .add([2, 3], sell(2), levels(6, 0, 102), { key: "k" }),
    at: 2,
    possible: "levels onHand 8 reserved 0 version 101",
  },
  {
    name: "oversold by one: two had the last unit",
    story: stock(1)
      .add([0, 9], reserve("a", 1), held("h1", 1, 5))
      .add([1, 8], reserve("b", 1), held("h2", 1, 5)),
    at: 1,
    possible: "short available 0",
  },
  {
    name: "refused although there was enough",
    story: stock(5)
      .add([0, 1], sell(2), levels(3, 0, 101))
      .add([2, 3], reserve("a", 3), short(2)),
    at: 2,
    possible: "hold holdId new state live units 3 due 61000–61000 made 2–3",
  },
  {
    name: "a value that nobody ever wrote",
    story: stock()
      .add([0, 9], adjust(5), levels(15, 0, 101))
      .add([1, 8], READ, levels(12, 0, 101)),
    at: 2,
    possible: "levels onHand 15 reserved 0 version 101",
  },
  {
    name: "half of a change: units left onHand and are still reserved",
    story: stock()
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([2, 9], confirm("h1"), endedAs(held("h1", 4, 1), "confirmed"))
      .add([3, 8], READ, levels(6, 4, 102)),
    at: 3,
    possible: "levels onHand 6 reserved 0 version ≥102",
  },
  {
    name: "an unknown sale took effect twice",
    story: stock()
      .add([0, 1], sell(3), null)
      .add([2, 3], READ, levels(7, 0, 101))
      .add([4, 5], READ, levels(4, 0, 102)),
    at: 3,
    possible: "levels onHand 7 reserved 0 version 101",
  },
  {
    name: "an unknown sale took effect before it was asked for",
    story: stock()
      .add([0, 1], READ, levels(7, 0, 101))
      .add([2, 3], sell(3), null),
    at: 1,
    possible: "levels onHand 10 reserved 0 version 100",
  },
  {
    name: "an unknown sale was undone again",
    story: stock()
      .add([0, 1], sell(3), null)
      .add([2, 3], READ, levels(7, 0, 101))
      .add([4, 5], READ, levels(10, 0, 102)),
    at: 3,
    possible: "levels onHand 7 reserved 0 version 101",
  },
  {
    name: "expired before it was due",
    story: stock(4)
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([60_000, 60_900], reserve("b", 1), held("h2", 1, 60_500)),
    at: 2,
    possible: "short available 0",
  },
  {
    name: "sold after it was due",
    story: stock(4)
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([61_001, 61_009], confirm("h1"), endedAs(held("h1", 4, 1), "confirmed")),
    at: 2,
    possible: "ended holdId h1 state expired",
  },
  {
    name: "extended beyond the longest life of a hold",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([30_000, 30_001], extend("h1", 120), until(held("h1", 1, 1), 151_000)),
    at: 2,
    possible: "hold holdId h1 state live units 1 due 121000–121000 made 1–1",
  },
  {
    name: "refused for want of units that were due",
    story: stock(4)
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([61_001, 61_009], reserve("b", 1), short(0)),
    at: 2,
    possible: "hold holdId new state live units 1 due 122000–122000 made 61001–61009",
  },
  {
    name: "acknowledged, then vanished",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 3], lookup("h1"), { kind: "no_such_hold" }),
    at: 2,
    possible: "hold holdId h1 state live units 1 due 61000–61000 made 1–1",
  },
  {
    name: "a hold ended in two ways",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 9], confirm("h1"), endedAs(held("h1", 1, 1), "confirmed"))
      .add([3, 8], cancel("h1"), endedAs(held("h1", 1, 1), "cancelled")),
    at: 2,
    possible: "ended holdId h1 state cancelled",
  },
  {
    name: "two owners have one hold",
    story: stock()
      .add([0, 9], reserve("a", 1), held("h1", 1, 5))
      .add([1, 8], reserve("b", 1), held("h1", 1, 5)),
    at: 1,
    possible: "hold holdId new state live units 1 due 61000–61000 made 5–9",
  },
  {
    name: "one owner has two holds",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 3], reserve("a", 1), held("h2", 1, 3)),
    at: 2,
    possible: "hold holdId h1 state live units 1 due 61000–61000 made 1–1",
  },
  {
    name: "answers mixed up: one was told what the other asked for",
    story: stock()
      .add([0, 8], reserve("a", 1), held("h1", 1, 5))
      .add([1, 9], reserve("b", 2), held("h2", 1, 5)),
    at: 2,
    possible: "hold holdId new state live units 2 due 61000–61000 made 5–9",
  },
  {
    name: "an older generation was sold",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 3], reserve("a", 2), held("h2", 2, 3))
      .add([4, 5], confirm("h1"), endedAs(held("h1", 1, 1), "confirmed")),
    at: 3,
    possible: "ended holdId h1 state replaced",
  },
  {
    name: "a hold that went over to another owner was sold under its old id",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 3], reassign("h1", "b"), held("h2", 1, 3))
      .add([4, 5], confirm("h1"), endedAs(held("h1", 1, 1), "confirmed")),
    at: 3,
    possible: "ended holdId h1 state reassigned",
  },
  {
    name: "units were free while they went over to another owner",
    story: stock(4)
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([2, 9], reassign("h1", "b"), null)
      .add([3, 4], CHECK, { kind: "available", units: 4 }),
    at: 3,
    possible: "available units 0",
  },
  {
    name: "two holds became one, and the units of one of them were gone",
    story: stock()
      .add([0, 1], reserve("a", 2), held("h1", 2, 1))
      .add([2, 3], reserve("b", 3), held("h2", 3, 3))
      .add([4, 5], reassign("h1", "b"), held("h2", 3, 3)),
    at: 3,
    possible: "hold holdId h2 state live units 5 due 61000–61000 made 3–3",
  },
  {
    name: "a hold lived longer because it went over to another owner",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([30_000, 30_001], reassign("h1", "b"), held("h2", 1, 30_001)),
    at: 2,
    possible: "hold holdId new state live units 1 due 61000–61000 made 30000–30001",
  },
  {
    name: "a hold that was made before it was asked for",
    story: stock().add([50, 60], reserve("a", 1), held("h1", 1, 49)),
    at: 1,
    possible: "hold holdId new state live units 1 due 61000–61000 made 50–60",
  },
  {
    name: "reads of one session go back, although a change is under way all the time",
    story: stock()
      .add([0, 99], sell(1), null)
      .add([1, 2], READ, levels(9, 0, 101), { client: "one" })
      .add([3, 4], READ, levels(10, 0, 100), { client: "one" }),
    at: 3,
    possible: "levels onHand 9 reserved 0 version 101",
  },
  {
    name: "units changed and the version did not",
    story: stock()
      .add([0, 1], reserve("a", 1), held("h1", 1, 1))
      .add([2, 3], READ, levels(10, 1, 100)),
    at: 2,
    possible: "levels onHand 10 reserved 1 version ≥101",
  },
  {
    name: "the version changed and nothing else",
    story: stock()
      .add([0, 1], READ, levels(10, 0, 100))
      .add([2, 3], READ, levels(10, 0, 101)),
    at: 2,
    possible: "levels onHand 10 reserved 0 version 100",
  },
  {
    name: "a cart was refused for another product, and took this one",
    story: stock()
      .add([0, 1], reserve("cart", 2, true), { kind: "not_short" })
      .add([2, 3], CHECK, { kind: "available", units: 8 }),
    at: 2,
    possible: "available units 10",
  },
  {
    name: "taken below what is reserved",
    story: stock()
      .add([0, 1], reserve("a", 8), held("h1", 8, 1))
      .add([2, 3], adjust(-3), levels(7, 8, 102)),
    at: 2,
    possible: "below_reserved onHand 10 reserved 8",
  },
  {
    name: "a customer holds more than its limit, in two orders at once",
    story: stock(10, { limit: 3 })
      .add([0, 9], reserveAs("a", 2, "c"), held("h1", 2, 5))
      .add([1, 8], reserveAs("b", 2, "c"), held("h2", 2, 5)),
    at: 1,
    possible: "above_limit left 1",
  },
  {
    name: "what a customer bought counts no more",
    story: stock(10, { limit: 3 })
      .add([0, 1], reserveAs("a", 3, "c"), held("h1", 3, 1))
      .add([2, 3], confirm("h1"), endedAs(held("h1", 3, 1), "confirmed"))
      .add([4, 5], reserveAs("b", 1, "c"), held("h2", 1, 5)),
    at: 3,
    possible: "above_limit left 0",
  },
  {
    name: "a customer is refused for what it gave back",
    story: stock(10, { limit: 3 })
      .add([0, 1], reserveAs("a", 3, "c"), held("h1", 3, 1))
      .add([2, 3], cancel("h1"), endedAs(held("h1", 3, 1), "cancelled"))
      .add([4, 5], reserveAs("b", 4, "c"), { kind: "above_limit", left: 0 }),
    at: 3,
    possible: "above_limit left 3",
  },
  {
    name: "a unit of a campaign is had by who did not name it",
    story: stock(3, { fence: 2 }).add([0, 1], reserve("a", 2), held("h1", 2, 1)),
    at: 1,
    possible: "short available 1",
  },
  {
    name: "the last unit of a campaign is had twice, of those of others",
    story: stock(9, { fence: 1 })
      .add([0, 1], reserveOfCampaign("a", 1), held("h1", 1, 1))
      .add([2, 3], reserveOfCampaign("b", 1), held("h2", 1, 3)),
    at: 2,
    possible: "short available 0",
  },
  {
    name: "what is cancelled of a campaign is there for everybody",
    story: stock(5, { fence: 1 })
      .add([0, 1], reserveOfCampaign("a", 1), held("h1", 1, 1))
      .add([2, 3], cancel("h1"), endedAs(held("h1", 1, 1), "cancelled"))
      .add([4, 5], CHECK, { kind: "available", units: 5 }),
    at: 3,
    possible: "available units 4",
  },
];

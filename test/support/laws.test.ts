/** A law that cannot fail holds nothing: each is broken here by a state made by hand. */
import { expect, test } from "bun:test";
import { LAWS, type Acknowledged, type State } from "#test/laws";
import { EPOCH_MS, HOME, movement, reservation } from "#test/movements";

const PRODUCT = `product-1 at ${HOME}`;
const [first] = reservation(1).allocations;
if (!first) throw new Error("a hold has a line");
const line = first;
const LIVE = reservation(2);
const SOLD = reservation(1, {
  status: "CONFIRMED",
  allocations: [{ ...line, held: 0, confirmed: 1 }],
});
const DUE = EPOCH_MS + 900_000;
const REGISTRY = new Map([["annex", "named"]]);

/** Ten units came in; one of them was held and sold, another one is held. */
const MOVEMENTS = [
  { type: "INITIAL", onHandAfter: 10, reservedAfter: 0, requestId: "r1" },
  { reservedAfter: 1, requestId: "r2", reservationId: SOLD.reservationId },
  { type: "SALE", onHandAfter: 9, reservedAfter: 0, requestId: "r3", ...of(SOLD) },
  { reservedAfter: 1, requestId: "r4", ...of(LIVE) },
] as const;

function of({ reservationId }: typeof SOLD) {
  return { reservationId };
}

/** Each begins where the one before it ended. */
function chained(): State["movements"] {
  let now = { onHand: 0, reserved: 0 };
  return MOVEMENTS.map((fields, i) => {
    const before = now;
    now = { onHand: before.onHand, reserved: before.reserved };
    if ("onHandAfter" in fields) now.onHand = fields.onHandAfter;
    now.reserved = fields.reservedAfter;
    return movement(i + 1, {
      onHandBefore: before.onHand,
      onHandAfter: now.onHand,
      reservedBefore: before.reserved,
      ...fields,
    });
  });
}

const WHOLE: State = {
  movements: chained(),
  snapshot: new Map([[PRODUCT, "9/1"]]),
  stock: new Map([[PRODUCT, "9/1"]]),
  reservations: new Map([SOLD, LIVE].map((hold) => [hold.reservationId, hold])),
  records: [SOLD, LIVE],
  registry: REGISTRY,
  registries: [REGISTRY],
  quarantined: 0,
  acknowledged: [
    { requestId: "r1", type: "INITIAL", units: 10, reservationId: null },
    { requestId: "r3", type: "SALE", units: 1, reservationId: SOLD.reservationId },
  ],
};

const brokenBy = (state: State): string[] =>
  LAWS.filter(({ law }) => law(state).length > 0).map(({ name }) => name);

/** What is changed of the whole state, by the law that it breaks and no other. */
const BREAKS: readonly (readonly [law: string, what: string, change: Partial<State>])[] = [
  [
    "the sequence has no gap",
    "a number is missing",
    {
      movements: WHOLE.movements.map((one) => ({
        ...one,
        seq: one.seq > 2 ? one.seq + 1 : one.seq,
      })),
    },
  ],
  [
    "the sequence has no gap",
    "it begins at 2",
    { movements: WHOLE.movements.map((one) => ({ ...one, seq: one.seq + 1 })) },
  ],
  [
    "what came in less what went out is on hand",
    "a movement begins where none ended",
    {
      movements: WHOLE.movements.map((one) =>
        one.seq === 4 ? { ...one, onHandBefore: 8, onHandAfter: 8 } : one,
      ),
    },
  ],
  [
    "what came in less what went out is on hand",
    "the snapshot has a unit more, and Redis too",
    { snapshot: new Map([[PRODUCT, "10/1"]]), stock: new Map([[PRODUCT, "10/1"]]) },
  ],
  [
    "what came in less what went out is on hand",
    "more is held than there is",
    {
      movements: [
        ...WHOLE.movements,
        movement(5, { onHandBefore: 9, onHandAfter: 0, reservedBefore: 1, reservedAfter: 1 }),
      ],
      snapshot: new Map([[PRODUCT, "0/1"]]),
      stock: new Map([[PRODUCT, "0/1"]]),
    },
  ],
  [
    "what came in less what went out is on hand",
    "both have a level that nothing moved",
    {
      snapshot: new Map([...WHOLE.snapshot, ["p9 at annex", "3/0"]]),
      stock: new Map([...WHOLE.stock, ["p9 at annex", "3/0"]]),
    },
  ],
  ["the snapshot is Redis", "Redis has a unit less", { stock: new Map([[PRODUCT, "8/1"]]) }],
  [
    "the snapshot is Redis",
    "Redis has a unit in a ring-fence that is gone",
    {
      snapshot: new Map([...WHOLE.snapshot, ["p1 at dock~p0-abcdefgh", "0/0"]]),
      stock: new Map([...WHOLE.stock, ["p1 at dock~p0-abcdefgh", "1/0"]]),
    },
  ],
  ["the snapshot is Redis", "Redis has lost the product", { stock: new Map() }],
  [
    "a reservation is the sum of its movements",
    "it sold two, and one moved",
    held({ ...SOLD, allocations: [{ ...line, held: 0, confirmed: 2 }] }, LIVE),
  ],
  [
    "a reservation is the sum of its movements",
    "it ended and still holds",
    held(SOLD, { ...LIVE, status: "CANCELLED" }),
  ],
  [
    "a hold is sold before it is due, and expires then",
    "it expired a moment before",
    ended("EXPIRE", DUE - 1, DUE),
  ],
  [
    "a hold is sold before it is due, and expires then",
    "it was sold when it was due",
    ended("SALE", DUE, DUE),
  ],
  [
    "a hold is sold before it is due, and expires then",
    "a standing one expired",
    ended("EXPIRE", DUE, null),
  ],
  [
    "a hold is sold before it is due, and expires then",
    "it was sold after all before it was due",
    ended("SALE", DUE - 1, DUE, { wasHeld: false }),
  ],
  [
    "a hold is sold before it is due, and expires then",
    "a standing one was sold after all",
    ended("SALE", DUE, null, { wasHeld: false }),
  ],
  [
    "the ledger's reservations are those of Redis",
    "Redis has another state",
    { records: [SOLD, { ...LIVE, expiresAt: null }] },
  ],
  [
    "the ledger's reservations are those of Redis",
    "one is live in the ledger alone",
    { records: [SOLD] },
  ],
  [
    "the registry is the same everywhere",
    "a partition has another name",
    { registries: [REGISTRY, new Map([["annex", "otherwise"]])] },
  ],
  ["nothing is in quarantine", "a movement is", { quarantined: 1 }],
  [
    "nothing happened twice",
    "one request came in two times",
    {
      movements: [
        ...WHOLE.movements,
        movement(5, {
          type: "INITIAL",
          onHandBefore: 9,
          onHandAfter: 19,
          reservedBefore: 1,
          reservedAfter: 1,
          requestId: "r1",
        }),
      ],
      snapshot: new Map([[PRODUCT, "19/1"]]),
      stock: new Map([[PRODUCT, "19/1"]]),
      acknowledged: WHOLE.acknowledged.slice(1),
    },
  ],
  ["nothing happened twice", "one request made two holds", twoHolds("r4")],
  ["nothing happened twice", "one request replaced its own hold", twoHolds("r4", "r4")],
  [
    "what was acknowledged is in the ledger",
    "a request is not",
    { acknowledged: [{ requestId: "r9", type: "RESTOCK", units: 1 }] },
  ],
  [
    "what was acknowledged is in the ledger",
    "it moved less than its caller was told",
    { acknowledged: [{ requestId: "r1", type: "INITIAL", units: 11 }] },
  ],
  [
    "what was acknowledged is in the ledger",
    "it is of another hold",
    {
      acknowledged: [
        { requestId: "r3", type: "SALE", units: 1, reservationId: LIVE.reservationId },
      ],
    },
  ],
  [
    "what was acknowledged is in the ledger",
    "none of those that were answered with the hold made it",
    { acknowledged: [answeredWithLive("r9", "r2")] },
  ],
];

/** What is right all the same. */
const RIGHT: readonly (readonly [what: string, change: Partial<State>])[] = [
  ["two requests hold the same", twoHolds("r5")],
  ["a request came late, when another one had cancelled its hold", twoHolds("r4", "r5")],
  ["it expired when it was due", ended("EXPIRE", DUE, DUE)],
  ["it was sold a moment before", ended("SALE", DUE - 1, DUE)],
  ["its due time moved behind that of its first part", ended("SALE", DUE, DUE + 1_000)],
  ["a standing one was sold", ended("SALE", DUE, null)],
  ["an expired one was sold after all", ended("SALE", DUE, DUE, { wasHeld: false })],
  [
    "another request that was answered with the hold made it",
    { acknowledged: [answeredWithLive("r9", "r4")] },
  ],
];

/** One unit, to two callers. */
function answeredWithLive(requestId: string, other: string): Acknowledged {
  return { requestId, type: "RESERVE", units: 1, orBy: [other], ...of(LIVE) };
}

/** The live one, which that request ended if any did, and another one that this request made. */
function twoHolds(requestId: string, endedBy: string | null = null): Partial<State> {
  const second = reservation(3);
  const isLive = endedBy === null;
  const firstHold = isLive
    ? LIVE
    : reservation(2, { status: "CANCELLED", allocations: [{ ...line, held: 0, released: 1 }] });
  const level = { onHandBefore: 9, onHandAfter: 9 };
  const end = movement(5, {
    ...level,
    type: "RELEASE",
    reservedBefore: 1,
    reservedAfter: 0,
    requestId: endedBy,
    ...of(LIVE),
  });
  const more = movement(isLive ? 5 : 6, {
    ...level,
    reservedBefore: isLive ? 1 : 0,
    reservedAfter: isLive ? 2 : 1,
    requestId,
    ...of(second),
  });
  const counts = new Map([[PRODUCT, isLive ? "9/2" : "9/1"]]);
  return {
    ...held(SOLD, firstHold, second),
    movements: [...WHOLE.movements, ...(isLive ? [] : [end]), more],
    snapshot: counts,
    stock: counts,
  };
}

/** The live one ended so: the units that it had were held, or are taken from what is free. */
function ended(
  type: "SALE" | "EXPIRE",
  at: number,
  expiresAt: number | null,
  { wasHeld = true } = {},
): Partial<State> {
  const isSold = type === "SALE";
  const hold = reservation(2, {
    status: isSold ? "CONFIRMED" : "EXPIRED",
    allocations: [{ ...line, held: 0, confirmed: isSold ? 1 : 0, released: isSold ? 0 : 1 }],
    expiresAt,
  });
  const after = isSold ? 8 : 9;
  const end = movement(wasHeld ? 5 : 4, {
    type,
    onHandBefore: 9,
    onHandAfter: after,
    reservedBefore: wasHeld ? 1 : 0,
    reservedAfter: 0,
    requestId: "r5",
    at,
    ...of(hold),
  });
  const counts = new Map([[PRODUCT, `${after}/0`]]);
  return {
    ...held(SOLD, hold),
    movements: [...WHOLE.movements.slice(0, end.seq - 1), end],
    snapshot: counts,
    stock: counts,
  };
}

/** Both stores say the same of them. */
function held(...holds: readonly (typeof SOLD)[]): Partial<State> {
  return { reservations: new Map(holds.map((one) => [one.reservationId, one])), records: holds };
}

test("a whole state breaks no law, and each law sees something in it", () => {
  expect(brokenBy(WHOLE)).toEqual([]);
  expect(LAWS.filter(({ sees }) => sees(WHOLE) === 0)).toEqual([]);
});

test.each(RIGHT)("no law is broken where %s", (_, change) => {
  expect(brokenBy({ ...WHOLE, ...change })).toEqual([]);
});

test.each(BREAKS)("%s: not where %s", (law, _, change) => {
  expect(brokenBy({ ...WHOLE, ...change })).toEqual([law]);
});

test("there is a state for each law that breaks it, and none sees anything in an empty one", () => {
  const names = LAWS.map(({ name }) => name);
  expect([...new Set(BREAKS.map(([law]) => law))]).toEqual(names);
  const empty = { ...WHOLE, movements: [], snapshot: new Map(), reservations: new Map() };
  const state: State = { ...empty, records: [], registry: new Map(), acknowledged: [] };
  expect(LAWS.filter(({ sees }) => sees(state) > 0)).toEqual([]);
});

import { describe, expect, test } from "bun:test";
import type { JournalEntry, LedgerBatch } from "#inventory/ports";
import { cutJournal, halves } from "#workers/journal-batches";
import { crossing, entry, movement, movements, product, reservation } from "#test/movements";

const START = { epoch: 0, seq: 0 };
const span = (batches: readonly LedgerBatch[]) =>
  batches.map(({ from, to, movements: rows }) => {
    expect(rows.map(({ seq }) => seq)).toEqual(
      Array.from({ length: to.seq - from.seq }, (_, index) => from.seq + 1 + index),
    );
    return `${from.epoch}-${from.seq}..${to.epoch}-${to.seq}`;
  });
const cut = (entries: readonly JournalEntry[], from = START, movementsMax = 10) =>
  cutJournal(0, from, entries, movementsMax);

describe("a journal is cut into batches", () => {
  test("of whole entries, as many as fit", () => {
    const { batches, gap } = cut([
      entry(movements(1, 4)),
      entry(movements(5, 6)),
      entry(movements(11, 1)),
      entry(movements(12, 9)),
      entry(movements(21, 1)),
    ]);
    expect(gap).toBeNull();
    expect(span(batches)).toEqual(["0-0..1-10", "1-10..1-20", "1-20..1-21"]);
  });

  test("of pieces of an entry only when it alone is too large", () => {
    const states = {
      reservations: [reservation(3, { seq: 3 }), reservation(24, { seq: 24 })],
      products: [product("a", 10), product("b", 11)],
      crossings: [crossing(9), crossing(22)],
    };
    const { batches } = cut([entry(movements(1, 1)), entry(movements(2, 24), states)]);
    expect(span(batches)).toEqual(["0-0..1-1", "1-1..1-11", "1-11..1-21", "1-21..1-25"]);
    const seqs = batches.map(({ reservations, products, crossings }) => [
      ...reservations.map(({ seq }) => seq),
      ...products.map(({ seq }) => seq),
      ...crossings.map(({ seq }) => seq),
    ]);
    expect(seqs).toEqual([[], [3, 10, 11, 9], [], [24, 22]]);
  });

  test("of one epoch each", () => {
    const { batches, gap } = cut([
      entry(movements(1, 2)),
      entry(movements(3, 2, { epoch: 4 })),
      entry(movements(5, 1, { epoch: 4 })),
    ]);
    expect(gap).toBeNull();
    expect(span(batches)).toEqual(["0-0..1-2", "1-2..4-5"]);
  });

  test("from inside an entry when the cursor stands there", () => {
    const holds = [reservation(1, { seq: 1 }), reservation(3, { seq: 3 })];
    const crossings = [crossing(2), crossing(4)];
    const whole = entry(movements(1, 4), { reservations: holds, crossings });
    const { batches, gap } = cut([whole, entry(movements(5, 1))], { epoch: 1, seq: 2 });
    expect(gap).toBeNull();
    expect(span(batches)).toEqual(["1-2..1-5"]);
    expect(batches[0]?.reservations).toEqual(holds.slice(1));
    expect(batches[0]?.crossings).toEqual(crossings.slice(1));
  });

  test("and nothing into none", () => {
    expect(cut([])).toEqual({ batches: [], gap: null });
  });

  test("whose halves are the whole", () => {
    const states = { reservations: [reservation(2, { seq: 2 }), reservation(3, { seq: 3 })] };
    const [whole] = cut([entry(movements(1, 5), states)]).batches;
    if (whole === undefined) throw new Error("no batch");
    const [left, right] = halves(whole);
    expect(span([left, right])).toEqual(["0-0..1-2", "1-2..1-5"]);
    expect(left.reservations.map(({ seq }) => seq)).toEqual([2]);
    expect(right.reservations.map(({ seq }) => seq)).toEqual([3]);
  });
});

describe("a gap is seen", () => {
  test.each([
    ["before the first entry", [entry(movements(2, 1))], 0],
    ["between two entries", [entry(movements(1, 2)), entry(movements(4, 1))], 2],
    ["inside an entry", [entry([movement(1), movement(3)])], 0],
    ["in an entry's own number", [{ ...entry(movements(1, 2)), seq: 3 }], 0],
    ["in an entry without movements", [{ ...entry(movements(1, 1)), movements: [] }], 0],
    ["when movements come twice", [entry(movements(1, 3)), entry(movements(3, 2))], 3],
    [
      "when another epoch tells again what the ledger has",
      [entry(movements(1, 3)), entry(movements(3, 2, { epoch: 2 }))],
      3,
    ],
    [
      "when an older epoch follows",
      [entry(movements(1, 3, { epoch: 2 })), entry(movements(4, 1, { epoch: 1 }))],
      3,
    ],
  ])("%s, and what is before it is kept", (_name, entries, seq) => {
    const { batches, gap } = cut(entries);
    expect(gap).toStartWith("entry ");
    expect(batches.at(-1)?.to.seq ?? 0).toBe(seq);
  });

  test("when the first entry is of another epoch than the cursor inside it", () => {
    const whole = entry(movements(1, 4, { epoch: 2 }));
    expect(cut([whole], { epoch: 1, seq: 2 })).toEqual({
      batches: [],
      gap: "entry 2-4 begins with movement 1, and after 1-2 comes 3",
    });
  });
});

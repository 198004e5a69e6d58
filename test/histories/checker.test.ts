/** The checker itself: what it must refuse, for which answer, and what it must not refuse. */
import { describe, expect, test } from "bun:test";
import { BAD, stock } from "./bad-histories";
import { STATES_MAX } from "./checker";
import type { Answer } from "./operations";
import { goingBack } from "./sessions";
import {
  cancel,
  CHECK,
  confirm,
  endedAs,
  ended,
  held,
  levels,
  lookup,
  READ,
  reassign,
  reserve,
  sell,
  short,
} from "./story";

describe("a bad history is refused, at the answer that cannot be", () => {
  test.each(BAD.map((bad) => [bad.name, bad] as const))("%s", (_, { story, at, possible }) => {
    const verdict = story.verdict();
    if (verdict.kind !== "unexplained") throw new Error(`it is ${verdict.kind}`);
    expect(verdict.operation.id).toBe(at);
    expect(verdict.possible).toContain(possible);
  });

  test("each of them is explained once its wrong answer is forgotten", () => {
    const refused = BAD.filter(({ story, at }) => {
      const operations = story.operations.map((one) =>
        one.id === at ? { ...one, answer: null, returnedAt: Infinity } : one,
      );
      return story.verdict(STATES_MAX, operations).kind !== "explained";
    });
    expect(refused.map(({ name }) => name)).toEqual([]);
  });

  test("the window begins where nothing was under way and one state was possible", () => {
    const story = stock();
    for (let i = 0; i < 20; i += 1) story.add([10 * i, 10 * i + 5], READ, levels(10, 0, 100));
    const verdict = story
      .add([300, 310], sell(1), levels(9, 0, 101))
      .add([305, 320], READ, levels(8, 0, 101))
      .verdict();
    if (verdict.kind !== "unexplained") throw new Error(`it is ${verdict.kind}`);
    expect(verdict.window.map(({ id }) => id)).toEqual([21, 22]);
    expect(verdict.from).toStartWith("onHand 10 reserved 0 version 100");
  });
});

describe("a good history is explained, however little is known of it", () => {
  test("a read beside a change may see it or not", () => {
    for (const seen of [levels(9, 0, 101), levels(10, 0, 100)]) {
      const story = stock()
        .add([0, 9], sell(1), levels(9, 0, 101))
        .add([1, 8], READ, seen);
      expect(story.verdict().kind).toBe("explained");
    }
  });

  test("an unknown operation takes effect long after it was asked for, or never", () => {
    const story = stock()
      .add([0, 1], sell(1), null)
      .add([100, 101], READ, levels(10, 0, 100));
    expect(story.verdict().kind).toBe("explained");
    story.add([200, 201], READ, levels(9, 0, 101));
    expect(story.verdict().kind).toBe("explained");
  });

  test("twelve unknown sales, of which some take effect between the reads", () => {
    const story = stock(1_000);
    for (let i = 0; i < 12; i += 1) story.add([i, i], sell(1 + (i % 4)), null);
    story.add([20, 21], READ, levels(990, 0, 104)).add([22, 23], READ, levels(983, 0, 107));
    story.add([24, 25], sell(1), levels(980, 0, 109)).add([26, 27], READ, levels(978, 0, 110));
    const verdict = story.verdict();
    expect(verdict.kind).toBe("explained");
    expect(verdict.states).toBeGreaterThan(100);
  });

  test("an unknown reserve whose hold is heard of by a repeat, and sold", () => {
    const story = stock(3)
      .add([0, 1], reserve("a", 2), null)
      .add([0, 1], reserve("b", 2), null)
      .add([5, 6], CHECK, { kind: "available", units: 1 })
      .add([7, 8], reserve("b", 2), held("h1", 2, 4))
      .add([9, 10], confirm("h1"), endedAs(held("h1", 2, 4), "confirmed"))
      .add([11, 12], reserve("a", 2), short(1));
    expect(story.verdict().kind).toBe("explained");
  });

  test("a repeat under a key hears its hold after others took its place", () => {
    const story = stock(3)
      .add([0, 1], reserve("a", 2), null, { key: "k" })
      .add([2, 3], reserve("a", 1), held("h2", 1, 3))
      .add([4, 5], reserve("a", 2), held("h1", 2, 1), { key: "k", isReplay: true })
      .add([6, 7], lookup("h1"), endedAs(held("h1", 2, 1), "cancelled"))
      .add([8, 9], confirm("h1"), ended("h1", "replaced"));
    expect(story.verdict().kind).toBe("explained");
  });

  test("a hold that went over to another owner, and what its repeats and its old id hear", () => {
    const story = stock(5)
      .add([0, 1], reserve("a", 2), held("h1", 2, 1))
      .add([2, 3], reserve("b", 3), held("h2", 3, 3))
      .add([4, 5], reassign("h1", "b"), null)
      .add([6, 7], CHECK, { kind: "available", units: 0 })
      .add([8, 9], reassign("h1", "b"), held("h2", 5, 3), { isReplay: true })
      .add([10, 11], cancel("h1"), ended("h1", "reassigned"))
      .add([12, 13], confirm("h2"), endedAs(held("h2", 5, 3), "confirmed"))
      .add([14, 15], reassign("h1", "b"), held("h2", 5, 3), { isReplay: true })
      .add([16, 17], reassign("h1", "c"), ended("h1", "reassigned"))
      .add([18, 19], reserve("b", 1), ended("h2", "confirmed"));
    expect(story.verdict().kind).toBe("explained");
  });

  test("eight at once for two units, and a hold that expires between them", () => {
    const story = stock(2).add([0, 1], reserve("z", 1), held("h0", 1, 1));
    const last = (i: number): Answer => (i < 2 ? held(`h${i + 1}`, 1, 61_000) : short(0));
    for (let i = 0; i < 8; i += 1) story.add([60_990, 61_020 + i], reserve(`o${i}`, 1), last(i));
    const verdict = story.add([61_030, 61_031], READ, levels(2, 2, 104)).verdict();
    expect(verdict.kind).toBe("explained");
  });

  test("what is due is released late where nobody asks for it", () => {
    const story = stock()
      .add([0, 1], reserve("a", 4), held("h1", 4, 1))
      .add([64_000, 64_001], READ, levels(10, 4, 101))
      .add([64_002, 64_003], READ, levels(10, 0, 102));
    expect(story.verdict().kind).toBe("explained");
  });
});

test("more states than the limit count as failed, not as explained", () => {
  const story = stock(1_000);
  for (let i = 0; i < 12; i += 1) story.add([i, i], sell(1 + (i % 4)), null);
  const verdict = story.add([20, 21], READ, levels(990, 0, 104)).verdict(50);
  expect(verdict.kind).toBe("too_many_states");
});

describe("what one client hears", () => {
  const back = stock()
    .add([0, 1], READ, levels(9, 0, 101), { client: "one" })
    .add([2, 3], sell(1), levels(8, 0, 100), { client: "one" });

  test("that goes back is told with both answers", () => {
    const [said = "", ...others] = goingBack(back.operations);
    expect(others).toEqual([]);
    expect(said).toContain("version 100");
    expect(said).toContain("version 101");
  });

  test("may be older than what another one heard, or be an earlier answer again", () => {
    const [first, second] = back.operations;
    if (!first || !second) throw new Error("there are two operations");
    expect(goingBack([first, { ...second, client: "another" }])).toEqual([]);
    expect(goingBack([first, { ...second, isReplay: true }])).toEqual([]);
  });
});

/** What a rush tells while it runs: one line drawn again on a terminal, lines elsewhere. */
import { expect, test } from "bun:test";
import { createTelling } from "#rush/progress";
import { until } from "#test/until";

const WITHIN_MS = 10_000;

const storm = {
  told: { refused: 9_214, held: { size: 541 }, sold: { size: 318 } },
  came: 10_000,
  inside: 41,
};
const WORDS =
  /^ +\d+\.\d s {3}held 541 {3}refused 9 214 {3}sold 318 {3}left 7 {3}[\d ]+\/s {3}came 10 000 {3}inside 41$/;

/** Somebody is answered at each look, so that no two lines are the same. */
const busy = {
  get answered() {
    return Math.floor(performance.now() ** 2);
  },
};

/** Tells of the storm until the text says enough; answers all of it. */
async function toldOn(columns: number | null, isEnough: (text: string) => boolean) {
  let text = "";
  using telling = createTelling({ columns, write: (more) => void (text += more) });
  telling.say("before");
  telling.follow(storm, busy, () => Promise.resolve(7));
  await until(() => isEnough(text), { withinMs: WITHIN_MS, what: "enough was told" });
  telling.say("meanwhile");
  telling.stop();
  telling.say("after");
  return text;
}

test("elsewhere than on a terminal each look is a line, with nothing that moves a cursor", async () => {
  const text = await toldOn(null, (soFar) => soFar.split("\n").length > 3);
  const lines = text.split("\n").slice(0, -1);
  const [first, ...rest] = lines;
  expect([first, rest.at(-1)]).toEqual(["before", "after"]);
  const looks = rest.filter((line) => line.includes("held"));
  expect(looks.length).toBeGreaterThan(1);
  for (const look of looks) expect(look).toMatch(WORDS);
  expect(rest).toContain("meanwhile");
  expect(text).not.toContain("\r");
  expect(text).not.toContain("\u001b");
});

test("on a terminal one line is drawn again and again, and what is said stands above it", async () => {
  const text = await toldOn(200, (soFar) => soFar.split("\r").length > 3);
  const [before = "", ...drawn] = text.split("\r\u001b[2K");
  expect(before).toBe("before\n");
  expect(drawn[0]).toMatch(WORDS);
  const said = drawn.indexOf(drawn.find((part) => part.startsWith("meanwhile\n")) ?? "");
  expect(said).toBeGreaterThan(0);
  // The line that was there is there again, below.
  expect(drawn[said]?.split("\n")[1]).toBe(drawn[said - 1] ?? "none");
  expect(drawn.at(-1)).toMatch(/\nafter\n$/);
});

test("a line is never longer than the terminal's: it could not be drawn again", async () => {
  const text = await toldOn(30, (soFar) => soFar.split("\r").length > 3);
  const drawn = text.split("\r\u001b[2K").slice(1);
  for (const part of drawn) expect(part.split("\n")[0]?.length).toBeLessThan(30);
});

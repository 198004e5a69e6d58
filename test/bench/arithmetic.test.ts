import { describe, expect, test } from "bun:test";
import { aimLines, aimOf, figureText } from "#bench/aims";
import { answerIn, retryAfterOf } from "#bench/answers";
import { readNumbers, UsageError } from "#bench/command";
import { whyOfGenerator } from "#bench/offered";
import { dueAt, dueBy } from "#bench/schedule";
import { percentile } from "#bench/statistics";

test("a percentile is the least value that so large a share does not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([0.5, 0.99, 0.999, 1].map((share) => percentile(hundred, share))).toEqual([
    50, 99, 100, 100,
  ]);
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

describe("a constant rate", () => {
  const constant = (perSecond: number) => ({ perSecond, step: null });

  test.each([1, 3, 999, 1_000, 1_001, 12_345, 120_000])(
    "makes each request due in the first millisecond that counts it: %d a second",
    (perSecond) => {
      const count = Math.min(perSecond * 2, 5_000);
      for (let number = 0; number < count; number += 1) {
        const ms = dueAt(number, constant(perSecond));
        expect(dueBy(ms, constant(perSecond))).toBeGreaterThan(number);
        expect(dueBy(ms - 1, constant(perSecond))).toBeLessThanOrEqual(number);
      }
      expect(dueBy(2_000, constant(perSecond))).toBe(perSecond * 2);
    },
  );

  test("gives way to another one at the second that is named", () => {
    const schedule = { perSecond: 1_001, step: { atSeconds: 2, perSecond: 7 } };
    expect([2_000, 3_000, 5_000].map((ms) => dueBy(ms, schedule))).toEqual([2_002, 2_009, 2_023]);
    for (let number = 0; number < 2_023; number += 1) {
      const ms = dueAt(number, schedule);
      expect(dueBy(ms, schedule)).toBeGreaterThan(number);
      expect(dueBy(ms - 1, schedule)).toBeLessThanOrEqual(number);
      expect(ms > 2_000).toBe(number >= 2_002);
    }
  });
});

describe("an answer", () => {
  const of = (text: string) => answerIn(Buffer.from(text));
  const whole = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: y\r\n\r\n{}";

  test("is whole with the last byte that it declares", () => {
    expect(of(whole)).toEqual({ status: 201, bytes: whole.length });
    expect(of(whole.toLowerCase())).toEqual({ status: 201, bytes: whole.length });
    for (let end = 0; end < whole.length; end += 1) expect(of(whole.slice(0, end))).toBeNull();
  });

  test("that cannot be understood, or comes beside another one, is no answer", () => {
    expect(() => of(`${whole}H`)).toThrow("more than one");
    expect(() => of("HTTP/1.1 204 No Content\r\n\r\n")).toThrow("without status or length");
    expect(() => of("SMTP\r\n\r\n")).toThrow("without status or length");
    expect(() => of("HTTP/1.1 200 OK\r\n\r\n\r\nContent-Length: 2")).toThrow("without status");
  });

  test("says when to come again", () => {
    const head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\n\r\n";
    expect(retryAfterOf(Buffer.from(head))).toBe("2");
    expect(
      retryAfterOf(Buffer.from(head.replace("retry", "Retry").replace("after", "After"))),
    ).toBe("2");
    expect(retryAfterOf(Buffer.from(`${whole}\r\nretry-after: 3`))).toBeNull();
  });
});

test("an aim is met up to its bound, and never by what was not measured", () => {
  const aims = [
    aimOf("most", 5, { most: 5 }),
    aimOf("least", 0.899, { least: 0.9 }),
    aimOf("unmeasured", Number.NaN, { most: 5 }),
    aimOf("endless", 1, { most: 1 / 0.9 }),
  ];
  expect(aims.map(({ isMet }) => isMet)).toEqual([true, false, false, true]);
  expect(aimLines(aims)).toEqual([
    "  met       5.00 most (aim: at most 5)",
    "  MISSED    0.90 least (aim: at least 0.9)",
    "  MISSED       - unmeasured (aim: at most 5)",
    "  met       1.00 endless (aim: at most 1.11)",
  ]);
  expect([0.123, 12.34, 123.4, null].map(figureText)).toEqual(["0.12", "12.3", "123", "-"]);
});

test("a latency is nobody's measure where the generator made it", () => {
  const timed = { p99Ms: 4, lateP99Ms: 2, generatorShare: 0.8 };
  expect(whyOfGenerator(timed)).toBeNull();
  expect(whyOfGenerator({ ...timed, lateP99Ms: 3 })).toBe(
    "the generator was late by 0.75 of that p99",
  );
  expect(whyOfGenerator({ ...timed, lateP99Ms: Number.NaN })).toContain("late");
  expect(whyOfGenerator({ ...timed, generatorShare: 0.9 })).toBe(
    "the generator used 0.90 of a core",
  );
});

test("numbers of a command line are read, bounded and given where they are not named", () => {
  const rules = { seconds: { fallback: 5, most: 10 }, rounds: { fallback: 3, most: 100 } };
  const { of, json } = readNumbers(["--seconds", "10", "--json"], rules);
  expect([of("seconds"), of("rounds"), json]).toEqual([10, 3, true]);
  for (const wrong of [["--seconds", "11"], ["--seconds", "0"], ["--rounds", "x"], ["--other"]]) {
    expect(() => readNumbers(wrong, rules)).toThrow(UsageError);
  }
});

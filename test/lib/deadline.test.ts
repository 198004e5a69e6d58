import { describe, expect, test } from "bun:test";
import { deadlineAfter, remaining, withDeadline } from "#lib/deadline";

const never = new Promise<never>(() => {});

/** A clock that stands where it is put. */
function clockAt(start: number) {
  let now = start;
  return { now: () => now, pass: (ms: number) => (now += ms) };
}

describe("a deadline", () => {
  test("counts down on its clock and never below zero", () => {
    const clock = clockAt(1000);
    const deadline = deadlineAfter(50, clock);
    expect(remaining(deadline)).toBe(50);
    clock.pass(20);
    expect(remaining(deadline)).toBe(30);
    clock.pass(100);
    expect(remaining(deadline)).toBe(0);
  });

  test("that lies in the past is now, and one that is no number is refused", () => {
    expect(remaining(deadlineAfter(-5, clockAt(0)))).toBe(0);
    expect(() => deadlineAfter(Number.NaN)).toThrow(RangeError);
  });
});

describe("work under a deadline", () => {
  test("gives its own result when it is in time", async () => {
    expect(await withDeadline(Promise.resolve("done"), deadlineAfter(1000), () => "late")).toBe(
      "done",
    );
  });

  test("gives its own error when it fails in time", async () => {
    const failing = Promise.reject(new Error("broken"));
    await expect(withDeadline(failing, deadlineAfter(1000), () => "late")).rejects.toThrow(
      "broken",
    );
  });

  test("gives what onLate answers when it is late", async () => {
    expect(await withDeadline(never, deadlineAfter(1), () => "late")).toBe("late");
  });

  test("fails with what onLate throws", async () => {
    const late = () => {
      throw new Error("too late");
    };
    await expect(withDeadline(never, deadlineAfter(1), late)).rejects.toThrow("too late");
  });

  test("waits for a deadline further away than a timer reaches", async () => {
    const work = new Promise<string>((resolve) => void setImmediate(() => resolve("done")));
    expect(await withDeadline(work, deadlineAfter(2 ** 40), () => "late")).toBe("done");
  });

  test("leaves no timer behind that would keep the process alive", async () => {
    const script = `
      import { deadlineAfter, withDeadline } from "#lib/deadline";
      await withDeadline(Promise.resolve(), deadlineAfter(600_000), () => {});
      await withDeadline(Promise.reject(new Error()), deadlineAfter(600_000), () => {}).catch(() => {});
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    expect(await withDeadline(child.exited, deadlineAfter(20_000), () => child.kill())).toBe(0);
  });

  test("that fails after it was late is nobody's unhandled rejection", async () => {
    const script = `
      import { deadlineAfter, withDeadline } from "#lib/deadline";
      const work = new Promise((_, reject) => void setTimeout(() => reject(new Error("after")), 20));
      console.log(await withDeadline(work, deadlineAfter(1), () => "late"));
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    expect(await child.exited).toBe(0);
    expect(await child.stdout.text()).toBe("late\n");
  });
});

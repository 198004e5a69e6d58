import { describe, expect, test } from "bun:test";
import { until } from "#test/until";

describe("waiting until a condition holds", () => {
  test("answers what the condition answered once it holds", async () => {
    let asked = 0;
    const value = await until(() => (++asked === 3 ? "ready" : undefined), {
      withinMs: 5000,
      what: "it was asked three times",
    });
    expect([value, asked]).toEqual(["ready", 3]);
  });

  test("asks once even when no time is left", async () => {
    expect(await until(() => true, { withinMs: 0, what: "true is true" })).toBe(true);
  });

  test("gives up with what was waited for, and with the last error as the cause", async () => {
    const failing = () => {
      throw new Error("connection refused");
    };
    const waiting = until(failing, { withinMs: 5, what: "redis answers" });
    await expect(waiting).rejects.toThrow("gave up after 5 ms waiting until redis answers");
    await expect(waiting).rejects.toMatchObject({ cause: new Error("connection refused") });
  });
});

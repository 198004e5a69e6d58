import { describe, expect, test } from "bun:test";
import { createLog, type LogOptions } from "#lib/log";

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    write: (line) => void lines.push(line),
    ...options,
  });
  return { log, lines };
}

describe("a log line for machines", () => {
  test("is one JSON object with time, level, message and fields", () => {
    const { log, lines } = capture();
    log.warn("redis is away", { partition: "p0", retryMs: 50 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEndWith("}\n");
    const { time, ...rest } = JSON.parse(lines[0] ?? "");
    expect(rest).toEqual({ level: "warn", message: "redis is away", partition: "p0", retryMs: 50 });
    expect(new Date(time).toISOString()).toBe(time);
  });

  test("stays one line whatever the message holds", () => {
    const { log, lines } = capture();
    log.info('a\nb "c" %s %o', { text: "x\ny" });
    expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
    expect(JSON.parse(lines[0] ?? "").message).toBe('a\nb "c" %s %o');
  });

  test("tells an error with its stack and its causes", () => {
    const { log, lines } = capture();
    log.error("the drain stopped", { error: new Error("outer", { cause: new Error("inner") }) });
    expect(lines[0]).toContain("outer");
    expect(lines[0]).toContain("inner");
    expect(lines[0]).toContain("log.test.ts");
  });

  test("never shows a token, a secret or a password", () => {
    const { log, lines } = capture();
    log.info("request", {
      token: "T0P",
      headers: { authorization: "T0P" },
      user: { password: "T0P", secret: "T0P" },
    });
    expect(lines[0]).not.toContain("T0P");
    expect(lines[0]).toContain("[redacted]");
  });
});

describe("a log", () => {
  test("writes nothing below its level", () => {
    const { log, lines } = capture({ level: "warn" });
    log.debug("no");
    log.info("no");
    log.warn("yes");
    log.error("yes");
    expect(lines).toHaveLength(2);
  });

  test("adds the fields it was given to each line", () => {
    const { log, lines } = capture();
    log.with({ role: "worker" }).with({ partition: "p1" }).info("started");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ role: "worker", partition: "p1" });
  });

  test("in text shows time, level, message and fields, and a stack on its own lines", () => {
    const { log, lines } = capture({ format: "text" });
    log.info("listening", { port: 3003 });
    log.error("failed", { error: new Error("broken") });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening port=3003\n$/);
    expect(lines[1]).toMatch(/error failed\n {2}Error: broken\n/);
  });
});

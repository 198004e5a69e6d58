import { describe, expect, test } from "bun:test";
import { PROBLEM_CODES, problemAnswer } from "#http/problem";
import { Fault, type FaultCode } from "#inventory/faults";
import { openApp } from "#test/http-app";

const RESERVE = "/api/inventory/reservations";
const HOLD = { orderId: "order-1", items: [{ productId: "p1", quantity: 1 }] };

describe("a failure", () => {
  const failing = (error: Error) => ({
    reserve: async () => {
      throw error;
    },
  });
  const FAULTS = {
    partition_fenced: 503,
    redis_unavailable: 503,
    ledger_unavailable: 503,
    journal_full: 503,
    overloaded: 503,
    stopping: 503,
    rate_limited: 429,
    outcome_unknown: 504,
    role_required: 403,
    cart_spans_partitions: 422,
    validation_failed: 400,
  } satisfies Record<FaultCode, number>;

  const codes = PROBLEM_CODES.filter((code): code is FaultCode => code in FAULTS);

  test("of each kind is tested", () => {
    expect(codes.length).toBe(Object.keys(FAULTS).length);
  });

  test.each(codes)("%s has its status", async (code) => {
    const fault = new Fault(code, `because ${code}`);
    const answer = await openApp({ store: failing(fault) }).send(RESERVE, {
      as: "customer",
      body: HOLD,
    });
    expect(answer.status).toBe(FAULTS[code]);
    expect(answer.body).toEqual({
      type: `/problems/${code}`,
      title: expect.any(String),
      status: answer.status,
      detail: fault.message,
      code,
      message: fault.message,
      error: fault.message,
      requestId: answer.headers.get("x-request-id"),
      retryable: fault.retryable,
    });
    expect(answer.headers.has("retry-after")).toBe(answer.status === 503 || answer.status === 429);
  });

  test("every 429 and 503 says when to come back, and only those", () => {
    expect(PROBLEM_CODES.length).toBeGreaterThan(30);
    for (const code of PROBLEM_CODES) {
      const { status, headers } = problemAnswer(code, "m", "r");
      expect("retry-after" in headers).toBe(status === 429 || status === 503);
    }
  });

  test("that is a bug tells the caller nothing and the log everything", async () => {
    const error = new Error("password hunter2 at redis://secret");
    const { send, lines } = openApp({ store: failing(error) });
    const headers = { "x-request-id": "r-500" };
    const answer = await send(RESERVE, { as: "customer", body: HOLD, headers });
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: "internal_error", requestId: "r-500" });
    expect(answer.text).not.toContain("hunter2");
    expect(lines).toBeArrayOfSize(1);
    expect(lines[0]).toContain("hunter2");
    expect(lines[0]).toContain("r-500");
  });

  test("at full load is one line a second, and a success is none", async () => {
    const { send, lines } = openApp({ store: failing(new Fault("redis_unavailable", "away")) });
    const sent = { as: "customer", body: HOLD } as const;
    await Promise.all(Array.from({ length: 50 }, () => send(RESERVE, sent)));
    expect(lines).toBeArrayOfSize(1);
    const well = openApp();
    await well.send(RESERVE, sent);
    await well.send(RESERVE, { ...sent, body: {} });
    expect(well.lines).toEqual([]);
  });

  test("of a thrown non-error is a 500 too", async () => {
    const thrown: unknown = { not: "an error" };
    const reserve = () => Promise.reject(thrown);
    const answer = await openApp({ store: { reserve } }).send(RESERVE, {
      as: "customer",
      body: HOLD,
    });
    expect(answer.status).toBe(500);
  });
});

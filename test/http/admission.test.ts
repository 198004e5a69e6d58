/** What a process does with more requests than it can have under way. */
import { afterEach, describe, expect, test } from "bun:test";
import { compat } from "#compat/index";
import { inventory } from "#http/inventory";
import { BODY_BYTES_MAX } from "#http/middleware/body-limit";
import { REFUSED_AFTER_MS, REFUSED_AT_ONCE_MAX, REQUESTS_MAX } from "#http/middleware/admission";
import { TOKENS, openApp, type AppDoubles, type Answered, type TestApp } from "#test/http-app";
import { productOf } from "#test/ports-double";
import { until } from "#test/until";

const PRODUCT = "/api/inventory/product/p1";
const LOW_STOCK = "/api/inventory/low-stock";
const RESERVE = `${PRODUCT}/reserve`;
/** Of another contract; it waits for nothing. */
const INFO = "/info";
const THERE_IS_ROOM = { withinMs: 10_000, what: "there is room" };
/** Nothing ends by its deadline while a test looks. */
const PATIENT = { requestDeadlineMs: 60_000 };
const PLACE = { as: "customer" } as const;

let release = (): void => undefined;
afterEach(() => release());

interface Busy extends TestApp {
  /** Answers of the requests that are under way, once they are let go. */
  readonly underWay: Promise<readonly Answered[]>;
}

/** An app whose reads wait for their release, with as many requests under way as it takes. */
async function busyApp(places = REQUESTS_MAX, doubles: AppDoubles = {}): Promise<Busy> {
  const { promise: held, resolve } = Promise.withResolvers<void>();
  release = resolve;
  let reached = 0;
  const store = {
    product: async () => {
      reached += 1;
      await held;
      return productOf();
    },
  };
  const app = openApp({ store, contracts: [inventory, ...compat], config: PATIENT, ...doubles });
  const underWay = Promise.all(Array.from({ length: places }, () => app.send(PRODUCT, PLACE)));
  await until(() => reached === places, { withinMs: 10_000, what: "all are under way" });
  return { ...app, underWay };
}

function expectOverloaded({ status, headers, body }: Answered): void {
  expect({ status, code: body["code"] }).toEqual({ status: 503, code: "overloaded" });
  expect(headers.get("retry-after")).toMatch(/^[123]$/);
}

describe("with as many requests under way as a process takes", () => {
  test("the next one is refused at once, and those under way are answered", async () => {
    const { send, underWay } = await busyApp();
    expectOverloaded(await send(PRODUCT, PLACE));
    release();
    const statuses = new Set((await underWay).map(({ status }) => status));
    expect([...statuses]).toEqual([200]);
  });

  test("there is room again for each that was answered or refused", async () => {
    const { send, underWay } = await busyApp();
    expectOverloaded(await send(PRODUCT, PLACE));
    release();
    await underWay;
    const again = Array.from({ length: REQUESTS_MAX }, () => send(PRODUCT, PLACE));
    const statuses = new Set((await Promise.all(again)).map(({ status }) => status));
    expect([...statuses]).toEqual([200]);
    expect((await send(PRODUCT, PLACE)).status).toBe(200);
  });

  test("nothing of a refused one is read or verified", async () => {
    const { send } = await busyApp();
    expectOverloaded(await send(RESERVE, { as: null, body: {} }));
    expectOverloaded(await send(RESERVE, { as: "customer", body: "x".repeat(BODY_BYTES_MAX + 1) }));
  });

  test("all contracts share the places", async () => {
    const { send } = await busyApp();
    const answer = await send(INFO);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^[123]$/);
  });

  test("who asks how the process is hears it, and who waits for news is let in", async () => {
    const { send } = await busyApp();
    expect((await send("/health")).status).toBe(200);
    expect((await send("/metrics", { ip: "127.0.0.1" })).status).toBe(200);
    expect((await send("/api/inventory/events", { as: "admin" })).status).toBe(200);
  });
});

describe("who comes back at once", () => {
  test("waits for his refusal where many are refused, and is in nobody's way meanwhile", async () => {
    const { send, lines } = await busyApp();
    const startedAt = performance.now();
    const heard = Array.from({ length: REFUSED_AT_ONCE_MAX * 3 }, async () => {
      expectOverloaded(await send(PRODUCT, PLACE));
      return performance.now() - startedAt;
    });
    const late = (await Promise.all(heard)).filter((ms) => ms >= REFUSED_AFTER_MS - 1);
    // It may have begun in one second and ended in the next.
    expect(late.length).toBeGreaterThanOrEqual(REFUSED_AT_ONCE_MAX);
    expect(late.length).toBeLessThanOrEqual(REFUSED_AT_ONCE_MAX * 2);
    // The wait is no time that the service took.
    expect(lines.filter((line) => line.includes("a slow request"))).toEqual([]);
  });
});

describe("no place is taken", () => {
  test("by who is refused: without a token, or with another role", async () => {
    const { send } = await busyApp(REQUESTS_MAX - 1);
    for (let times = 0; times < 3; times += 1) {
      expect((await send(RESERVE, { as: null, body: {} })).status).toBe(401);
      expect((await send(LOW_STOCK, { as: "customer" })).status).toBe(403);
    }
    expect((await send(INFO)).status).toBe(200);
  });

  test("for longer than until its answer, whatever that is", async () => {
    const { send } = openApp();
    for (let times = 0; times <= REQUESTS_MAX; times += 1) {
      expect((await send(RESERVE, { as: "customer", body: { quantity: 0 } })).status).toBe(400);
    }
    expect((await send(PRODUCT, PLACE)).status).toBe(200);
  });

  test("by who waits for his change to be in the ledger", async () => {
    const { promise: ledger, resolve: reach } = Promise.withResolvers<void>();
    const durability = { reach: () => ledger.then(() => "ledger" as const) };
    const { send, underWay } = await busyApp(REQUESTS_MAX - 1, { durability });
    const headers = { prefer: "durability=ledger" };
    const body = { quantity: 1, orderId: "o1" };
    const waiting = [1, 2, 3].map(() => send(RESERVE, { as: "customer", body, headers }));
    await until(async () => (await send(INFO)).status === 200, THERE_IS_ROOM);
    reach();
    const answers = await Promise.all(waiting);
    expect(answers.filter(({ status }) => status < 300).length).toBeGreaterThan(0);
    release();
    await underWay;
  });

  test("by who sends its body slowly", async () => {
    const { app, send, underWay } = await busyApp(REQUESTS_MAX - 1);
    const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
    const slow: (Response | Promise<Response>)[] = [];
    for (let senders = 0; senders < 3; senders += 1) {
      slow.push(app.fetch(slowRequest(rest), {}));
      await until(async () => (await send(INFO)).status === 200, THERE_IS_ROOM);
    }
    release();
    await underWay;
    sendRest();
    for (const answer of slow) expect((await answer).status).toBe(400);
  });

  test("by who was slow and finds none any more: nor is one given back", async () => {
    const { app, send } = await busyApp(REQUESTS_MAX - 1);
    const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
    const slow = app.fetch(slowRequest(rest), {});
    await until(async () => (await send(INFO)).status === 200, THERE_IS_ROOM);
    const last = send(PRODUCT, PLACE);
    sendRest();
    expect((await slow).status).toBe(503);
    expectOverloaded(await send(PRODUCT, PLACE));
    release();
    expect((await last).status).toBe(200);
  });
});

/** A reserve of whose body the rest is still to come. */
function slowRequest(rest: Promise<void>): Request {
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from("{"));
      await rest;
      controller.close();
    },
  });
  const authorization = `Bearer ${TOKENS.customer}`;
  const headers = { authorization, "content-type": "application/json" };
  return new Request(`http://localhost${RESERVE}`, { method: "POST", headers, body });
}

/** The feed and the alerts over HTTP, without servers; test/invariants/events.test.ts has them. */
import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import type { AlertQuery, EventQuery } from "#inventory/ports";
import { FeedDouble } from "#test/feed";
import { openApp } from "#test/http-app";
import { ALERT, PRODUCT_ID } from "#test/ports-double";
import { Random } from "#test/random";
import { seed } from "#test/scale";

const nothing = { kind: "events", events: [], cursor: "9.1" } as const;

describe("GET /events", () => {
  const path = "/api/inventory/events";

  test("200 words movements and alerts in order, and the cursor behind them", async () => {
    const { status, body } = await openApp().send(path, { as: "service" });
    expect(status).toBe(200);
    expect(body).toEqual({
      events: [
        {
          eventId: "p0-9",
          type: "movement",
          partition: 0,
          seq: 9,
          productId: "p1",
          units: null,
          detail: null,
          movement: expect.objectContaining({ movementId: "p0-9", quantity: 25 }),
          timestamp: "2025-01-01T00:00:00.000Z",
        },
        {
          eventId: "p0-9-1",
          type: "low",
          partition: 0,
          seq: 9,
          productId: "p1",
          units: 4,
          detail: null,
          movement: null,
          timestamp: "2025-01-01T00:00:00.000Z",
        },
      ],
      cursor: "9.1",
    });
  });

  test("200 hands on cursor, types and limit, and asks once where nobody waits", async () => {
    const asked: EventQuery[] = [];
    const events = async (query: EventQuery) => {
      asked.push(query);
      return nothing;
    };
    const { send } = openApp({ events: { events } });
    await send(path, { as: "admin" });
    const query = "?after=9.1_0.1&types=low,movement&limit=7&wait=0";
    expect((await send(path + query, { as: "admin" })).body).toEqual({ events: [], cursor: "9.1" });
    expect(asked).toEqual([
      { after: null, types: null, limit: 100 },
      { after: "9.1_0.1", types: new Set(["low", "movement"]), limit: 7 },
    ]);
  });

  test("200 with a product's alone, however much there is of others before", async () => {
    const ledger = new FeedDouble(new Random(seed()), 1);
    ledger.productIds = ["p1"];
    ledger.write(1);
    ledger.productIds = ["p2"];
    ledger.write(50);
    ledger.productIds = ["p1"];
    ledger.write(1);
    const { send } = openApp({ events: ledger });
    const heard: unknown[] = [];
    let after = "";
    for (let page = 0; page < 2; page += 1) {
      const { body } = await send(`${path}?productId=p1&limit=5${after}`, { as: "admin" });
      expect(body["events"]).toHaveLength(1);
      expect(body["events"]).toMatchObject([{ productId: "p1" }]);
      heard.push(body["events"]);
      after = `&after=${String(body["cursor"])}`;
    }
    expect(heard[0]).not.toEqual(heard[1]);
    const { body } = await send(`${path}?productId=p1&limit=5${after}`, { as: "admin" });
    expect(body).toEqual({ events: [], cursor: ledger.end });
  });

  test.each([
    ["wait=9", "wait"],
    ["wait=-1", "wait"],
    ["wait=1.5", "wait"],
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["types=", "types[0]"],
    ["types=low,everything", "types[1]"],
    ["after=", "after"],
    ["after=A%00", "after"],
    ["product=p1", "product"],
    ["productId=a%20b", "productId"],
  ])("400 for %s names the field", async (query, field) => {
    const { status, body } = await openApp().send(`${path}?${query}`, { as: "admin" });
    expect([status, body]).toMatchObject([400, { code: "validation_failed" }]);
    expect(body).toMatchObject({ errors: [{ path: field }] });
  });

  test("410 when what follows the cursor is not kept any more", async () => {
    const { send } = openApp({ events: { events: async () => ({ kind: "gone" }) } });
    const { status, body } = await send(`${path}?after=1.1`, { as: "admin" });
    expect(status).toBe(410);
    expect(body).toMatchObject({ code: "cursor_expired", retryable: false });
  });

  test("503 without a ledger, and while it is waited for", async () => {
    const fault = new Fault("ledger_unavailable", "PostgreSQL is away");
    const away = async () => Promise.reject(fault);
    for (const doubles of [{ events: away }, { events: async () => nothing, look: away }]) {
      const answer = await openApp({ events: doubles }).send(`${path}?wait=1`, { as: "admin" });
      expect([answer.status, answer.body]).toMatchObject([503, { code: "ledger_unavailable" }]);
    }
  });

  test("200 with nothing when the deadline is near, however long the caller would wait", async () => {
    const events = { events: async () => nothing };
    const { send, lines } = openApp({ events, config: { requestDeadlineMs: 1_700 } });
    const startedAt = performance.now();
    const { status } = await send(`${path}?wait=8`, { as: "admin" });
    const ms = performance.now() - startedAt;
    expect(status).toBe(200);
    expect(ms).toBeWithin(1_000, 1_700);
    // To wait is not to be slow.
    expect(lines).toEqual([]);
  });
});

describe("GET /alerts", () => {
  const path = "/api/inventory/alerts";

  test("200 words each alert, and hands on the filters", async () => {
    const asked: AlertQuery[] = [];
    const alerts = async (query: AlertQuery) => {
      asked.push(query);
      return { items: [ALERT], nextCursor: "next" };
    };
    const { send } = openApp({ events: { alerts } });
    const query = "?kind=low&productId=p1&open=true&limit=3";
    const { status, body } = await send(path + query, { as: "service" });
    expect(status).toBe(200);
    expect(body).toEqual({
      alerts: [
        {
          alertId: "p0-9-1",
          kind: "low",
          partition: 0,
          seq: 9,
          productId: "p1",
          units: 4,
          detail: null,
          open: true,
          timestamp: "2025-01-01T00:00:00.000Z",
        },
      ],
      nextCursor: expect.stringMatching(/^[0-9a-f]{8}\.next$/),
    });
    await send(`${path}?open=false`, { as: "admin" });
    expect(asked).toEqual([
      { kind: "low", productId: PRODUCT_ID, open: true, cursor: null, limit: 3 },
      { kind: null, productId: null, open: false, cursor: null, limit: 100 },
    ]);
  });

  test.each([
    ["kind=lower", "kind"],
    ["open=yes", "open"],
    ["limit=1001", "limit"],
    ["productId=a%20b", "productId"],
    ["since=1", "since"],
  ])("400 for %s names the field", async (query, field) => {
    const { status, body } = await openApp().send(`${path}?${query}`, { as: "admin" });
    expect([status, body]).toMatchObject([400, { errors: [{ path: field }] }]);
  });
});

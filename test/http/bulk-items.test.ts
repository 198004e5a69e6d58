/** Items of bulk calls: who may, in which order, and under which identity. */
import { describe, expect, test } from "bun:test";
import type { AdjustCommand, InitializeCommand, StockStore } from "#inventory/ports";
import type { Role } from "#inventory/context";
import { openApp, type Answered } from "#test/http-app";
import { answering, CAROL, productOf, RESERVATION_ID, reservationOf } from "#test/ports-double";

const BASE = "/api/inventory";
const [product, reservation] = [productOf(), reservationOf()];
const requestId = { "x-request-id": "call-1" };

function resultsOf(answer: Answered): Record<string, unknown>[] {
  const { results } = answer.body;
  if (!Array.isArray(results)) throw new Error(`no results: ${answer.text}`);
  return results;
}

describe("who asks", () => {
  test("a service may return stock in bulk; what else it asks for is refused item by item", async () => {
    const adjust = answering<AdjustCommand, unknown>({
      kind: "adjusted",
      product,
      replayed: false,
    });
    const store: Partial<StockStore> = {};
    Object.assign(store, { adjust });
    const items = ["RETURN", "RESTOCK", undefined, "RETURN"].map((type) => ({
      productId: "p1",
      quantity: 1,
      ...(type === undefined ? {} : { type }),
    }));
    const answer = await openApp({ store }).send(`${BASE}/bulk/adjust`, {
      as: "service",
      body: { items },
    });
    const codes = resultsOf(answer).map(({ status, code }) => [status, code]);
    const refused = [403, "role_required"];
    expect(codes).toEqual([[200, undefined], refused, refused, [200, undefined]]);
    expect(adjust.commands).toHaveLength(2);
  });

  test("a customer ends its own holds only: the store is asked for no others", async () => {
    for (const verb of ["confirm", "cancel"] as const) {
      const end = answering<object, unknown>({ kind: "done", reservation, replayed: false });
      const store: Partial<StockStore> = {};
      Object.assign(store, { [verb]: end });
      const body = { items: [{ reservationId: RESERVATION_ID }] };
      await openApp({ store }).send(`${BASE}/bulk/${verb}`, { as: "customer", body });
      await openApp({ store }).send(`${BASE}/bulk/${verb}`, { as: "service", body });
      expect(end.commands).toMatchObject([{ customerId: CAROL }, { customerId: null }]);
    }
  });
});

describe("items that name the same thing", () => {
  /** Answers each command after a wait that is shorter for later ones. */
  const slowly = (begun: string[], nameOf: (command: never) => string) => {
    let left = 8;
    return async (command: never): Promise<unknown> => {
      begun.push(`begin ${nameOf(command)}`);
      left -= 1;
      for (let turn = 0; turn < left; turn += 1) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      begun.push(`end ${nameOf(command)}`);
      return { kind: "adjusted", product, replayed: false };
    };
  };

  test("are done one after another, and others meanwhile", async () => {
    const begun: string[] = [];
    const store: Partial<StockStore> = {};
    const adjust = slowly(begun, ({ productId, delta }: AdjustCommand) => `${productId} ${delta}`);
    Object.assign(store, { adjust });
    const items = ["a", "b", "a", "a", "b"].map((productId, i) => ({ productId, quantity: i + 1 }));
    const answer = await openApp({ store }).send(`${BASE}/bulk/adjust`, {
      as: "admin",
      body: { items },
    });
    expect(answer.body).toMatchObject({ succeeded: 5 });
    const of = (id: string) => begun.filter((step) => step.split(" ")[1] === id);
    const inTurn = (id: string, ...deltas: number[]) =>
      deltas.flatMap((delta) => [`begin ${id} ${delta}`, `end ${id} ${delta}`]);
    expect(of("a")).toEqual(inTurn("a", 1, 3, 4));
    expect(of("b")).toEqual(inTurn("b", 2, 5));
    expect(begun.slice(0, 2)).toEqual(["begin a 1", "begin b 2"]);
  });

  test("that have no turn before the deadline are not sent, and say so", async () => {
    let now = 1_000;
    const adjust = answering<AdjustCommand, unknown>({
      kind: "adjusted",
      product,
      replayed: false,
    });
    const store: Partial<StockStore> = {};
    const slow = async (command: AdjustCommand): Promise<unknown> => {
      now += 600;
      return adjust(command);
    };
    Object.assign(store, { adjust: slow });
    const items = Array.from({ length: 4 }, () => ({ productId: "p1", quantity: 1 }));
    const answer = await openApp({ store, clock: { now: () => now } }).send(`${BASE}/bulk/adjust`, {
      as: "admin",
      body: { items },
    });
    expect(resultsOf(answer).map(({ status }) => status)).toEqual([200, 200, 503, 503]);
    expect(resultsOf(answer)[2]).toMatchObject({ code: "overloaded", retryable: true });
    expect(adjust.commands).toHaveLength(2);
  });
});

describe("under an Idempotency-Key", () => {
  const call = async (key: string, items: readonly object[], as: Role = "admin") => {
    const initialize = answering<InitializeCommand, unknown>({
      kind: "initialized",
      product,
      replayed: false,
    });
    const store: Partial<StockStore> = {};
    Object.assign(store, { initialize });
    const body = { items };
    const headers = { "idempotency-key": key, ...requestId };
    await openApp({ store }).send(`${BASE}/bulk/initialize`, { as, body, headers });
    return initialize.commands;
  };
  const [a, b, c] = ["a", "b", "c"].map((id) => {
    return { productId: id, sku: `SKU-${id}`, initialStock: 1 };
  });
  if (!a || !b || !c) throw new Error("three items");

  test("each item has an operation of its own, the same in a repeat", async () => {
    const first = (await call("k", [a, b, c])).map(({ operation }) => operation);
    expect(new Set(first.map((operation) => operation?.key)).size).toBe(3);
    expect((await call("k", [a, b, c])).map(({ operation }) => operation)).toEqual(first);
    const others = [
      ...(await call("other", [a, b, c])),
      ...(await call("k", [a, b, c], "service")),
    ].map(({ operation }) => operation?.key);
    expect(new Set([...others, ...first.map((operation) => operation?.key)]).size).toBe(9);
  });

  test("another item at the same place has another payload, the others the same", async () => {
    const payloads = async (items: readonly object[]) =>
      (await call("k", items)).map(({ operation }) => operation?.payload);
    const [first, second, third] = await payloads([a, b, c]);
    const changed = await payloads([a, { ...b, initialStock: 2 }, c]);
    expect([changed[0], changed[2]]).toEqual([first, third]);
    expect(changed[1]).not.toBe(second);
  });

  test("movements say which item of which call made them", async () => {
    const ids = (await call("k", [a, b])).map(({ context }) => context.requestId);
    expect(ids).toEqual(["call-1#0", "call-1#1"]);
  });
});

/** The level of durability in answers, and what `Prefer` asks for. */
import { describe, expect, test } from "bun:test";
import { preferredLevel } from "#http/middleware/durability";
import { DURABILITY_LEVELS, type Durability, type Receipt } from "#inventory/durability";
import type { ReserveCommand, ReserveOutcome } from "#inventory/ports";
import { exampleOf, openApp, ROUTES } from "#test/http-app";
import { answering, reservationOf } from "#test/ports-double";

const RESERVE = "/api/inventory/product/p1/reserve";
const HOLD = { quantity: 1, orderId: "order-1" };
const RECEIPT: Receipt = { partition: 0, epoch: 1, seq: 7 };

describe("Prefer", () => {
  test.each([
    ["durability=ledger", "ledger"],
    ["durability=replica", "replica"],
    ["durability=memory", "memory"],
    ['durability="ledger"', "ledger"],
    ["Durability = ledger", "ledger"],
    ["respond-async, wait=10 , durability=ledger", "ledger"],
    ["durability=ledger; strictly; by=5", "ledger"],
    ['note="a, durability=disk", durability=ledger', "ledger"],
    ['note="a \\", durability=disk", durability=ledger', "ledger"],
    [",, durability=ledger,", "ledger"],
    // The first counts, also where it says nothing that is known.
    ["durability=ledger, durability=replica", "ledger"],
    ["durability=gold, durability=replica", null],
    ["durability=gold", null],
    ["durability=LEDGER", null],
    ["durability", null],
    ["durability=", null],
    ['durability=""', null],
    ["endurability=ledger", null],
    ["return=minimal", null],
    ["", null],
    // What cannot be read is as if it were not there.
    ['durability="ledger', null],
    ["=ledger", null],
    [`${"x".repeat(300)}, durability=ledger`, null],
  ])("%j asks for %p", (header, level) => {
    expect<string | null>(preferredLevel(header)).toBe(level);
  });

  test("is read in bounded time, whatever it says", () => {
    const startedAt = performance.now();
    for (const unit of ["a", " ", ",", '"', "\\", "a=", 'a="', "a;", " ,"]) {
      for (let i = 0; i < 20; i += 1) preferredLevel(`${unit.repeat(256).slice(0, 255)}"`);
    }
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

/** A store that notes where Redis answered, and a record of what was waited for. */
function openWaiting(durability: Partial<Durability> = {}) {
  const asked: unknown[] = [];
  const commands: ReserveCommand[] = [];
  const app = openApp({
    store: {
      reserve: (command) => {
        commands.push(command);
        command.receipts?.push(RECEIPT);
        const reservation = reservationOf();
        return Promise.resolve({ kind: "reserved", short: [], reservation } as const);
      },
    },
    durability: {
      reach: (wanted, receipts) => {
        asked.push([wanted, receipts]);
        return Promise.resolve(wanted);
      },
      ...durability,
    },
  });
  const reserve = (prefer?: string) =>
    app.send(RESERVE, {
      as: "customer",
      body: HOLD,
      headers: prefer === undefined ? {} : { prefer },
    });
  return { app, asked, commands, reserve };
}

const levelsOf = ({ headers }: { headers: Headers }) => [
  headers.get("durability"),
  headers.get("preference-applied"),
];

describe("the answer to a change", () => {
  test("names the level on every route that changes something, and on no other", async () => {
    const named = { yes: 0, no: 0 };
    for (const route of ROUTES) {
      const { path, method, body } = exampleOf(route);
      const { send } = openApp();
      const sent = {
        method,
        as: "admin",
        ip: "::1",
        ...(body === undefined ? {} : { body }),
      } as const;
      const answer = await send(path, sent);
      expect([route.path, answer.status < 300]).toEqual([route.path, true]);
      expect([route.path, answer.headers.get("durability")]).toEqual([
        route.path,
        route.mutation ? (route.inLedgerAlone ? "ledger" : "disk") : null,
      ]);
      named[route.mutation ? "yes" : "no"] += 1;
    }
    expect(named.yes).toBeGreaterThan(10);
    expect(named.no).toBeGreaterThan(10);
  });

  test("is of the ledger at once where PostgreSQL alone has what it tells", async () => {
    const { app, asked } = openWaiting({ floor: "ledger" });
    const own = ROUTES.filter(({ inLedgerAlone }) => inLedgerAlone);
    const calls = own.map(({ method, path }) => `${method} ${path}`);
    expect(calls.toSorted()).toEqual([
      "PATCH /api/inventory/incoming/:incomingId",
      "POST /api/inventory/counts/runs",
      "POST /api/inventory/customers/:customerId/pseudonymize",
      "POST /api/inventory/incoming",
      "POST /api/inventory/incoming/:incomingId/cancel",
      "POST /api/inventory/reconcile",
    ]);
    for (const route of own) {
      const { path, method, body } = exampleOf(route);
      const call = { method, as: "admin", ...(body === undefined ? {} : { body }) } as const;
      const send = (prefer: string) => app.send(path, { ...call, headers: { prefer } });
      expect(levelsOf(await send("durability=ledger"))).toEqual(["ledger", "durability=ledger"]);
      expect(levelsOf(await send("durability=replica"))).toEqual(["ledger", "durability=replica"]);
      expect(levelsOf(await send("durability=gold"))).toEqual(["ledger", null]);
      expect(levelsOf(await app.send(path, call))).toEqual(["ledger", null]);
      const refused = await app.send(`${path}?unknown=1`, { ...call, body: { unknown: 1 } });
      expect([refused.status, ...levelsOf(refused)]).toEqual([400, null, null]);
    }
    expect(asked).toEqual([]);
  });

  test("waits for nothing, and notes nothing, where nobody asked for more", async () => {
    const { asked, commands, reserve } = openWaiting();
    expect(levelsOf(await reserve())).toEqual(["disk", null]);
    expect(levelsOf(await reserve("durability=gold"))).toEqual(["disk", null]);
    expect(commands.map(({ receipts }) => receipts)).toEqual([undefined, undefined]);
    expect(asked).toEqual([]);
  });

  test("waits for the level that was asked for, and says that it did", async () => {
    const { asked, reserve } = openWaiting();
    expect(levelsOf(await reserve("durability=ledger"))).toEqual(["ledger", "durability=ledger"]);
    expect(asked).toEqual([["ledger", [RECEIPT]]]);
  });

  test("needs no wait for what Redis's answer is already", async () => {
    const { asked, reserve } = openWaiting();
    expect(levelsOf(await reserve("durability=disk"))).toEqual(["disk", "durability=disk"]);
    expect(levelsOf(await reserve("durability=memory"))).toEqual(["disk", "durability=memory"]);
    expect(asked).toEqual([]);
  });

  test("is the change's own, with the level that was reached, when more could not be", async () => {
    const { reserve } = openWaiting({ reach: () => Promise.resolve("disk") });
    const answer = await reserve("durability=ledger");
    expect(answer.status).toBe(201);
    expect(levelsOf(answer)).toEqual(["disk", null]);
  });

  test("waits for the floor, and asks for less in vain", async () => {
    const { asked, reserve } = openWaiting({ floor: "replica" });
    expect(levelsOf(await reserve())).toEqual(["replica", null]);
    expect(levelsOf(await reserve("durability=disk"))).toEqual(["replica", "durability=disk"]);
    expect(levelsOf(await reserve("durability=ledger"))).toEqual(["ledger", "durability=ledger"]);
    expect(asked.map((one) => (Array.isArray(one) ? one[0] : null))).toEqual([
      "replica",
      "replica",
      "ledger",
    ]);
  });

  test("says so when Redis's settings no longer hold", async () => {
    const { reserve } = openWaiting({ base: () => "memory" });
    expect(levelsOf(await reserve())).toEqual(["memory", null]);
    expect(levelsOf(await reserve("durability=disk"))).toEqual(["memory", null]);
  });

  test("that refuses names no level and waits for none", async () => {
    const asked: unknown[] = [];
    const reserve = answering<ReserveCommand, ReserveOutcome>({ kind: "key_reused" });
    const { send } = openApp({
      store: { reserve },
      durability: {
        reach: (wanted) => {
          asked.push(wanted);
          return Promise.resolve(wanted);
        },
      },
    });
    const headers = { prefer: "durability=ledger" };
    const refused = await send(RESERVE, { as: "customer", body: HOLD, headers });
    expect(refused.status).toBe(422);
    expect(levelsOf(refused)).toEqual([null, null]);
    expect(asked).toEqual([]);
  });

  test("to a bulk call waits for all of its items at once", async () => {
    const asked: unknown[] = [];
    const { app } = openWaiting({
      reach: (wanted, receipts) => {
        asked.push(receipts.length);
        return Promise.resolve(wanted);
      },
    });
    const item = { productId: "p1", quantity: 5, type: "RESTOCK" };
    const answer = await app.send("/api/inventory/bulk/adjust", {
      as: "admin",
      body: { items: [item, item, item] },
      headers: { prefer: "durability=ledger" },
    });
    expect(levelsOf(answer)).toEqual(["ledger", "durability=ledger"]);
    expect(asked).toHaveLength(1);
  });
});

test("the levels are known by their names, weakest first", () => {
  expect(DURABILITY_LEVELS).toEqual(["memory", "disk", "replica", "ledger"]);
});

import { describe, expect, test } from "bun:test";
import type { NewRun } from "#inventory/reconcile-ports";
import { openApp } from "#test/http-app";
import { RUN_ID, runOf } from "#test/runs-double";

const PATH = "/api/inventory/reconcile";

/** What reached the runs for these bodies. */
async function asked(body: object, headers: Record<string, string> = {}): Promise<NewRun> {
  const all: NewRun[] = [];
  const { send } = openApp({
    runs: {
      ask: async (run) => {
        all.push(run);
        return { kind: "asked", run: runOf({ id: run.id }), replayed: false };
      },
    },
  });
  const answer = await send(PATH, { as: "admin", body, headers });
  const [run] = all;
  if (!run) throw new Error(answer.text);
  expect(answer).toMatchObject({ status: 202, body: { id: run.id } });
  expect(answer.headers.get("location")).toBe(`${PATH}/${run.id}`);
  return run;
}

describe("POST reconcile", () => {
  test("asks for all, some products or a partition, in the mode that is named", async () => {
    expect(await asked({})).toMatchObject({ mode: "report", scope: { kind: "all" } });
    expect(await asked({ all: true, mode: "repair" })).toMatchObject({ mode: "repair" });
    const scope = { kind: "products", productIds: ["p1", "p2"] };
    expect(await asked({ productIds: ["p1", "p2"] })).toMatchObject({ scope });
    const partition = { kind: "partition", partition: 0 };
    expect(await asked({ partition: 0 })).toMatchObject({ scope: partition, askedBy: "admin:ada" });
  });

  test("asks for one run under one Idempotency-Key", async () => {
    const [one, again, other] = [
      await asked({}, { "idempotency-key": "k1" }),
      await asked({}, { "idempotency-key": "k1" }),
      await asked({ mode: "repair" }, { "idempotency-key": "k1" }),
    ];
    expect(again).toEqual(one);
    expect(other.id).toBe(one.id);
    expect(other.payload).not.toBe(one.payload);
    expect((await asked({})).id).not.toBe((await asked({})).id);
  });

  test("says so when the key asked for another run", async () => {
    const { send } = openApp({ runs: { ask: async () => ({ kind: "key_reused" }) } });
    const headers = { "idempotency-key": "k1" };
    const answer = await send(PATH, { as: "admin", body: {}, headers });
    expect(answer).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  });

  test.each<[object, string]>([
    [{ mode: "destroy" }, "mode"],
    [{ productIds: [] }, "productIds"],
    [{ productIds: ["{x}"] }, "productIds[0]"],
    [{ productIds: "p1" }, "productIds"],
    [{ partition: -1 }, "partition"],
    [{ partition: "0" }, "partition"],
    [{ partition: 1 }, "partition"],
    [{ all: false }, "all"],
    [{ all: true, partition: 0 }, ""],
    [{ scope: "all" }, "scope"],
  ])("refuses %j and names the field", async (body, path) => {
    const { send } = openApp();
    const answer = await send(PATH, { as: "admin", body });
    expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed" } });
    expect(answer.body["errors"]).toMatchObject([{ path }]);
  });
});

describe("GET reconcile", () => {
  test("tells how far a run is and what it found", async () => {
    const difference = {
      kind: "counter" as const,
      partition: 0,
      productId: "p1",
      location: "A",
      reservationId: null,
      redis: "5 on hand, 0 reserved",
      ledger: "4 on hand, 0 reserved",
      cause: "it changed without a record",
      repaired: true,
    };
    const checked = { products: 3, levels: 3, holds: 2, movements: 9 };
    const report = {
      checked,
      differences: [difference],
      differenceCount: 1,
      explained: 2,
      leftOutCount: 1,
      leftOut: [{ partition: 0, limit: "product:p9", why: "busy" as const }],
      unknownProductIds: [],
      quarantined: 0,
      quarantine: [],
    };
    const run = runOf({ status: "completed", progress: 100, report, startedAt: 1, finishedAt: 2 });
    const { send } = openApp({
      runs: { read: async () => run, list: async () => ({ items: [run], nextCursor: "there" }) },
    });
    const answer = await send(`${PATH}/${RUN_ID}`, { as: "admin" });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      id: RUN_ID,
      status: "completed",
      progress: 100,
      checked,
      differences: [difference],
      differenceCount: 1,
      startedAt: "1970-01-01T00:00:00.001Z",
      finishedAt: "1970-01-01T00:00:00.002Z",
    });
    const list = await send(PATH, { as: "admin" });
    expect(list.body).toMatchObject({ runs: [{ id: RUN_ID, differenceCount: 1 }] });
    expect(list.text).not.toContain("without a record");
    const next = await send(`${PATH}?cursor=${String(list.body["nextCursor"])}`, { as: "admin" });
    expect(next.status).toBe(200);
    const other = await send(`${PATH}?cursor=nonsense`, { as: "admin" });
    expect(other.body["errors"]).toMatchObject([{ path: "cursor" }]);
  });

  test("is refused with a time to come again while too many have not ended", async () => {
    const { send } = openApp({ runs: { ask: async () => ({ kind: "too_many_open" }) } });
    const answer = await send(PATH, { as: "admin", method: "POST", body: {} });
    expect(answer).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect(answer.headers.get("retry-after")).toMatch(/^[1-9]/);
  });

  test("knows no other run", async () => {
    const { send } = openApp();
    const answer = await send(`${PATH}/nothing`, { as: "admin" });
    expect(answer).toMatchObject({ status: 404, body: { code: "run_not_found" } });
    const bad = await send(`${PATH}/A%20B`, { as: "admin" });
    expect(bad.body["errors"]).toMatchObject([{ path: "runId" }]);
    const limit = await send(`${PATH}?limit=0`, { as: "admin" });
    expect(limit.body["errors"]).toMatchObject([{ path: "limit" }]);
  });
});

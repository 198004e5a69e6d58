/** Stock that is expected, over real servers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { codeIn } from "#test/caller";
import { Changed, EXPECTED_AT, Items, startExpecting } from "#test/expecting";

const TEST_MS_MAX = 60_000;
const ROUNDS = 10;

let all: Awaited<ReturnType<typeof startExpecting>>;
beforeAll(async () => {
  all = await startExpecting();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

describe("expected stock", () => {
  test("is noted, changed, received in parts and listed; it adds nothing before it comes", async () => {
    const productId = await all.initialize(5);
    const made = await all.expectUnits(productId, 30, { reference: "PO-7", location: "B" });
    expect(made).toMatchObject({ outstanding: 30, status: "EXPECTED", expectedAt: EXPECTED_AT });
    expect(await all.unitsOf(productId)).toBe(5);
    const path = `/incoming/${made.incomingId}`;
    const later = { quantity: 25, expectedAt: "2031-01-01T00:00:00Z" };
    const amended = await all.send({ method: "PATCH", path, body: later });
    expect(Changed.parse(amended.body).incoming).toMatchObject({ outstanding: 25, version: 2 });

    const part = await all.post(`${path}/receive`, { quantity: 10 });
    expect(part.status).toBe(200);
    expect(part.body).toMatchObject({
      received: { receipt: 1, quantity: 10 },
      incoming: { received: 10, outstanding: 15, status: "EXPECTED" },
      inventory: { totalStock: 15, locations: [{ location: "A" }, { location: "B", onHand: 10 }] },
    });
    const tooMany = await all.post(`${path}/receive`, { quantity: 16 });
    expect([tooMany.status, codeIn(tooMany)]).toEqual([409, "limit_exceeded"]);
    expect(tooMany.body).toMatchObject({ incoming: { outstanding: 15 } });
    const tooFew = await all.send({ method: "PATCH", path, body: { quantity: 9 } });
    expect([tooFew.status, codeIn(tooFew)]).toEqual([409, "limit_exceeded"]);

    const rest = await all.post(`${path}/receive`, {});
    expect(rest.body).toMatchObject({
      received: { receipt: 2, quantity: 15 },
      incoming: { outstanding: 0, status: "RECEIVED" },
    });
    expect(await all.unitsOf(productId)).toBe(30);
    expect(codeIn(await all.post(`${path}/receive`, {}))).toBe("limit_exceeded");
    expect(codeIn(await all.post(`${path}/cancel`, {}))).toBe("limit_exceeded");
    const restocks = await all.list({ productId, type: "RESTOCK" });
    expect(restocks).toMatchObject([
      { reference: "PO-7", reason: `incoming ${made.incomingId}, receipt 2` },
      { reference: "PO-7", reason: `incoming ${made.incomingId}, receipt 1`, location: "B" },
    ]);
  });

  test("is cancelled as often as one likes, and comes no more", async () => {
    const productId = await all.initialize(5);
    const { incomingId } = await all.expectUnits(productId, 30);
    const path = `/incoming/${incomingId}`;
    await all.post(`${path}/receive`, { quantity: 1 });
    for (const _ of [1, 2]) {
      const answer = await all.post(`${path}/cancel`, {});
      expect(answer.status).toBe(200);
      const { incoming } = Changed.parse(answer.body);
      expect(incoming).toMatchObject({ status: "CANCELLED", received: 1, outstanding: 0 });
    }
    expect(codeIn(await all.post(`${path}/receive`, {}))).toBe("limit_exceeded");
    expect(codeIn(await all.send({ method: "PATCH", path, body: { quantity: 50 } }))).toBe(
      "limit_exceeded",
    );
    expect(await all.unitsOf(productId)).toBe(6);
  });

  test("is listed by its date, page by page, with filters", async () => {
    const productId = await all.initialize(5);
    const dates = ["2030-03-01", "2030-01-01", "2030-01-01", "2030-02-01"];
    for (const date of dates)
      await all.expectUnits(productId, 2, { expectedAt: `${date}T00:00:00Z` });
    const rows = await all.rowsOf(`/incoming?productId=${productId}&`, 1);
    const found = rows.map((row) => z.string().parse(row["expectedAt"]).slice(0, 10));
    expect(found).toEqual(dates.toSorted());
    const received = await all.get(`/incoming?productId=${productId}&status=RECEIVED`);
    expect(received.body).toEqual({ items: [], nextCursor: null });
    const expected = await all.get(`/incoming?productId=${productId}&status=EXPECTED`);
    expect(Items.parse(expected.body).items).toHaveLength(4);
    const wrong = await all.get("/incoming?cursor=bm9uc2Vuc2U");
    expect([wrong.status, codeIn(wrong)]).toEqual([400, "validation_failed"]);
  });

  test("of an unknown product, and an unknown one, are 404", async () => {
    const body = { productId: "nobody", quantity: 1, expectedAt: EXPECTED_AT };
    expect(codeIn(await all.post("/incoming", body))).toBe("product_not_found");
    const path = `/incoming/${crypto.randomUUID()}`;
    for (const answer of [
      await all.post(`${path}/receive`, {}),
      await all.post(`${path}/cancel`, {}),
      await all.send({ method: "PATCH", path, body: { quantity: 1 } }),
    ]) {
      expect([answer.status, codeIn(answer)]).toEqual([404, "incoming_not_found"]);
    }
  });
});

describe("under an Idempotency-Key", () => {
  test("each change of expected stock happens once, and is answered again as it was", async () => {
    const productId = await all.initialize(5);
    const body = { productId, quantity: 30, expectedAt: EXPECTED_AT };
    const [key, receiveKey, amendKey] = [randomId(8), randomId(8), randomId(8)];
    const copies = await Promise.all(
      Array.from({ length: 5 }, () => all.post("/incoming", body, key)),
    );
    const [first] = copies;
    for (const copy of copies) expect([copy.status, copy.body]).toEqual([201, first?.body]);
    const { incomingId } = Changed.parse(first?.body).incoming;
    expect(codeIn(await all.post("/incoming", { ...body, quantity: 31 }, key))).toBe(
      "idempotency_key_reused",
    );
    const path = `/incoming/${incomingId}`;
    const change = { method: "PATCH", path, body: { quantity: 20 }, key: amendKey } as const;
    const amended = await all.send(change);
    const part = { quantity: 7 };
    const receipts = await Promise.all(
      Array.from({ length: 5 }, () => all.post(`${path}/receive`, part, receiveKey)),
    );
    for (const receipt of receipts) {
      expect([receipt.status, receipt.body]).toEqual([200, receipts[0]?.body]);
    }
    await all.post(`${path}/receive`, { quantity: 2 });
    const again = await all.post(`${path}/receive`, part, receiveKey);
    expect(again.body).toEqual(receipts[0]?.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const amendedAgain = await all.send(change);
    expect(amendedAgain.body).toEqual(amended.body);
    expect(amendedAgain.headers.get("idempotency-replayed")).toBe("true");
    expect(codeIn(await all.post(`${path}/receive`, { quantity: 8 }, receiveKey))).toBe(
      "idempotency_key_reused",
    );
    expect(await all.unitsOf(productId)).toBe(14);
    expect(await all.stateOf(incomingId)).toEqual([
      [9, "brought", 7],
      [9, "brought", 2],
    ]);
  });
});

test("copies of the call that receives the rest of a lot all hear that it did", async () => {
  const productId = await all.initialize(0);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { incomingId } = await all.expectUnits(productId, 4);
    const [key, last] = [randomId(8), round % 2 === 0 ? {} : { quantity: 4 }];
    const copies = await Promise.all(
      Array.from({ length: 6 }, () => all.post(`/incoming/${incomingId}/receive`, last, key)),
    );
    for (const { status, body } of copies) expect([status, body]).toEqual([200, copies[0]?.body]);
    expect(await all.unitsOf(productId)).toBe(4 * round);
  }
});

test("40 callers who receive one lot at once bring exactly what was expected", async () => {
  const productId = await all.initialize(0);
  const { incomingId } = await all.expectUnits(productId, 50);
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => all.post(`/incoming/${incomingId}/receive`, { quantity: 3 })),
  );
  const done = answers.filter(({ status }) => status === 200);
  expect(done).toHaveLength(16);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
  expect(await all.unitsOf(productId)).toBe(48);
});

/** Movements of the whole ledger, listed and exported over HTTP by real servers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Page, startAsking, sumOf, type Movement } from "#test/asking";
import { codeIn } from "#test/caller";

const TEST_MS_MAX = 60_000;

let all: Awaited<ReturnType<typeof startAsking>>;
beforeAll(async () => {
  all = await startAsking();
}, TEST_MS_MAX);
afterAll(() => all[Symbol.asyncDispose]());

describe("movements", () => {
  test(
    "are found by what they say, over all partitions",
    async () => {
      const histories = [];
      for (const partition of [0, 1, 2, 1]) histories.push(await all.withHistory(partition));
      const everything = await all.list({ order: "oldest" });
      expect(new Set(everything.map(({ partition }) => partition)).size).toBeGreaterThan(1);
      const ids = (rows: readonly Movement[]) => rows.map(({ movementId }) => movementId);
      const found = async (
        query: Record<string, string>,
        matches: (movement: Movement) => boolean,
      ): Promise<number> => {
        const expected = ids(everything.filter(matches));
        expect(expected.length).toBeGreaterThan(0);
        expect(ids(await all.list({ ...query, order: "oldest" }, 4))).toEqual(expected);
        expect(ids(await all.list(query, 7))).toEqual(expected.toReversed());
        const lines = (await all.exported(query)).trimEnd().split("\n");
        const rows = lines.map((line) => JSON.parse(line));
        expect(rows.pop()).toEqual({ complete: true, movements: expected.length, lag: 0 });
        expect(ids(rows).toSorted()).toEqual(expected.toSorted());
        return expected.length;
      };
      const { productId, orderId, holdId } = histories[2] ?? {
        productId: "",
        orderId: "",
        holdId: "",
      };
      await found({}, () => true);
      await found({ productId }, (row) => row.productId === productId);
      await found({ orderId }, (row) => row.orderId === orderId);
      expect(await found({ reservationId: holdId }, (row) => row.reservationId === holdId)).toBe(3);
      await found(
        { productId, location: "B" },
        (row) => row.productId === productId && row.location === "B",
      );
      await found({ type: "SALE,RESERVE" }, ({ type }) => type === "SALE" || type === "RESERVE");
      await found({ type: "TRANSFER" }, ({ type }) => type === "TRANSFER");
      await found({ actor: "admin:ada" }, ({ actor }) => actor === "admin:ada");
      await found({ reference: "=1+1" }, ({ reference }) => reference === "=1+1");
      await found({ partition: "1" }, ({ partition }) => partition === 1);
      const requestId = everything.at(-1)?.requestId ?? "";
      await found({ requestId }, (row) => row.requestId === requestId);
      const [from, to] = [everything[5]?.timestamp ?? "", everything.at(-5)?.timestamp ?? ""];
      await found({ from, to }, ({ timestamp }) => timestamp >= from && timestamp < to);
    },
    TEST_MS_MAX,
  );

  test("say what was before and after, and the difference", async () => {
    const { productId } = await all.withHistory();
    const movements = await all.list({ productId, order: "oldest" });
    for (const { before, after, delta } of movements) {
      expect(delta).toEqual({
        totalStock: after.totalStock - before.totalStock,
        reservedStock: after.reservedStock - before.reservedStock,
      });
    }
    const sum = (name: "totalStock" | "reservedStock") =>
      sumOf(
        movements.map(({ delta }) => delta),
        name,
      );
    const now = await all.get(`/product/${productId}`);
    expect(now.body).toMatchObject({ totalStock: sum("totalStock"), reservedStock: 0 });
    expect(sum("reservedStock")).toBe(0);
  });

  test.each([
    ["cursor=WzEsMl0", "cursor"],
    ["cursor=nonsense", "cursor"],
    ["type=SALE,THEFT", "type[1]"],
    ["from=yesterday", "from"],
    ["from=2025-01-02T00:00:00Z&to=2025-01-02T00:00:00Z", "to"],
    ["limit=501", "limit"],
    ["order=sideways", "order"],
    ["partition=-1", "partition"],
    ["product=p1", "product"],
  ])("400 for %s, which names it", async (query, path) => {
    const answer = await all.get(`/movements?${query}`);
    expect([answer.status, codeIn(answer)]).toEqual([400, "validation_failed"]);
    expect(answer.body).toMatchObject({ errors: [{ path }] });
  });

  test("of several types may name the parameter several times", async () => {
    const { productId } = await all.withHistory();
    const answer = await all.get(`/movements?productId=${productId}&type=SALE&type=TRANSFER`);
    const types = Page.parse(answer.body).items.map(({ type }) => type);
    expect(new Set(types)).toEqual(new Set(["SALE", "TRANSFER"]));
  });
});

test("no text of a caller is a formula in a table, nor breaks its line", async () => {
  const { productId } = await all.withHistory();
  const table = await all.exported({ productId }, "csv");
  expect(table).toContain(",'=1+1,");
  expect(table).toContain(',"a ""b"", c",');
  expect(table).not.toMatch(/[,\n"][=@]/);
});

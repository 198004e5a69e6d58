import { describe, expect, test } from "bun:test";
import type { NewCountRun } from "#inventory/count-run-ports";
import { openApp } from "#test/http-app";
import { countRunOf, RUN_ID } from "#test/runs-double";

const PATH = "/api/inventory/counts/runs";
const AT = "2025-01-01T00:00:00.000Z";
const CSV = { "content-type": "text/csv; charset=utf-8" };
const HEADER = "productId,quantity,countedAt,location";

/** What reached the runs, and what was answered. */
async function sent(body: object | string, headers: Record<string, string> = {}, query = "") {
  const asked: NewCountRun[] = [];
  const { send } = openApp({
    countRuns: {
      ask: async (run) => {
        asked.push(run);
        return { kind: "asked", run: countRunOf({ id: run.id }), replayed: false };
      },
    },
  });
  const answer = await send(PATH + query, { as: "admin", body, headers });
  return { run: asked[0], answer };
}

async function rowsOf(
  body: object | string,
  headers?: Record<string, string>,
): Promise<readonly object[]> {
  const { run, answer } = await sent(body, headers);
  if (run === undefined) throw new Error(answer.text);
  return run.rows;
}

const count = { productId: "p1", quantity: 5, countedAt: AT };
const row = {
  line: null,
  productId: "p1",
  quantity: 5,
  countedAt: Date.parse(AT),
  location: null,
};

describe("POST counts/runs", () => {
  test("takes JSON and CSV alike", async () => {
    const counts = [count, { ...count, location: "A B" }];
    const rows = [
      { row: 1, ...row },
      { row: 2, ...row, location: "A B" },
    ];
    expect(await rowsOf({ counts })).toEqual(rows);
    const texts = [
      `${HEADER}\np1,5,${AT},\np1,5,${AT},A B\n`,
      `\uFEFF${HEADER}\r\n\r\n"p1","5","${AT}",\r\np1,5,${AT},"A B"`,
      `location;countedAt; quantity;productId\n;${AT};5;p1\nA B;${AT};5;p1\n`,
    ];
    const lines = [
      [2, 3],
      [3, 4],
      [2, 3],
    ];
    for (const [index, text] of texts.entries()) {
      const numbered = rows.map((one, place) => ({ ...one, line: lines[index]?.[place] }));
      expect(await rowsOf(text, CSV)).toEqual(numbered);
    }
    const { answer } = await sent({ counts });
    const { id } = answer.body;
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `${PATH}/${String(id)}`]);
  });

  test("says of a row that is no count what is wrong with it, and takes the others", async () => {
    const bad = [
      { ...count, productId: "{p}" },
      { ...count, quantity: -1 },
      { ...count, quantity: 1.5 },
      { ...count, countedAt: "yesterday" },
      { ...count, surprise: 1 },
      { productId: "counts", quantity: 1, countedAt: AT },
      null,
      "p1",
      JSON.parse('{"__proto__": 1}'),
      { ...count, ["\u0000\ud800"]: 1 },
    ];
    const rows = await rowsOf({ counts: [...bad, count] });
    expect(rows.at(-1)).toEqual({ row: bad.length + 1, ...row });
    const wrong = rows.slice(0, -1).map((one) => ("wrong" in one ? String(one.wrong) : ""));
    expect(wrong.filter((words) => words === "")).toEqual([]);
    expect(wrong.map((words) => words.split(" ")[0]).slice(0, 5)).toEqual([
      "productId",
      "quantity",
      "quantity",
      "countedAt",
      "surprise",
    ]);
    expect(wrong.join("")).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  });

  test("words what is wrong with a quantity alike in JSON and CSV, and says whose it is", async () => {
    const quantities = ["-1", "1.5", "-0.5", "1000000000001"];
    const place = { productId: "p1", location: "A" };
    const json = await rowsOf({
      counts: quantities.map((text) => ({ ...count, location: "A", quantity: Number(text) })),
    });
    const lines = quantities.map((text) => `p1,"${text}",${AT},A`);
    const csv = await rowsOf(`${HEADER}\n\n${lines.join("\n")}`, CSV);
    expect(csv).toMatchObject(json.map((one) => ({ ...one, line: expect.any(Number) })));
    expect(csv).toMatchObject([
      { ...place, row: 1, line: 3, wrong: "quantity must be at least 0" },
      { ...place, row: 2, line: 4, wrong: "quantity must be a whole number" },
      { ...place, row: 3, line: 5, wrong: "quantity must be a whole number" },
      { ...place, row: 4, line: 6, wrong: "quantity must be at most 1000000000000" },
    ]);
  });

  test("refuses in the body what belongs in the query, and another type by what it takes", async () => {
    const body = { counts: [count], commit: true, surprise: 1 };
    const { answer } = await sent(body);
    expect([answer.status, answer.body["errors"]]).toEqual([
      400,
      [
        { path: "commit", message: "is no field of the body: send it in the query (?commit=…)" },
        { path: "surprise", message: "is not a field of this call" },
      ],
    ]);
    const xml = await sent("<counts/>", { "content-type": "text/xml" });
    expect(xml.answer).toMatchObject({
      status: 415,
      body: { message: "the body must be sent as application/json or text/csv" },
    });
  });

  test("reads hostile CSV row by row", async () => {
    const lines = [
      `p1,5,${AT}`,
      `p1,5,${AT},A,B`,
      `p"1,5,${AT},`,
      `"p1"\u0000,5,${AT},`,
      `p1,0x10,${AT},`,
      `p1,1e3,${AT},`,
      `p1,9999999999999999999,${AT},`,
      `=cmd|' /C calc'!A0,5,${AT},`,
      `p1,5,${"9".repeat(5_000)},`,
      "\u202e,\ud800,\u0000,",
      `p1,5,${AT},`,
      `"p1,5,${AT},`,
    ];
    const rows = await rowsOf(`${HEADER}\n${lines.join("\n")}\n`, CSV);
    expect(rows.map((one) => "wrong" in one)).toEqual(lines.map((_, index) => index !== 10));
    for (const one of rows) {
      const words = "wrong" in one ? String(one.wrong) : "x";
      expect(words.length).toBeGreaterThan(0);
      expect(words.length).toBeLessThan(2_000);
      expect(words).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
    }
  });

  test.each<[string, string, string]>([
    ["nothing", "", "counts"],
    ["a header alone", "productId,quantity,countedAt", "counts"],
    ["a header without an instant", "productId,quantity", "header"],
    ["a field twice", "productId,quantity,countedAt,countedAt\n", "header"],
    ["a strange field", "productId,quantity,countedAt,\u0000\n", "header"],
    ["an open quote", `"productId`, "header"],
    ["one long line", "x".repeat(5_000), "header"],
  ])("refuses a CSV of %s as a whole", async (_what, text, path) => {
    const { answer, run } = await sent(text, CSV);
    expect(run).toBeUndefined();
    expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed" } });
    expect(answer.body["errors"]).toMatchObject([{ path }]);
  });

  test("takes 100 000 rows and not one more", async () => {
    const line = `p1,5,${AT},Shelf\n`;
    for (const [rows, status] of [
      [100_000, 202],
      [100_001, 413],
    ] as const) {
      const text = `${HEADER}\n${line.repeat(rows)}`;
      const headers = { ...CSV, "content-length": String(text.length) };
      const { answer } = await sent(text, headers);
      expect(answer.status).toBe(status);
    }
    const undeclared = await sent(`${HEADER}\n${line.repeat(100_000)}`, CSV);
    expect(undeclared.answer).toMatchObject({ status: 413, body: { code: "body_too_large" } });
    const counts = Array.from({ length: 100_001 }, () => 0);
    const many = await sent({ counts }, { "content-length": "400000" });
    expect(many.answer).toMatchObject({ status: 413, body: { code: "too_many_items" } });
  });

  test("one Idempotency-Key is one run of one wish, which stands in the query too", async () => {
    const key = { "idempotency-key": "k1" };
    const body = { counts: [count] };
    const asked = await Promise.all(
      ["", "", "?commit=true", "?errorPolicy=reject_failed", "?reference=x"].map(
        async (query) => (await sent(body, key, query)).run,
      ),
    );
    expect(new Set(asked.map((run) => run?.id)).size).toBe(1);
    expect(new Set(asked.map((run) => run?.payload)).size).toBe(4);
    const { send } = openApp({ countRuns: { ask: async () => ({ kind: "key_reused" }) } });
    const answer = await send(PATH, { as: "admin", body, headers: key });
    expect(answer).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  });

  test("is refused while too many have not ended", async () => {
    const { send } = openApp({ countRuns: { ask: async () => ({ kind: "too_many_open" }) } });
    const answer = await send(PATH, { as: "admin", body: { counts: [count] } });
    expect(answer).toMatchObject({ status: 429, body: { code: "rate_limited", retryable: true } });
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  test.each(["commit=1", "errorPolicy=none", "reference=", "surprise=1"])(
    "refuses the query %s",
    async (query) => {
      const { answer } = await sent({ counts: [count] }, {}, `?${query}`);
      const [path] = query.split("=");
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
    },
  );
});

describe("GET counts/runs", () => {
  test("has the runs without their errors, page by page", async () => {
    const asked: unknown[] = [];
    const { send } = openApp({
      countRuns: {
        list: async (cursor, limit) => {
          asked.push([cursor, limit]);
          return { items: [countRunOf({ rows: 4, done: 2, succeeded: 1 })], nextCursor: "abc" };
        },
      },
    });
    const first = await send(PATH, { as: "admin" });
    const cursor = expect.stringMatching(/^[0-9a-f]{8}\.abc$/);
    expect([first.status, first.body["nextCursor"]]).toEqual([200, cursor]);
    expect(first.body["runs"]).toEqual([
      expect.objectContaining({ id: RUN_ID, done: 2, failed: 1, progress: 25 }),
    ]);
    expect(first.text).not.toContain("errors");
    await send(`${PATH}?cursor=${String(first.body["nextCursor"])}&limit=7`, { as: "admin" });
    expect(asked).toEqual([
      [null, 50],
      ["abc", 7],
    ]);
    for (const query of ["limit=0", "limit=201", "cursor=", "cursor=abc", "surprise=1"]) {
      const answer = await send(`${PATH}?${query}`, { as: "admin" });
      expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed" } });
    }
  });
});

describe("GET counts/runs/:runId", () => {
  test("tells how far it is over both passes, and what was refused, page by page", async () => {
    const error = {
      row: 3,
      line: null,
      productId: "p1",
      location: null,
      code: "counted_since",
      message: "m",
    };
    const run = countRunOf({ status: "running", pass: "apply", rows: 4, done: 2, succeeded: 1 });
    const { send } = openApp({
      countRuns: {
        read: async () => run,
        errors: async (_id, after) => (after < 3 ? [error] : []),
      },
    });
    const first = await send(`${PATH}/${RUN_ID}?limit=1`, { as: "admin" });
    expect(first.body).toMatchObject({ progress: 75, done: 2, succeeded: 1, failed: 1 });
    expect(first.body).toMatchObject({ errors: [error], nextCursor: "3" });
    const last = await send(`${PATH}/${RUN_ID}?limit=1&cursor=3`, { as: "admin" });
    expect(last.body).toMatchObject({ errors: [], nextCursor: null });
  });

  test("knows no other run", async () => {
    const { send } = openApp();
    const answer = await send(`${PATH}/nothing`, { as: "admin" });
    expect(answer).toMatchObject({ status: 404, body: { code: "run_not_found" } });
  });
});

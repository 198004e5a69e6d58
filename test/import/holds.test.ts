/** Whose holds are there after an import, and who can end them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { asAdmin, fileOf, importing, lines, openImportBed, reported } from "#test/imports";
import { reportFile, stockOf, type ImportBed } from "#test/imports";
import type { Service } from "#test/service";

const START_MS_MAX = 60_000;
const MINUTE_MS = 60_000;
/** Not a whole number of minutes: the minutes that are left are the same over a test. */
const DUE_MS = 10.9 * MINUTE_MS;

let bed: ImportBed;
let service: Service;

beforeAll(async () => {
  bed = await openImportBed();
  ({ service } = bed);
}, START_MS_MAX);

afterAll(() => bed[Symbol.asyncDispose]());

/** An item of the DynamoDB service's tables, in its own JSON. */
const typed = (item: Readonly<Record<string, string | number>>): object =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      typeof value === "number" ? { N: String(value) } : { S: value },
    ]),
  );

const stock = (productId: string, totalStock: number) => typed({ productId, totalStock });

/** A live hold of `order-<product>`. */
const hold = (productId: string, quantity: number, reservationId: string) =>
  typed({
    reservationId,
    productId,
    orderId: `order-${productId}`,
    quantity,
    status: "ACTIVE",
    expiresAt: Date.now() + DUE_MS,
  });

const dynamodb = async (items: readonly object[], target: Pick<Service, "url"> = service) => {
  const [file, report] = [await fileOf("data.json", lines(items)), await reportFile()];
  const run = await importing(target, ["--from", "dynamodb", "--report", report, file]);
  return { ...run, file, rows: reported(report) };
};

/** Sends as a caller of contract C or D, who has no token. */
async function call(method: string, path: string, body: object) {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  return { status: response.status, answer };
}

describe("one owner", () => {
  test("with two live holds of a product is refused, and both rows are named", async () => {
    const { file, ...run } = await dynamodb([
      stock("two-1", 9),
      hold("two-1", 2, "a"),
      hold("two-1", 3, "b"),
    ]);
    expect(run.code).toBe(1);
    const told = (line: number, other: number) =>
      `${file}:${line}: hold refused: orderId order-two-1 holds this product also at ${file}:${other}`;
    expect(run.output).toContain(told(2, 3));
    expect(run.output).toContain(told(3, 2));
    expect(run.output).toContain("holds: 2 read, 2 refused");
    expect(await stockOf(service, "two-1")).toMatchObject({ totalStock: 9, reservedStock: 0 });
  });

  test("is told before anything is sent", async () => {
    const rows = [stock("two-2", 9), hold("two-2", 2, "a"), hold("two-2", 2, "b")];
    const file = await fileOf("data.json", lines(rows));
    const { code, output } = await importing(service, ["--from", "dynamodb", "--dry-run", file]);
    expect({ code, output }).toMatchObject({
      code: 1,
      output: expect.stringContaining("2 refused"),
    });
    expect(await stockOf(service, "two-2")).toBeNull();
  });
});

describe("contract D's callers", () => {
  const dump = (product: string) =>
    [
      'COPY stock ("productId", quantity, reserved) FROM stdin;',
      `${product}\t5\t4`,
      "\\.",
      'COPY orders ("orderId", "productId", quantity) FROM stdin;',
      `o1\t${product}\t3`,
      `o1\t${product}\t1`,
      "\\.\n",
    ].join("\n");
  const cancel = (product: string, quantity: number) =>
    call("PUT", `/inventory/cancel-reservation/${product}`, { orderId: "o1", quantity });

  test("give back what their service held, and a later import does not hold it anew", async () => {
    const [file, report] = [await fileOf("dump.sql", dump("nest-1")), await reportFile()];
    const args = ["--from", "nest", "--report", report, file];
    const first = await importing(service, args);
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining("1 read, 1 imported") });
    expect(await stockOf(service, "nest-1")).toMatchObject({ totalStock: 9, reservedStock: 4 });
    expect(reported(report)).toMatchObject([{ outcome: "imported", orderId: "o1", quantity: 4 }]);
    const compared = await importing(service, ["--from", "nest", "--compare", file]);
    expect(compared.code).toBe(0);

    expect((await cancel("nest-1", 1)).status).toBe(200);
    expect((await importing(service, args)).output).toContain("holds: 1 read, 1 ended");
    expect(reported(report)).toMatchObject([{ outcome: "ended", status: "ACTIVE", held: 3 }]);
    expect((await cancel("nest-1", 3)).status).toBe(200);
    expect((await cancel("nest-1", 1)).answer).toMatchObject({ statusCode: 603 });
    const again = await importing(service, args);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining("1 read, 1 ended") });
    expect(await stockOf(service, "nest-1")).toMatchObject({ totalStock: 9, reservedStock: 0 });
  });

  test("and whoever knows what was delivered sells it through contract A, by the report's id", async () => {
    const [file, report] = [await fileOf("dump.sql", dump("nest-3")), await reportFile()];
    await importing(service, ["--from", "nest", "--report", report, file]);
    const [row] = reported(report);
    const path = `/reservation/${String(row?.["reservationId"])}/confirm`;
    await asAdmin(service, "POST", path, {});
    expect(await stockOf(service, "nest-3")).toMatchObject({ totalStock: 5, reservedStock: 0 });
  });

  test("a hold of the same order that another contract keeps is a conflict", async () => {
    const file = await fileOf("dump.sql", dump("nest-2"));
    await asAdmin(service, "POST", "/initialize", {
      productId: "nest-2",
      sku: "nest-2",
      initialStock: 9,
    });
    const held = { quantity: 4, orderId: "o1", standing: true };
    await asAdmin(service, "POST", "/product/nest-2/reserve", held);
    const { code, output } = await importing(service, ["--from", "nest", file]);
    expect(code).toBe(1);
    expect(output).toContain("hold conflict: quantity is held through another contract");
    expect(await stockOf(service, "nest-2")).toMatchObject({ reservedStock: 4 });
  });
});

describe("contract C's callers", () => {
  const text = JSON.stringify([{ productId: 71, quantity: 9, reserved: 4, location: "Hall 1" }]);
  const draw = (verb: string, quantity: number) =>
    call("POST", `/api/inventory/71/${verb}`, { quantity });

  test("release what their service held, and a later import does not hold it anew", async () => {
    const file = await fileOf("stock.json", text);
    const args = ["--from", "json", "--through", "eureka", file];
    const first = await importing(service, args);
    expect(first).toMatchObject({
      code: 0,
      output: expect.stringContaining("holds: 1 read, 1 imp"),
    });
    expect(await stockOf(service, "71")).toMatchObject({ totalStock: 9, reservedStock: 4 });
    expect((await importing(service, args)).output).toContain("holds: 1 read, 1 unchanged");
    expect((await importing(service, [...args, "--compare"])).code).toBe(0);

    expect((await draw("release", 3)).status).toBe(200);
    expect((await draw("release", 2)).status).toBe(400);
    expect((await importing(service, args)).output).toContain("holds: 1 read, 1 ended");
    expect((await draw("release", 1)).status).toBe(200);
    expect((await importing(service, args)).output).toContain("holds: 1 read, 1 ended");
    expect(await stockOf(service, "71")).toMatchObject({ totalStock: 9, reservedStock: 0 });
  });

  test("of an order draw on its own hold", async () => {
    const file = await fileOf("stock.json", text.replace("71", "72"));
    const args = ["--from", "json", "--through", "eureka", "--held-by", "o1", file];
    expect(await importing(service, args)).toMatchObject({ code: 0 });
    const path = "/api/inventory/72/deduct";
    expect((await call("POST", path, { quantity: 4 })).status).toBe(400);
    expect((await call("POST", path, { quantity: 4, orderId: "o1" })).status).toBe(200);
    expect(await stockOf(service, "72")).toMatchObject({ totalStock: 5, reservedStock: 0 });
  });
});

test(
  "holds of a contract that the service does not serve end the run before anything is sent",
  async () => {
    await using plain = await openImportBed({ CONTRACTS: "inventory" });
    const nest = new URL("dumps/copy.sql", import.meta.url).pathname;
    const eureka = await fileOf("stock.json", '[{"productId":"own-1","quantity":9,"reserved":4}]');
    for (const [contract, product, args] of [
      ["nestjs", "lamp-1", ["--from", "nest", nest]],
      ["eureka", "own-1", ["--from", "json", "--through", "eureka", eureka]],
    ] as const) {
      const { code, output } = await importing(plain.service, args);
      expect(code).toBe(1);
      expect(output).toContain(`the service does not serve contract ${contract}`);
      expect(await stockOf(plain.service, product)).toBeNull();
    }
  },
  START_MS_MAX,
);

test(
  "an import says that it needs contract `inventory`, whichever others are served",
  async () => {
    const file = await fileOf("stock.json", '[{"productId":"alone-1","quantity":9}]');
    for (const CONTRACTS of ["eureka", "fastapi", "nestjs"]) {
      await using alone = await openImportBed({ CONTRACTS });
      for (const more of [[], ["--compare"]]) {
        const { code, output } = await importing(alone.service, ["--from", "json", file, ...more]);
        expect(code).toBe(1);
        expect(output).toContain("the service does not serve contract inventory, over which");
        expect(output).toContain("nothing was sent: start it with inventory in CONTRACTS");
      }
    }
  },
  START_MS_MAX,
);

test(
  "a hold is found behind the first page of its order's, and is not made again",
  async () => {
    const ids = Array.from({ length: 210 }, (_, index) => `page-${index}`);
    const items = ids.map((productId) => ({ productId, sku: productId, initialStock: 5 }));
    await asAdmin(service, "POST", "/bulk/initialize", { items });
    const held = { quantity: 2, orderId: "order-page-0", expirationMinutes: 30 };
    const Held = z.object({ reservation: z.object({ reservationId: z.string() }) });
    const first = Held.parse(await asAdmin(service, "POST", "/product/page-0/reserve", held));
    for (const id of ids.slice(1)) await asAdmin(service, "POST", `/product/${id}/reserve`, held);
    const { rows, ...run } = await dynamodb([stock("page-0", 5), hold("page-0", 2, "old")]);
    expect(run).toMatchObject({
      code: 0,
      output: expect.stringContaining("holds: 1 read, 1 unch"),
    });
    expect(rows).toMatchObject([{ outcome: "unchanged", sourceId: "old", ...first.reservation }]);
  },
  START_MS_MAX,
);

/** Stands before the service, and changes some of its answers. */
function between(change: (request: Request, answer: Response) => Promise<Response>) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const body = method === "GET" ? null : await request.text();
      const target = `${service.url}${pathname}${search}`;
      return await change(request, await fetch(target, { method, headers, body }));
    },
  });
}
const urlOf = ({ port }: Bun.Server<undefined>) => ({ url: `http://127.0.0.1:${port}` });

describe("an answer", () => {
  test("that was given before is not believed: what was held then may have ended", async () => {
    const items = [stock("replay-1", 9), hold("replay-1", 2, "old")];
    const { rows } = await dynamodb(items);
    await asAdmin(service, "POST", `/reservation/${String(rows[0]?.["reservationId"])}/cancel`, {});
    let lists = 0;
    await using blind = between(async ({ url }, answer) => {
      if (!url.includes("/reservations?")) return answer;
      lists += 1;
      return lists > 1 ? answer : Response.json({ items: [], nextCursor: null });
    });
    const again = await dynamodb(items, urlOf(blind));
    expect(lists).toBe(2);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining("1 read, 1 ended") });
    expect(await stockOf(service, "replay-1")).toMatchObject({ reservedStock: 0 });
  });

  test("with another quantity than was asked for is a conflict", async () => {
    await using wrong = between(async ({ url }, answer) => {
      if (!url.endsWith("/reserve")) return answer;
      const text = (await answer.text()).replaceAll('"quantity":2', '"quantity":1');
      return new Response(text, { status: answer.status });
    });
    const items = [stock("less-1", 9), hold("less-1", 2, "old")];
    const { code, output } = await dynamodb(items, urlOf(wrong));
    expect(code).toBe(1);
    expect(output).toContain("hold conflict: quantity is 1 in Holdfast, here 2");
  });

  test(
    "of a server that is not ours ends the run: without an end, or of another shape",
    async () => {
      const mebibyte = new Uint8Array(1024 * 1024).fill(0x20);
      let sent = 0;
      const endless = () =>
        new ReadableStream<Uint8Array>({
          pull(controller) {
            sent += 1;
            controller.enqueue(mebibyte);
          },
        });
      for (const [answer, told] of [
        [() => new Response(endless()), "the answer has more than 16777216 bytes"],
        [() => Response.json({ results: [{}] }), "was answered in another shape, at results.0"],
        [() => Response.json([]), "was answered in another shape"],
      ] as const) {
        await using foreign = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
        const { code, output } = await dynamodb([stock("foreign-1", 1)], urlOf(foreign));
        expect(code).toBe(1);
        expect(output).toContain(told);
        expect(output).not.toMatch(/^ +at /m);
      }
      expect(sent).toBeLessThan(64);
    },
    START_MS_MAX,
  );
});

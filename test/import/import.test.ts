/** The command against a service with its own Redis and PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  asAdmin,
  fileOf,
  importing,
  lines,
  openImportBed,
  reported,
  reportFile,
} from "#test/imports";
import { stockOf, type ImportBed } from "#test/imports";
import { runMain, tokenOf, type Service } from "#test/service";

const START_MS_MAX = 60_000;
const MINUTE_MS = 60_000;

let bed: ImportBed;
let service: Service;

beforeAll(async () => {
  bed = await openImportBed();
  ({ service } = bed);
}, START_MS_MAX);

afterAll(() => bed[Symbol.asyncDispose]());

async function reservation(id: string): Promise<Record<string, unknown>> {
  const authorization = `Bearer ${await tokenOf("admin", "somebody")}`;
  const response = await fetch(`${service.url}/api/inventory/reservation/${id}`, {
    headers: { authorization },
  });
  return z.record(z.string(), z.unknown()).parse(await response.json());
}

describe("dynamodb", () => {
  const due = Date.now() + 10 * MINUTE_MS;
  const items = [
    {
      productId: { S: "dyn-1" },
      sku: { S: "DYN-1" },
      availableStock: { N: "40" },
      reservedStock: { N: "3" },
      totalStock: { N: "43" },
      location: { S: "Warehouse A" },
      reorderPoint: { N: "7" },
    },
    {
      reservationId: { S: "old-1" },
      productId: { S: "dyn-1" },
      orderId: { S: "dyn-order" },
      userId: { S: "carol" },
      quantity: { N: "2" },
      status: { S: "ACTIVE" },
      expiresAt: { S: new Date(due).toISOString() },
    },
    {
      reservationId: { S: "old-2" },
      productId: { S: "dyn-1" },
      orderId: { S: "dyn-late" },
      quantity: { N: "1" },
      status: { S: "ACTIVE" },
      expiresAt: { S: new Date(due - 11 * MINUTE_MS).toISOString() },
    },
    {
      movementId: { S: "m-1" },
      productId: { S: "dyn-1" },
      type: { S: "SALE" },
      quantity: { N: "-1" },
    },
  ];

  test("brings stock and live holds with the minutes they have left, and tells their new ids", async () => {
    const file = await fileOf("data.json.gz", Bun.gzipSync(lines(items.map((Item) => ({ Item })))));
    const report = await reportFile();
    const first = await importing(service, ["--from", "dynamodb", "--report", report, file]);
    expect(first).toEqual({
      code: 0,
      output:
        `done, into ${service.url}; products: 1 read, 1 imported; holds: 1 read, 1 imported; ` +
        "2 rows of history stay in the export\n",
    });
    expect(await stockOf(service, "dyn-1")).toMatchObject({
      sku: "DYN-1",
      totalStock: 43,
      reservedStock: 2,
      availableStock: 41,
    });
    const [line] = reported(report);
    expect(line).toMatchObject({ outcome: "imported", sourceId: "old-1", orderId: "dyn-order" });
    const hold = await reservation(String(line?.["reservationId"]));
    expect(hold).toMatchObject({ status: "ACTIVE", quantity: 2, customerId: "carol" });
    const expiresAt = Date.parse(String(hold["expiresAt"]));
    expect(expiresAt).toBeGreaterThanOrEqual(due - 1000);
    expect(expiresAt).toBeLessThanOrEqual(due + MINUTE_MS + 1000);

    const again = await importing(service, ["--from", "dynamodb", "--report", report, file]);
    expect(again.code).toBe(0);
    expect(again.output).toContain("products: 1 read, 1 unchanged; holds: 1 read, 1 unchanged;");
    expect(reported(report)).toMatchObject([{ outcome: "unchanged", sourceId: "old-1" }]);
    expect(await stockOf(service, "dyn-1")).toMatchObject({ totalStock: 43, reservedStock: 2 });
  });

  test("does not hold anew what was cancelled here since", async () => {
    const file = await fileOf("data.json", lines(items.map((Item) => ({ Item }))));
    const report = await reportFile();
    await importing(service, ["--from", "dynamodb", "--report", report, file]);
    const [line] = reported(report);
    await asAdmin(service, "POST", `/reservation/${String(line?.["reservationId"])}/cancel`, {});
    const again = await importing(service, ["--from", "dynamodb", file]);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining("1 read, 1 ended;") });
    expect(await stockOf(service, "dyn-1")).toMatchObject({ totalStock: 43, reservedStock: 0 });
  });
});

describe("nest", () => {
  test("brings what is free and what orders hold, which their service can give back", async () => {
    const file = new URL("dumps/copy.sql", import.meta.url).pathname;
    const first = await importing(service, ["--from", "nest", file]);
    expect(first.output).toContain("products: 3 read, 3 imported; holds: 2 read, 2 imported;");
    expect(first.code).toBe(0);
    const expected = { totalStock: 47, reservedStock: 7, availableStock: 40 };
    expect(await stockOf(service, "lamp-1")).toMatchObject(expected);
    const again = await importing(service, ["--from", "nest", file]);
    expect(again.output).toContain("products: 3 read, 3 unchanged; holds: 2 read, 2 unchanged;");
    expect(await stockOf(service, "lamp-1")).toMatchObject(expected);
    const compared = await importing(service, ["--from", "nest", "--compare", file]);
    expect(compared).toMatchObject({
      code: 0,
      output: expect.stringContaining(`compared with ${service.url}; `),
    });
  });
});

describe("json and csv", () => {
  test("bring names, prices and the stock of each location", async () => {
    const text = [
      "product_id,name,quantity,price,location",
      'multi-1,"Lamp, tall",5,9.99,North',
      'multi-1,"Lamp, tall",7,9.99,South',
      'multi-1,"Lamp, tall",9,9.99,East',
      "multi-2,Chair,0,,North",
    ].join("\r\n");
    const file = await fileOf("stock.csv", text);
    const first = await importing(service, ["--from", "csv", file]);
    expect(first).toEqual({
      code: 0,
      output: `done, into ${service.url}; products: 2 read, 2 imported; holds: 0 read\n`,
    });
    const levels = [
      { location: "North", onHand: 5 },
      { location: "South", onHand: 7 },
      { location: "East", onHand: 9 },
    ];
    const expected = { sku: "multi-1", name: "Lamp, tall", totalStock: 21, locations: levels };
    expect(await stockOf(service, "multi-1")).toMatchObject(expected);
    const again = await importing(service, ["--from", "csv", file]);
    expect(again.output).toContain("2 unchanged");
    expect(await stockOf(service, "multi-1")).toMatchObject(expected);
  });

  test("a location that an earlier run did not come to is brought by the next", async () => {
    const rows = (levels: readonly object[]) =>
      JSON.stringify([{ productId: "part-1", locations: levels }]);
    const [north, south] = [
      { location: "North", quantity: 5 },
      { location: "South", quantity: 7 },
    ];
    await importing(service, ["--from", "json", await fileOf("a.json", rows([north]))]);
    const whole = await fileOf("b.json", rows([north, south]));
    expect(await importing(service, ["--from", "json", whole])).toMatchObject({ code: 0 });
    expect(await stockOf(service, "part-1")).toMatchObject({ totalStock: 12 });
    expect(await importing(service, ["--from", "json", whole])).toMatchObject({ code: 0 });
    expect(await stockOf(service, "part-1")).toMatchObject({ totalStock: 12 });
  });

  test("attributes that the source has otherwise are brought, stock never", async () => {
    const row = { productId: "amend-1", quantity: 5, name: "Lamp" };
    const file = (changes: object) => fileOf("a.json", JSON.stringify([{ ...row, ...changes }]));
    await importing(service, ["--from", "json", await file({})]);
    const amended = await importing(service, ["--from", "json", await file({ name: "Lantern" })]);
    expect(amended).toMatchObject({ code: 0, output: expect.stringContaining("1 amended") });
    expect(await stockOf(service, "amend-1")).toMatchObject({ name: "Lantern", totalStock: 5 });

    const path = await file({ quantity: 6, name: "Torch" });
    const conflict = await importing(service, ["--from", "json", path]);
    expect(conflict.code).toBe(1);
    expect(conflict.output).toContain(
      `${path}:1 (row 1): product conflict: stock is 5 in Holdfast, here 6`,
    );
    expect(await stockOf(service, "amend-1")).toMatchObject({ name: "Lantern", totalStock: 5 });
  });

  test("stock that was sold since is a conflict, also under the same file", async () => {
    const file = await fileOf("a.json", '[{"productId":"sold-1","quantity":5}]');
    await importing(service, ["--from", "json", file]);
    await asAdmin(service, "POST", "/product/sold-1/sell", { quantity: 2 });
    const again = await importing(service, ["--from", "json", file]);
    expect(again).toMatchObject({ code: 1, output: expect.stringContaining("1 conflict") });
    expect(await stockOf(service, "sold-1")).toMatchObject({ totalStock: 3 });
  });

  test("a SKU of another product is a conflict", async () => {
    const rows = [
      { productId: "twin-1", sku: "TWIN", quantity: 5 },
      { productId: "twin-2", sku: "TWIN", quantity: 5 },
    ];
    const file = await fileOf("a.json", lines(rows));
    const { code, output } = await importing(service, ["--from", "json", file]);
    expect(code).toBe(1);
    expect(output).toContain(`${file}:2: product conflict: sku is twin-1's`);
    expect(output).toContain("2 read, 1 imported, 1 conflict");
    expect(await stockOf(service, "twin-2")).toBeNull();
  });

  test("a bad row changes nothing and stops no other; the report names file, line and field", async () => {
    const text = "productId,quantity,reserved\ngood-1,5,\nbad-1,many,\nbad-2,5,4\ngood-2,6,\n";
    const [file, report] = [await fileOf("a.csv", text), await reportFile()];
    const { code, output } = await importing(service, ["--from", "csv", "--report", report, file]);
    expect(code).toBe(1);
    expect(output).toContain("products: 4 read, 2 imported, 2 refused;");
    expect(reported(report)).toMatchObject([
      { outcome: "refused", file, line: 3, field: "quantity" },
      { outcome: "refused", file, line: 4, field: "reserved" },
    ]);
    const stocks = ["good-1", "bad-1", "bad-2", "good-2"].map((id) => stockOf(service, id));
    expect((await Promise.all(stocks)).map((stock) => stock?.totalStock)).toEqual([
      5,
      undefined,
      undefined,
      6,
    ]);
  });
});

describe("a look", () => {
  test("--dry-run checks and sends nothing, not even to a service that is not there", async () => {
    const file = await fileOf("a.json", '[{"productId":"dry-1","quantity":5}]');
    const away = ["--url", "http://127.0.0.1:1"];
    const { code, output } = await runMain(
      ["import", "--from", "json", "--dry-run", ...away, file],
      {},
    );
    expect({ code, output }).toEqual({
      code: 0,
      output: "checked, nothing sent; products: 1 read, 1 valid; holds: 0 read\n",
    });
  });

  test("--compare tells what differs, and changes nothing", async () => {
    const rows = [
      { productId: "look-1", quantity: 5, name: "Lamp" },
      { productId: "look-2", quantity: 5 },
    ];
    await importing(service, ["--from", "json", await fileOf("a.json", lines(rows))]);
    const other = [
      { productId: "look-1", quantity: 4, name: "Torch" },
      { productId: "look-2", quantity: 5 },
      { productId: "look-3", quantity: 1 },
    ];
    const file = await fileOf("b.json", lines(other));
    const { code, output } = await importing(service, ["--from", "json", "--compare", file]);
    expect(code).toBe(1);
    expect(output.split("\n").slice(0, 3)).toEqual([
      `${file}:1: product differs: stock look-1: is 5 in Holdfast, here 4`,
      `${file}:1: product differs: name look-1: is "Lamp" in Holdfast, here "Torch"`,
      `${file}:3: product differs: productId is not in Holdfast: look-3`,
    ]);
    expect(output).toContain("products: 3 read, 1 unchanged, 2 differing;");
    expect(await stockOf(service, "look-1")).toMatchObject({ name: "Lamp", totalStock: 5 });
    expect(await stockOf(service, "look-3")).toBeNull();
  });
});

test("a file that is not there, and one without rows, end the run with one line", async () => {
  const missing = await importing(service, ["--from", "json", "none.json"]);
  expect(missing).toEqual({ code: 1, output: "there is no file none.json\n" });
  const folder = await importing(service, ["--from", "json", "src"]);
  expect(folder).toEqual({ code: 1, output: "src is a folder: name the files in it\n" });
  const empty = await fileOf("empty.json", "[]");
  const { code, output } = await importing(service, ["--from", "json", empty]);
  expect({ code, output }).toMatchObject({
    code: 1,
    output: expect.stringContaining("the files have no rows\n"),
  });
});

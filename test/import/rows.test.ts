/** Rows that may not go together, and texts that are not for a terminal. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fileOf, importing, lines, openImportBed, reported } from "#test/imports";
import { reportFile, stockOf, type ImportBed } from "#test/imports";
import { runMain } from "#test/service";

const START_MS_MAX = 60_000;

let bed: ImportBed;

beforeAll(async () => {
  bed = await openImportBed();
}, START_MS_MAX);

afterAll(() => bed[Symbol.asyncDispose]());

const run = (...args: string[]) => importing(bed.service, args);

test("several locations with held units are one product and one hold, twice the same", async () => {
  const text =
    "productId,location,quantity,reserved\nlamp,North,5,2\nlamp,South,7,3\nchair,North,4,1\n";
  const file = await fileOf("levels.csv", text);
  const args = ["--from", "csv", "--held-by", "old", file];
  const first = await run(...args);
  expect(first.output).toBe(
    `done, into ${bed.service.url}; products: 2 read, 2 imported; holds: 2 read, 2 imported\n`,
  );
  const expected = {
    totalStock: 12,
    reservedStock: 5,
    locations: [
      { location: "North", onHand: 5 },
      { location: "South", onHand: 7 },
    ],
  };
  expect(await stockOf(bed.service, "lamp")).toMatchObject(expected);
  const again = await run(...args);
  expect(again.output).toContain("2 read, 2 unchanged; holds: 2 read, 2 unchanged");
  expect(await stockOf(bed.service, "lamp")).toMatchObject(expected);
  expect((await run(...args, "--compare")).code).toBe(0);
});

test("a product in two rows is refused in both, by row and field, whatever they say", async () => {
  const rows = [
    { productId: "twice", quantity: 5 },
    { productId: "once", quantity: 1 },
    { productId: "twice", quantity: 6 },
    { productId: "same", quantity: 2, reserved: 1 },
    { productId: "same", quantity: 2, reserved: 1 },
  ];
  const [file, report] = [await fileOf("a.json", JSON.stringify(rows)), await reportFile()];
  const args = ["--from", "json", "--held-by", "old", "--report", report, file];
  for (const more of [["--dry-run"], []]) {
    const { code, output } = await run(...args, ...more);
    expect(code).toBe(1);
    expect(output).toContain(
      `${file}:1 (row 3): product refused: productId twice is also at ${file}:1 (row 1)`,
    );
    expect(output).toContain("products: 5 read, 1 ");
    expect(output).toContain(", 4 refused");
    const told = reported(report).filter(({ subject }) => subject === "product");
    expect(told).toMatchObject(
      [1, 3, 4, 5].map((item) => ({ outcome: "refused", line: 1, item, field: "productId" })),
    );
  }
  const stocks = ["twice", "same", "once"].map((id) => stockOf(bed.service, id));
  expect(await Promise.all(stocks)).toMatchObject([null, null, { totalStock: 1 }]);
});

test("a product is not imported in part: a refused row takes its other locations along", async () => {
  const text =
    "productId,location,quantity,reserved\n" +
    "part,North,5,1\npart,South,7,8\nwhole,North,1,0\nlate,North,many,0\nlate,South,2,2\n";
  const file = await fileOf("part.csv", text);
  const { code, output } = await run("--from", "csv", "--held-by", "old", file);
  expect(code).toBe(1);
  expect(output).toContain(`${file}:3: product refused: reserved is 8, but there are 7 units`);
  expect(output).toContain(`${file}:2: product refused: productId part is also at ${file}:3`);
  expect(output).toContain(`${file}:6: product refused: productId late is also at ${file}:5`);
  const stocks = ["part", "late", "whole"].map((id) => stockOf(bed.service, id));
  expect(await Promise.all(stocks)).toMatchObject([null, null, { totalStock: 1 }]);
});

test("texts of a file, of its fields and of a server are printed without acting on a terminal", async () => {
  const acting = /[^\P{Cc}\n]|\p{Bidi_Control}/u;
  const evil = "\u001b[2J\u009b31m\u202e\r\nnot every row was taken";
  const rows = [
    { productId: evil, quantity: 1, [`field${evil}`]: 1 },
    { productId: "fine", quantity: "1", [evil]: 2 },
  ];
  const [file, report] = [await fileOf("a.json", lines(rows)), await reportFile()];
  const dry = await run("--from", "json", "--dry-run", "--report", report, file);
  expect(dry.output).toContain(String.raw`fields left out: field\u001b[2J\u009b31m\u202e`);
  expect(dry.output).not.toMatch(acting);
  expect(reported(report)).toHaveLength(2);

  const header = await fileOf("a.csv", `productId,quantity\n"x"${evil},1\n`);
  expect((await run("--from", "csv", "--dry-run", header)).output).not.toMatch(acting);
  const dump = await fileOf("dump.sql", `COPY "a${evil.slice(0, 8)}" (id) FROM stdin;\n\\.\n`);
  const stopped = await run("--from", "nest", "--dry-run", dump);
  expect(stopped.output).toContain("Tables found:\n");
  expect(stopped.output).not.toMatch(acting);

  await using foreign = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ code: evil, message: evil }, { status: 401 }),
  });
  const away = ["import", "--from", "csv", "--url", `http://127.0.0.1:${foreign.port}`];
  const good = await fileOf("b.csv", "productId,quantity\nlamp,1\n");
  const refused = await runMain([...away, good], { IMPORT_TOKEN: "any" });
  expect(refused.output).toContain(String.raw`(401): \u001b[2J`);
  expect(refused.output).not.toMatch(acting);
});

/** What each source makes of its files, whole and damaged. */
import { describe, expect, test } from "bun:test";
import { csv } from "#import/csv";
import { dynamodb } from "#import/dynamodb";
import { groupLevels } from "#import/group-levels";
import { json } from "#import/json";
import { nest } from "#import/nest-dump";
import { ROW_CHARACTERS_MAX } from "#import/read-file";
import { Stopped } from "#import/rows";
import { fileOf, lines, NOW, rowsOf, told } from "#test/imports";

const LATER = "2026-01-01T00:10:00.000Z";

const inventory = {
  productId: { S: "lamp" },
  sku: { S: "LAMP-1" },
  availableStock: { N: "40" },
  reservedStock: { N: "2" },
  totalStock: { N: "42" },
  location: { S: "Warehouse A" },
  lowStockThreshold: { N: "5" },
  createdAt: { S: "2025-01-01T00:00:00.000Z" },
};
const reservation = {
  reservationId: { S: "r-1" },
  productId: { S: "lamp" },
  orderId: { S: "order-1" },
  userId: { S: "customer-1" },
  quantity: { N: "2" },
  status: { S: "ACTIVE" },
  expiresAt: { S: LATER },
};
const movement = {
  movementId: { S: "m-1" },
  productId: { S: "lamp" },
  type: { S: "SALE" },
  quantity: { N: "-1" },
};

describe("dynamodb", () => {
  const whole = ["product lamp Warehouse A=42", `hold lamp order-1 2 ${Date.parse(LATER)}`];

  test("reads an export to S3, packed or not: each item by its attributes", async () => {
    const text = lines([inventory, reservation, movement].map((Item) => ({ Item })));
    for (const content of [text, Bun.gzipSync(text)]) {
      const file = await fileOf("export.json.gz", content);
      expect(told(await rowsOf(dynamodb, file))).toEqual([...whole, "history"]);
    }
  });

  test("reads what a scan prints, in one line or in many", async () => {
    const scan = { Items: [inventory, reservation], Count: 2, ScannedCount: 2 };
    for (const text of [JSON.stringify(scan), JSON.stringify(scan, null, 4)]) {
      const rows = await rowsOf(dynamodb, await fileOf("scan.json", text));
      expect(told(rows)).toEqual(whole);
    }
  });

  test("keeps attributes, the customer and the old id of a hold", async () => {
    const file = await fileOf("export.json", lines([inventory, reservation]));
    const [product, hold] = await rowsOf(dynamodb, file);
    expect(product).toMatchObject({
      product: { body: { sku: "LAMP-1", lowStockThreshold: 5 }, held: { units: 2 } },
    });
    expect(hold).toMatchObject({ hold: { sourceId: "r-1", customerId: "customer-1" } });
  });

  test.each([
    [{ status: { S: "CONFIRMED" } }, "history"],
    [{ status: { S: "CANCELLED" } }, "history"],
    [{ expiresAt: { N: String(NOW / 1000) } }, "history"],
    [{ expiresAt: { N: String(NOW / 1000 + 60) } }, `hold lamp order-1 2 ${NOW + 60_000}`],
    [{ expiresAt: { N: String(NOW + 1) } }, `hold lamp order-1 2 ${NOW + 1}`],
    [{ status: { S: "odd" } }, "1 status: is unknown: odd"],
    [{ expiresAt: { NULL: true } }, "1 expiresAt: must say when this hold is due"],
    [{ quantity: { N: "0" } }, "1 quantity: must be at least 1"],
    [{ orderId: { NULL: true } }, "1 orderId: is required"],
  ])("tells live holds from ended ones: %j", async (changes, expected) => {
    const file = await fileOf("holds.json", lines([{ Item: { ...reservation, ...changes } }]));
    expect(told(await rowsOf(dynamodb, file))).toEqual([expected]);
  });

  test.each([
    [
      { totalStock: { N: "43" } },
      "1 totalStock: is 43, but availableStock 40 + reservedStock 2 is 42",
    ],
    [{ totalStock: { N: "many" } }, '1 totalStock: is no DynamoDB value, such as {"S":"…"}'],
    [{ totalStock: 42 }, '1 totalStock: is no DynamoDB value, such as {"S":"…"}'],
    [{ productId: { S: "a b" } }, "1 productId: must be 1-64 letters"],
  ])("refuses an item by its field: %j", async (changes, expected) => {
    const file = await fileOf("bad.json", lines([{ Item: { ...inventory, ...changes } }]));
    const [row = ""] = told(await rowsOf(dynamodb, file));
    expect(row).toStartWith(expected);
  });

  test("goes on behind a line that is not JSON, and stops where a packed file is cut", async () => {
    const text = `${lines([inventory])}\n{"Item": {\nnull\n${lines([inventory])}\n`;
    const rows = told(await rowsOf(dynamodb, await fileOf("torn.json", text)));
    expect(rows.map((row) => row.slice(0, 12))).toEqual([
      "product lamp",
      "2 : is not J",
      "3 : is not a",
      "product lamp",
    ]);
    const packed = Bun.gzipSync(lines(Array.from({ length: 100 }, () => inventory)));
    const cut = await fileOf("cut.json.gz", packed.slice(0, -20));
    await expect(rowsOf(dynamodb, cut)).rejects.toBeInstanceOf(Stopped);
  });
});

describe("json", () => {
  test("reads an array, lines, and the lists that the other systems answer", async () => {
    const rows = [
      { product_id: "PROD001", name: "Headphones", quantity: 50, price: 79.99 },
      { productId: 1, quantity: 5, reserved: 0, location: "Warehouse A" },
    ];
    const expected = ["product PROD001 -=50", "product 1 Warehouse A=5"];
    const texts = [
      JSON.stringify(rows),
      JSON.stringify(rows, null, 2),
      lines(rows),
      JSON.stringify({ count: 2, note: "a [ in a text", products: rows, more: [1] }),
    ];
    for (const text of texts) {
      expect(told(await rowsOf(json, await fileOf("stock.json", text)))).toEqual(expected);
    }
  });

  test("reads the gateway's items, with the stock of each warehouse", async () => {
    const locations = [
      { id: "l1", warehouse_id: "WH-1", quantity: 3, available_quantity: 3, reserved_quantity: 0 },
      { id: "l2", warehouse_id: "WH-2", quantity: 4, available_quantity: 4, reserved_quantity: 0 },
    ];
    const item = { id: "x", product_id: "p1", variant_id: "", sku: "S1", total_quantity: 7 };
    const counted = { available_quantity: 7, reserved_quantity: 0, status: "IN_STOCK" };
    const reply = { items: [{ ...item, ...counted, locations }], pagination: { total: 1 } };
    const ignored: string[] = [];
    const file = await fileOf("items.json", JSON.stringify(reply));
    const onIgnored = (field: string) => void ignored.push(field);
    expect(told(await rowsOf(json, file, { onIgnored }))).toEqual(["product p1 WH-1=3 WH-2=4"]);
    expect(ignored).toEqual(["variant_id"]);
    const wrong = JSON.stringify([{ ...item, total_quantity: 8, locations }]);
    const [row] = told(await rowsOf(json, await fileOf("items.json", wrong)));
    expect(row).toBe("1 locations: sum up to 7, but total_quantity is 8");
  });

  test.each([
    ['[{"productId":"a","quantity":"5"}]', "1 quantity: must be a number"],
    ['[{"productId":"a","quantity":-1}]', "1 quantity: must be at least 0"],
    ['[{"productId":"a","quantity":1.5}]', "1 quantity: must be a whole number"],
    ['[{"quantity":1}]', "1 productId: is required"],
    ['[{"productId":"a"}]', "1 quantity: is required"],
    ['[{"productId":"a","quantity":1,"name":7}]', "1 name: must be a text"],
    ['[{"productId":"stock","quantity":1}]', "1 productId: is a word of the API"],
    ['[\n{"productId":"a","quantity":1]', "2 : the file ends in the middle"],
    ["[7]", "1 : is not an object"],
    ["hello", "1 : has no rows"],
    ["", "1 : has no rows"],
  ])("refuses %s", async (text, expected) => {
    const [row = ""] = told(await rowsOf(json, await fileOf("bad.json", text)));
    expect(row).toStartWith(expected);
  });

  test("refuses a row without an end by its size, and reads the next one", async () => {
    const long = JSON.stringify({ productId: "a", name: "x".repeat(ROW_CHARACTERS_MAX) });
    const good = JSON.stringify({ productId: "b", quantity: 1 });
    for (const text of [`${good}\n${long}\n${good}`, `[${good},\n${long},${good}]`]) {
      const rows = told(await rowsOf(json, await fileOf("long.json", text)));
      const tooLong = `2 : is longer than ${ROW_CHARACTERS_MAX} characters`;
      expect(rows).toEqual(["product b -=1", tooLong, "product b -=1"]);
    }
  });
});

describe("csv", () => {
  test("reads RFC 4180 as programs write it: mark, CRLF, quotes, lines in fields, blank lines", async () => {
    const text =
      '\uFEFFProduct ID,Name,Quantity,Note\r\nlamp,"A ""warm"" lamp, tall",5,"one\r\ntwo"\r\n\r\n' +
      "chair,,0,\r\n,,,\r\n";
    const rows = await rowsOf(csv, await fileOf("stock.csv", text));
    expect(told(rows)).toEqual(["product lamp -=5", "product chair -=0"]);
    expect(rows).toMatchObject([
      { at: { line: 2 }, product: { body: { name: 'A "warm" lamp, tall' } } },
      { at: { line: 5 } },
    ]);
  });

  test.each([";", "\t"])("knows what stands between fields by the header: %j", async (by) => {
    const text = [
      ["productId", "quantity"],
      ["lamp", "5"],
    ];
    const file = await fileOf("stock.csv", text.map((row) => row.join(by)).join("\n"));
    expect(told(await rowsOf(csv, file))).toEqual(["product lamp -=5"]);
  });

  test("makes one product of its locations", async () => {
    const text =
      "productId,location,quantity\nlamp,North,5\nlamp,South,7\nchair,North,1\nlamp,East,1";
    const rows = rowsOf(csv, await fileOf("levels.csv", text));
    async function* given() {
      yield* await rows;
    }
    expect(told(await Array.fromAsync(groupLevels(given())))).toEqual([
      "product lamp North=5 South=7",
      "product chair North=1",
      "product lamp East=1",
    ]);
  });

  test.each([
    ["productId,quantity\nlamp,5,6", "2 : has 3 fields, and the header 2"],
    [
      "productId,quantity\nlamp,1.000",
      '2 quantity: must be a whole number such as 1000, without a point or comma, not "1.000"',
    ],
    ['productId,quantity\nlamp,"1,000"', "2 quantity: must be a whole number such as 1000"],
    ["productId;quantity;safetyStock\nlamp;5;1.0", "2 safetyStock: must be a whole number"],
    ["productId,quantity\nlamp,0x10", "2 quantity: must be a whole number"],
    ["productId,quantity\nlamp,1e3", "2 quantity: must be a whole number"],
    [
      "productId,quantity,price\nlamp,5,1e3",
      '2 price: must be a number such as 5 or 9.99, not "1e3"',
    ],
    ['productId,quantity\nla"mp,5', "2 : has a quote inside a field"],
    ['productId,quantity\n"lamp"x,5', "2 : has x behind a closing quote"],
    ['productId,quantity\n"lamp,5\n', "2 : the file ends inside a quoted field"],
    ["name,quantity\nlamp,5", "1 : the header has no productId: name, quantity"],
    ["productId,name\nlamp,x", "1 : the header has no quantity"],
    ["productId,quantity,quantity\nlamp,1,2", "1 : the header has quantity twice"],
    ["", "1 : has no header"],
  ])("refuses %j", async (text, expected) => {
    const [row = ""] = told(await rowsOf(csv, await fileOf("bad.csv", text)));
    expect(row).toStartWith(expected);
  });

  test("reads the lines behind a bad one, and names bytes that are no text", async () => {
    const text = 'productId,quantity\n"a"b,1\nlamp,5\n';
    expect(told(await rowsOf(csv, await fileOf("bad.csv", text)))).toEqual([
      "2 : has b behind a closing quote",
      "product lamp -=5",
    ]);
    const latin = await fileOf("latin.csv", new Uint8Array([0x61, 0xe4, 0x0a]));
    await expect(rowsOf(csv, latin)).rejects.toThrow("cannot be read to its end");
  });
});

describe("nest", () => {
  const dumps = ["copy", "inserts", "column-inserts"];
  const whole = [
    "product 123 -=5",
    "product lamp-1 -=47",
    "product chair_2 -=0",
    "history",
    "hold lamp-1 order-1 5 standing",
    "hold lamp-1 order-2 2 standing",
  ];

  test.each(dumps)("reads what pg_dump writes, functions and odd texts in it: %s", async (name) => {
    const file = new URL(`dumps/${name}.sql`, import.meta.url).pathname;
    expect(told(await rowsOf(nest, file))).toEqual(whole);
    const named = new Map([["stock", "inventory"]]);
    expect(told(await rowsOf(nest, file, { tables: named }))).toEqual(whole);
  });

  const stock = (rows: string) => `COPY public.stock ("productId", quantity) FROM stdin;\n${rows}`;

  test("refuses rows by table and line, and a table that is cut", async () => {
    const text = stock("lamp\t5\nchair\nbad id\t1\nsofa\t\\N\ndesk\tx\n");
    const rows = told(await rowsOf(nest, await fileOf("dump.sql", text)));
    expect(rows.map((row) => row.slice(0, 44))).toEqual([
      "product lamp -=5",
      "3 : of stock has 1 values for 2 columns",
      "4 productId: must be 1-64 letters, digits an",
      "5 quantity: must be a whole number",
      "6 quantity: must be a whole number",
      "6 : the file ends in the middle of this tabl",
    ]);
  });

  test("does not guess whose held units are", async () => {
    const text = 'COPY stock ("productId", quantity, reserved) FROM stdin;\nlamp\t5\t2\n\\.\n';
    const alone = await fileOf("dump.sql", text);
    const [row = ""] = told(await rowsOf(nest, alone));
    expect(row).toStartWith("2 reserved: 2 units are held, for nobody");
    expect(told(await rowsOf(nest, alone, { heldBy: "old" }))).toEqual([
      "product lamp -=7",
      "hold lamp old 2 standing",
    ]);
    const holds = 'COPY orders ("orderId", "productId", quantity) FROM stdin;\no1\tlamp\t1\n\\.\n';
    const both = await fileOf("dump.sql", text + holds);
    expect(told(await rowsOf(nest, both))).toEqual([
      "2 reserved: is 2, and orders hold 1",
      "hold lamp o1 1 standing",
    ]);
  });

  test("names the tables that it found where it cannot tell which are meant", async () => {
    const two = await fileOf(
      "two.sql",
      `${stock("\\.\n")}${stock("\\.\n").replace("stock", "old")}`,
    );
    await expect(rowsOf(nest, two)).rejects.toThrow(
      "several tables look like stock; name one: --table stock=stock\nTables found:\n" +
        "  stock (productId, quantity)\n  old (productId, quantity)",
    );
    const tables = new Map([["stock", "old"]]);
    expect(await rowsOf(nest, two, { tables })).toEqual([]);
    const missing = new Map([["stock", "none"]]);
    await expect(rowsOf(nest, two, { tables: missing })).rejects.toThrow("there is no table none");
    const none = await fileOf("none.sql", "COPY users (id, email) FROM stdin;\n\\.\n");
    await expect(rowsOf(nest, none)).rejects.toThrow("users (id, email)");
    const custom = await fileOf("custom.dump", "PGDMP\u0001");
    await expect(rowsOf(nest, custom)).rejects.toThrow("make it plain: pg_restore --file=dump.sql");
  });
});

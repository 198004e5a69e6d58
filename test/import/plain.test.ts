/** What the rows of a file say of stock, by themselves and together. */
import { describe, expect, test } from "bun:test";
import { csv } from "#import/csv";
import { groupLevels } from "#import/group-levels";
import { holdCounted } from "#import/hold-counted";
import { json } from "#import/json";
import type { Reading, Row, Source } from "#import/rows";
import { fileOf, lines, rowsOf, told } from "#test/imports";

/** As `import` reads them: grouped, and with the holds on what is held. */
async function grouped(
  source: Source,
  text: string,
  more: Partial<Pick<Reading, "heldBy" | "through">> = {},
): Promise<Row[]> {
  const rows = rowsOf(source, await fileOf("stock", text));
  async function* given() {
    yield* await rows;
  }
  const held = { heldBy: null, through: "inventory", ...more } as const;
  return await Array.fromAsync(holdCounted(groupLevels(given()), held));
}

describe("what is counted as held", () => {
  const row = lines([{ productId: 1, quantity: 9, reserved: 4 }]);

  test("is held only for an order that somebody names, or as contract C's callers hold", async () => {
    const [refusal = ""] = told(await grouped(json, row));
    expect(refusal).toStartWith("1 reserved: 4 units are held and the file does not say for whom");
    const expected = (order: string) => ["product 1 -=9", `hold 1 ${order} 4 standing`];
    expect(told(await grouped(json, row, { heldBy: "old" }))).toEqual(expected("old"));
    const own = await grouped(json, row, { through: "eureka" });
    expect(told(own)).toEqual(expected("-"));
    expect(own[1]).toMatchObject({ hold: { through: "eureka" } });
  });

  const levels = [
    "productId,location,quantity,reserved",
    "lamp,North,5,2",
    "lamp,South,7,",
    "lamp,East,9,3",
    "chair,North,1,0",
  ].join("\n");

  test("of a product at several locations is one hold on their sum", async () => {
    expect(told(await grouped(csv, levels, { heldBy: "old" }))).toEqual([
      "product lamp North=5 South=7 East=9",
      "hold lamp old 5 standing",
      "product chair North=1",
    ]);
    const [refusal = ""] = told(await grouped(csv, levels));
    expect(refusal).toStartWith("2 reserved: 5 units are held");
    const locations = [
      { warehouse_id: "WH-1", quantity: 3, available_quantity: 1, reserved_quantity: 2 },
      { warehouse_id: "WH-2", quantity: 4, available_quantity: 4, reserved_quantity: 0 },
    ];
    for (const sums of [{ total_quantity: 7, reserved_quantity: 2 }, {}]) {
      const item = lines([{ product_id: "p1", ...sums, locations }]);
      expect(told(await grouped(json, item, { heldBy: "old" }))).toEqual([
        "product p1 WH-1=3 WH-2=4",
        "hold p1 old 2 standing",
      ]);
    }
  });
});

describe("stock that contradicts itself is refused by its field", () => {
  test.each([
    [
      { quantity: 9, available_stock: 4, reserved: 4 },
      "quantity: is 9, but available_stock 4 + reserved 4 is 8",
    ],
    [{ quantity: 5, totalStock: 7 }, "quantity: is 5, but totalStock is 7"],
    [{ initialStock: 100, quantity: 37 }, "quantity: is 37, but initialStock is 100"],
    [{ quantity: 5, reserved: 6 }, "reserved: is 6, but there are 5 units"],
    [{ quantity: 5, reserved: -1 }, "reserved: must be a whole number, 0 or more"],
    [{ quantity: 5, reserved: 1.5 }, "reserved: must be a whole number, 0 or more"],
    [{ quantity: 5, reserved: "2" }, "reserved: must be a number"],
    [{ quantity: 5, reserved: 2, reservedStock: 3 }, "reservedStock: is 3, but reserved is 2"],
    [
      { quantity: 9, availableStock: 4, reserved: 4, safetyStock: 2 },
      "quantity: is 9, but availableStock 4 + reserved 4 is 8",
    ],
    [
      { availableStock: 4, reserved: 4, safetyStock: 2 },
      "quantity: is missing: availableStock 4 + reserved 4 may or may not have the safety stock of 2",
    ],
    [
      { quantity: 5, locations: [{ location: "N", quantity: 5, available_stock: 4 }] },
      "locations: of location 1: quantity is 5, but available_stock 4 + reserved 0 is 4",
    ],
    [
      { quantity: 5, locations: [{ location: "N", quantity: 5, reserved: 6 }] },
      "locations: of location 1: reserved is 6, but there are 5 units",
    ],
    [
      { quantity: 5, reserved: 1, locations: [{ location: "N", quantity: 5, reserved: 2 }] },
      "locations: hold 2, but reserved is 1",
    ],
    [{ quantity: 5, locations: [{ location: "N", quantity: 4 }] }, "locations: sum up to 4, but"],
  ])("%j", async (fields, expected) => {
    const [row = "", ...more] = told(
      await grouped(json, lines([{ productId: "lamp", ...fields }]), { heldBy: "old" }),
    );
    expect(row).toStartWith(`1 ${expected}`);
    expect(more).toEqual([]);
  });

  test.each([
    { quantity: 8, availableStock: 4, reserved: 4 },
    { quantity: 8, stock: 8, reserved: 4 },
    { quantity: 8, availableStock: 2, reserved: 4, safetyStock: 2 },
    { quantity: 8, availableStock: 0, reserved: 4, safetyStock: 9 },
  ])("and what agrees is taken: %j", async (fields) => {
    const text = lines([{ productId: "lamp", ...fields }]);
    expect(told(await grouped(json, text, { heldBy: "old" }))).toEqual([
      "product lamp -=8",
      "hold lamp old 4 standing",
    ]);
  });
});

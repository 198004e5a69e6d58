/**
 * A plain dump of the Nest service's PostgreSQL: a table of stock, and one of what orders hold. In
 * it a quantity excludes what is held, and a hold has no due time. Tables are known by their
 * columns; `--table stock=NAME` and `--table holds=NAME` name them.
 */
import { dumped, type DumpedRow, type DumpedTable } from "#import/dump-text";
import { attributesOf, fieldsOf, means, type FieldName, type Fields } from "#import/fields";
import { holdRow, productRow, refused, Stopped } from "#import/rows";
import { printable } from "#lib/printable";
import type { Place, Reading, RefusedRow, Row, Source } from "#import/rows";

/** Orders and products that hold stock: they are added up before the first product is read. */
const NEST_HOLDS_MAX = 1_000_000;

const LIVE = new Set(["active", "reserved", "pending", "held", "open", "created", "confirmed"]);
const ENDED = new Set(["cancelled", "canceled", "released", "completed", "shipped", "fulfilled"]);
const WHOLE_NUMBER = /^-?\d{1,15}$/;
const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/;
const NUMBERS: readonly FieldName[] = [
  "price",
  "onHand",
  "reserved",
  "lowStockThreshold",
  "reorderPoint",
  "reorderQuantity",
  "safetyStock",
  "maxPerCustomer",
];

/** What one order holds of one product, over all its rows. */
interface Held {
  readonly at: Place;
  readonly productId: string;
  readonly orderId: string;
  units: number;
}

interface Read {
  readonly stock: string;
  /** Null: no table of holds. */
  readonly holds: string | null;
  readonly held: ReadonlyMap<string, Held>;
  readonly heldOfProduct: ReadonlyMap<string, number>;
  /** Rows of the table of holds that are over, or cannot be read. */
  readonly others: readonly Row[];
}

/** What its holds are: contract D's, whose callers know them by order and product. */
const STANDING = { sourceId: null, expiresAt: null, through: "nestjs" } as const;

/** Products of all files in their order, then the holds. */
export const nest: Source = async function* (reading) {
  const read = await readHolds(reading);
  for (const file of reading.files) {
    for await (const found of dumped(file, reading.onBytes)) {
      if (found.kind === "refused") yield found;
      else if (found.kind === "row" && found.table === read.stock) {
        yield* stockRows(found, read, reading);
      }
    }
  }
  yield* read.others;
  for (const { at, productId, orderId, units } of read.held.values()) {
    const values = { productId, orderId, quantity: units };
    yield holdRow(at, { ...STANDING, values, nameOf: (field) => field });
  }
};

function* stockRows({ at, columns, values }: DumpedRow, read: Read, reading: Reading) {
  const fields = fieldsOf(typed(columns, values));
  for (const name of fields.ignored) reading.onIgnored(name);
  const productId = fields.text("productId");
  const free = fields.get("onHand");
  const nameOf = fields.nameOf;
  if (typeof free !== "number" || free < 0) {
    yield { ...refused(at, nameOf("onHand"), "must be a whole number"), productId };
    return;
  }
  const reserved = fields.get("reserved") ?? null;
  const ofOrders = read.heldOfProduct.get(productId) ?? 0;
  const held = read.holds === null ? Number(reserved ?? 0) : ofOrders;
  if (reserved !== null && reserved !== held) {
    const reason = `is ${fields.text("reserved")}, and orders hold ${held}`;
    yield { ...refused(at, nameOf("reserved"), reason), productId };
    return;
  }
  const hasNoOrder = read.holds === null && held > 0;
  if (hasNoOrder && reading.heldBy === null) {
    const advice = "name the table with --table holds=NAME, or an order with --held-by ORDER";
    const reason = `${held} units are held, for nobody: ${advice}`;
    yield { ...refused(at, nameOf("reserved"), reason), productId };
    return;
  }
  const levels = [{ location: fields.get("location"), onHand: free + held }];
  const counted = { units: held, field: nameOf("reserved") };
  yield productRow(at, { values: attributesOf(fields), levels, held: counted, nameOf });
  if (!hasNoOrder) return;
  const hold = { productId, orderId: reading.heldBy, quantity: held };
  yield holdRow(at, { ...STANDING, values: hold, nameOf });
}

/** Finds the tables, and adds up what orders hold: stock is what is free and what is held. */
async function readHolds(reading: Reading): Promise<Read> {
  const tables = new Map<string, readonly string[]>();
  for (const file of reading.files) {
    for await (const found of dumped(file, () => {})) {
      if (found.kind === "table") tables.set(found.table, found.columns);
    }
  }
  const stock = named("stock", reading, tables) ?? onlyOne("stock", tables, isStock);
  const holds = named("holds", reading, tables) ?? onlyOne("holds", tables, isHolds);
  if (stock === null) {
    throw new Stopped(`no table looks like stock; name it: --table stock=NAME\n${told(tables)}`);
  }
  const held = new Map<string, Held>();
  const heldOfProduct = new Map<string, number>();
  const others: Row[] = [];
  for (const file of holds === null ? [] : reading.files) {
    for await (const found of dumped(file, () => {})) {
      if (found.kind !== "row" || found.table !== holds) continue;
      const { at } = found;
      const row = heldOf(fieldsOf(typed(found.columns, found.values)));
      if ("kind" in row) others.push({ ...row, at });
      else {
        const key = JSON.stringify([row.orderId, row.productId]);
        const earlier = held.get(key);
        if (earlier === undefined) held.set(key, { ...row, at });
        else earlier.units += row.units;
        heldOfProduct.set(row.productId, (heldOfProduct.get(row.productId) ?? 0) + row.units);
      }
      if (held.size + others.length > NEST_HOLDS_MAX) {
        throw new Stopped(`${holds} has more than ${NEST_HOLDS_MAX} rows; split the dump`);
      }
    }
  }
  return { stock, holds, held, heldOfProduct, others };
}

type HeldUnits = Pick<Held, "productId" | "orderId" | "units">;
type Other = Omit<Extract<Row, { kind: "history" }>, "at"> | Omit<RefusedRow, "at">;

function heldOf(fields: Fields): HeldUnits | Other {
  const status = (fields.text("status") || "active").toLowerCase();
  const units = fields.get("onHand");
  if (ENDED.has(status) || units === 0) return { kind: "history" };
  const wrong = (field: FieldName, reason: string): Other => {
    return { kind: "refused", errors: [{ field: fields.nameOf(field), reason }] };
  };
  if (!LIVE.has(status)) return wrong("status", `is unknown: ${status}`);
  if (typeof units !== "number" || units < 0) return wrong("onHand", "must be a whole number");
  const [productId, orderId] = [fields.text("productId"), fields.text("orderId")];
  if (productId === "") return wrong("productId", "is missing");
  if (orderId === "") return wrong("orderId", "is missing");
  return { productId, orderId, units };
}

/** Numbers of a row as numbers; what is none stays text, and is refused by its name. */
function typed(
  columns: readonly string[],
  values: readonly (string | null)[],
): [string, unknown][] {
  return columns.map((name, index) => {
    const text = values[index] ?? null;
    const field = NUMBERS.find((candidate) => means(name, candidate));
    const pattern = field === "price" ? NUMBER : WHOLE_NUMBER;
    return [name, text !== null && field !== undefined && pattern.test(text) ? Number(text) : text];
  });
}

type Tables = ReadonlyMap<string, DumpedTable["columns"]>;

const has = (columns: readonly string[], field: FieldName): boolean =>
  columns.some((name) => means(name, field));

const isHolds = (columns: readonly string[]): boolean =>
  has(columns, "orderId") && has(columns, "productId") && has(columns, "onHand");

/** A log of events has a type; a table of stock has none. */
const isStock = (columns: readonly string[]): boolean =>
  has(columns, "productId") &&
  has(columns, "onHand") &&
  !has(columns, "orderId") &&
  !has(columns, "type");

function named(role: "stock" | "holds", { tables: names }: Reading, tables: Tables): string | null {
  const name = names.get(role);
  if (name === undefined) return null;
  const columns = tables.get(name);
  if (columns === undefined) throw new Stopped(`there is no table ${name}\n${told(tables)}`);
  const fits =
    has(columns, "productId") &&
    has(columns, "onHand") &&
    (role === "stock" || has(columns, "orderId"));
  if (fits) return name;
  const needed = role === "stock" ? "a product and a quantity" : "an order, a product, a quantity";
  throw new Stopped(`the table ${name} has no columns for ${needed}\n${told(tables)}`);
}

function onlyOne(
  role: "stock" | "holds",
  tables: Tables,
  fits: (columns: readonly string[]) => boolean,
): string | null {
  const found = [...tables].filter(([, columns]) => fits(columns)).map(([name]) => name);
  const [name = null, ...more] = found;
  if (more.length === 0) return name;
  const advice = `several tables look like ${role}; name one: --table ${role}=${name}`;
  throw new Stopped(`${advice}\n${told(tables)}`);
}

function told(tables: Tables): string {
  if (tables.size === 0) return "The files have no tables: are they plain dumps of pg_dump?";
  const lines = [...tables].map(([name, columns]) =>
    printable(`  ${name} (${columns.join(", ")})`),
  );
  return ["Tables found:", ...lines].join("\n");
}

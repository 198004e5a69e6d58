/** What fields are called in the systems that are read, and what they mean here. */

/** Spelled without case, `_`, `-` and spaces; the first that is there counts. */
export const NAMES = {
  productId: ["productid", "id"],
  sku: ["sku"],
  name: ["name", "productname"],
  price: ["price"],
  onHand: ["initialstock", "totalstock", "totalquantity", "onhand", "quantity", "stock"],
  reserved: ["reserved", "reservedstock", "reservedquantity"],
  available: ["availablestock", "availablequantity"],
  location: ["location", "warehouseid", "warehouse"],
  locations: ["locations"],
  lowStockThreshold: ["lowstockthreshold"],
  reorderPoint: ["reorderpoint"],
  reorderQuantity: ["reorderquantity"],
  safetyStock: ["safetystock"],
  maxPerCustomer: ["maxpercustomer"],
  reservationId: ["reservationid"],
  orderId: ["orderid"],
  customerId: ["customerid", "userid"],
  expiresAt: ["expiresat", "expirationtime", "expires"],
  status: ["status"],
  movementId: ["movementid"],
  type: ["type", "eventtype", "movementtype"],
} as const;

export type FieldName = keyof typeof NAMES;

/** Attributes of a product that go to the service as they are. */
const ATTRIBUTES = [
  "productId",
  "sku",
  "name",
  "price",
  "lowStockThreshold",
  "reorderPoint",
  "reorderQuantity",
  "safetyStock",
  "maxPerCustomer",
] as const satisfies readonly FieldName[];

/** The service's names that are not ours. */
const OTHERS: Readonly<Record<string, FieldName>> = { initialStock: "onHand" };
/** What is missing goes by the name that docs/migration.md has for it. */
const SHOWN: Readonly<Record<string, string>> = { onHand: "quantity" };

/** A value under the source's own name. */
interface Named {
  readonly name: string;
  readonly value: unknown;
}

export interface Fields {
  /** Undefined where it is absent, null, or an empty text. */
  readonly get: (field: FieldName) => unknown;
  /** Each value that the record has of it, under whichever name. */
  readonly all: (field: FieldName) => readonly Named[];
  /** As text; empty where it is absent or has no text of its own. */
  readonly text: (field: FieldName) => string;
  /** As the source spells it; as a file of ours would where it is absent. */
  readonly nameOf: (field: string) => string;
  /** Fields that mean nothing here. */
  readonly ignored: readonly string[];
}

const KNOWN: ReadonlySet<string> = new Set(Object.values(NAMES).flat());

/** Reads the names of one record; `id` is the product's only where nothing else names it. */
export function fieldsOf(record: Iterable<readonly [string, unknown]>): Fields {
  const names = new Map<string, string>();
  const values = new Map<string, unknown>();
  const ignored: string[] = [];
  for (const [name, value] of record) {
    const word = wordOf(name);
    if (!KNOWN.has(word)) {
      ignored.push(name);
      continue;
    }
    if (!names.has(word)) names.set(word, name);
    const isThere = value !== undefined && value !== null && value !== "";
    if (isThere && !values.has(word)) values.set(word, value);
  }
  const get = (field: FieldName): unknown => {
    const word = NAMES[field].find((candidate) => values.has(candidate));
    return word === undefined ? undefined : values.get(word);
  };
  const isField = (field: string): field is FieldName => field in NAMES;
  return {
    get,
    all: (field) =>
      NAMES[field].flatMap((word) => {
        const [name, value] = [names.get(word), values.get(word)];
        return name === undefined || value === undefined ? [] : [{ name, value }];
      }),
    text: (field) => textOfValue(get(field)),
    nameOf: (field) => {
      const ours = OTHERS[field] ?? field;
      if (!isField(ours)) return field;
      const there = NAMES[ours].find((candidate) => values.has(candidate));
      const word = there ?? NAMES[ours].find((candidate) => names.has(candidate));
      return (word === undefined ? undefined : names.get(word)) ?? SHOWN[ours] ?? field;
    },
    ignored,
  };
}

function textOfValue(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** A name without what systems differ in: `product_id`, `productId` and `Product ID` are one. */
export function wordOf(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, "");
}

/** Whether a name means that field. */
export const means = (name: string, field: FieldName): boolean =>
  NAMES[field].some((word) => word === wordOf(name));

/** The attributes of a product that are there. Ids that are whole numbers become their text. */
export function attributesOf(fields: Fields): Record<string, unknown> {
  const present = ATTRIBUTES.flatMap((field) => {
    const value = fields.get(field);
    return value === undefined ? [] : [[field, textOfId(field, value)] as const];
  });
  return Object.fromEntries(present);
}

/** Some systems count their products and orders: 1 and "1" are one id. */
export function textOfId(field: string, value: unknown): unknown {
  const isId = field === "sku" || field.endsWith("Id");
  return isId && Number.isSafeInteger(value) ? String(value) : value;
}

/** Epoch milliseconds of a time: ISO 8601, or epoch seconds or milliseconds. NaN for neither. */
export function momentOf(value: unknown): number {
  if (typeof value === "string" && !/^\d+$/.test(value)) {
    // PostgreSQL writes `2026-01-01 10:00:00+00`; a time without a zone is UTC, as all of ours.
    const iso = value
      .trim()
      .replace(" ", "T")
      .replace(/([+-]\d\d)$/, "$1:00");
    return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso) ? iso : `${iso}Z`);
  }
  const number = Number(value);
  return number < SECONDS_MAX ? number * 1000 : number;
}

/** The year 5138 in seconds, and March 1973 in milliseconds. */
const SECONDS_MAX = 100_000_000_000;

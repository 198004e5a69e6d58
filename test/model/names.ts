/** Names and texts at their limits: the ids that may be, and the texts that like to break things. */
import { CustomerId, Location, ProductId, Sku, type OrderId } from "#inventory/model";
import { recorded } from "#redis/recorded";

const LONGEST = "x".repeat(63);

/** Ids that JavaScript, Lua patterns or Redis might read as something else. */
const IDS = ["a", "constructor", "0", `P${LONGEST}`, "Z_.-", "seq", "1e3"];

/** Made once for each number: every line of every command asks for them. */
function once<Made>(make: (of: number) => Made): (of: number) => Made {
  const known = new Map<number, Made>();
  return (of) => {
    const made = known.get(of) ?? make(of);
    known.set(of, made);
    return made;
  };
}

/** Product ids for a run of so many products. */
export const productIds = once((count): readonly ProductId[] =>
  Array.from({ length: count }, (_, i) => ProductId.parse(IDS[i] ?? `product-${i}`)),
);

/** The SKU of the product of that number, which another product may claim before it. */
export const skuOf = once((index): Sku => Sku.parse(`S${index}.${LONGEST.slice(5)}`));

const LOCATIONS = ["default", "Warehouse A", `l ${LONGEST.slice(1)}`, "_", "seq", "onHand"];

export const locations = once((count): readonly Location[] =>
  Array.from({ length: count }, (_, i) => Location.parse(LOCATIONS[i] ?? `Shelf ${i}`)),
);

/** Texts that are printable, as every door demands. */
export const PRINTABLE_TEXTS: readonly string[] = [
  "o",
  "%d%s%1%%",
  '"}\\",{"a":1}',
  "= , ; : | { } [ ]",
  "'; redis.call('FLUSHALL') --",
  "ünï ☃ 🛒 漢字",
  "]]..error()..[[",
  "\\t\\n\\u0000",
  "q".repeat(128),
  "🛒".repeat(64),
  "true",
  "0",
];

/** No door lets these in. Should one, nothing of ours may take them for separators. */
const UNPRINTABLE_TEXTS: readonly string[] = [
  "a\tb\tc",
  "line\nline\n",
  "\u0000",
  "\r\n\r\n",
  "\u2028\u202e",
  "\ud800",
  "1\t0\n{p0}:meta",
];

export const TEXTS = [...PRINTABLE_TEXTS, ...UNPRINTABLE_TEXTS];

/** Who buys: a customer (or nobody) and an order; the same one again is the same owner. */
export interface Shopper {
  readonly customerId: CustomerId | null;
  /** null: of no order; such a hold is the product's own. */
  readonly orderId: OrderId | null;
}

export function shopper(index: number): Shopper {
  const text = TEXTS[index % TEXTS.length] ?? "";
  const round = Math.floor(index / TEXTS.length);
  const customer = index % 3 === 0 ? null : recorded<CustomerId>(index % 3 === 1 ? text : "c");
  const orderId = index % 6 === 5 ? null : recorded<OrderId>(`${text}${round}`);
  return { customerId: customer, orderId };
}

/** A customer to whom no hold belongs. */
export const STRANGER = CustomerId.parse('stranger"');

/** A product's hash: read whole with HGETALL, or as the JSON object that scripts answer and journal. */
import type { Level, Location, Product, ProductId, Sku } from "#inventory/model";
import { recorded, recordedCount, recordedFields } from "#redis/recorded";

/** Field to value, as Redis keeps it. */
export type ProductFields = Readonly<Record<string, string>>;

/** Reads what a script answered or journaled. */
export function decodeProductJson(json: string): Product {
  return decodeProduct(recordedFields(JSON.parse(json), "a product"));
}

/** An empty field is an attribute that nobody named. */
export function decodeProduct(fields: ProductFields): Product {
  const text = (name: string): string => {
    const value = fields[name];
    if (value === undefined) throw new Error(`a product lacks ${name}`);
    return value;
  };
  const count = (name: string): number => recordedCount(fields[name], name);
  const optional = (name: string): string | null => text(name) || null;
  const price = optional("price");
  return {
    productId: recorded<ProductId>(text("productId")),
    sku: recorded<Sku>(text("sku")),
    name: optional("name"),
    price: price === null ? null : Number(price),
    lowStockThreshold: count("lowStockThreshold"),
    reorderPoint: count("reorderPoint"),
    reorderQuantity: count("reorderQuantity"),
    safetyStock: count("safetyStock"),
    maxPerCustomer: optional("maxPerCustomer") === null ? null : count("maxPerCustomer"),
    home: recorded<Location>(text("home")),
    levels: text("locations")
      .split(",")
      .map((location): Level => {
        return {
          location: recorded<Location>(location),
          onHand: count(`onHand:${location}`),
          reserved: count(`reserved:${location}`),
        };
      }),
    createdAt: count("createdAt"),
    updatedAt: count("updatedAt"),
    lastRestocked: optional("lastRestocked") === null ? null : count("lastRestocked"),
    seq: count("seq"),
  };
}

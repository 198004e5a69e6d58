/** A product's hash: read whole with HGETALL, or as the JSON object that scripts answer and journal. */
import { ruleOf, type Level, type Location } from "#inventory/model";
import type { Product, ProductId, Sku } from "#inventory/model";
import type { ProductCopy } from "#inventory/rebuild-ports";
import { decodeRules, NO_RULES, type LocationRules } from "#redis/location-record";
import { recorded, recordedCount, recordedFields } from "#redis/recorded";

/** Field to value, as Redis keeps it. */
export type ProductFields = Readonly<Record<string, string>>;

/** Reads what a script answered or journaled. */
export function decodeProductJson(json: string): Product {
  const fields = recordedFields(JSON.parse(json), "a product");
  return decodeProduct(fields, decodeRules(fields["rules"] ?? ""));
}

/** A product's hash as Lua writes it: what nobody named is an empty field. */
export function encodeProduct(product: ProductCopy): ProductFields {
  const { levels, limitSince, ...attributes } = product;
  const counts = levels.flatMap(({ location, onHand, reserved }) => [
    [`onHand:${location}`, onHand] as const,
    [`reserved:${location}`, reserved] as const,
  ]);
  const fields = {
    ...attributes,
    // A product that was never amended has none.
    ...(limitSince === null ? {} : { limitSince }),
    locations: levels.map(({ location }) => location).join(","),
    ...Object.fromEntries(counts),
  };
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, String(value ?? "")]),
  );
}

/** An empty field is an attribute that nobody named. `rules` are those of its locations at least. */
export function decodeProduct(fields: ProductFields, rules: LocationRules = NO_RULES): Product {
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
        const { active, priority } = rules.get(location) ?? ruleOf(location);
        return {
          location: recorded<Location>(location),
          onHand: count(`onHand:${location}`),
          reserved: count(`reserved:${location}`),
          active,
          priority,
        };
      }),
    createdAt: count("createdAt"),
    updatedAt: count("updatedAt"),
    lastRestocked: optional("lastRestocked") === null ? null : count("lastRestocked"),
    limitSince: (fields["limitSince"] ?? "") === "" ? null : count("limitSince"),
    seq: count("seq"),
  };
}

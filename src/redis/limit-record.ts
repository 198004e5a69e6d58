/** The record of a limit that has a name, format 1. Twin: lua/lib/limit-record.lua. */
import { LIMIT_COUNTS, type KeptLimit, type NamedLimit } from "#inventory/limit-ports";
import type { ProductId } from "#inventory/model";
import { fieldAt, isOneOf, recorded, recordedCount } from "#redis/recorded";

const FIELDS = 10;
/** Stands for all products. */
const EVERYTHING = "*";

/** Reads a record; throws on any other format. */
export function decodeLimit(limitId: string, text: string): NamedLimit {
  const fields = text.split("\t");
  if (fields.length !== FIELDS || fields[0] !== "1") throw new Error("not a limit of format 1");
  const counts = fieldAt(fields, 5, "counts");
  if (!isOneOf(LIMIT_COUNTS, counts)) throw new Error(`a limit that counts ${counts}`);
  const hours = recordedCount(fields[4], "hours");
  const products = fieldAt(fields, 9, "products");
  return {
    limitId,
    since: recordedCount(fields[1], "since"),
    version: recordedCount(fields[2], "version"),
    maxUnits: recordedCount(fields[3], "units"),
    windowHours: hours === 0 ? null : hours,
    counts,
    maxHolds: fields[6] === "" ? null : recordedCount(fields[6], "holds"),
    createdAt: recordedCount(fields[7], "created"),
    updatedAt: recordedCount(fields[8], "updated"),
    products:
      products === EVERYTHING ? "all" : products.split(",").map((id) => recorded<ProductId>(id)),
  };
}

/** Writes a record, as Lua would. */
export function encodeLimit(limit: NamedLimit): string {
  return [
    1,
    limit.since,
    limit.version,
    limit.maxUnits,
    limit.windowHours ?? 0,
    limit.counts,
    limit.maxHolds ?? "",
    limit.createdAt,
    limit.updatedAt,
    productsText(limit.products),
  ].join("\t");
}

/** Those of the records, id and text by turns, that can be read, each with its text. */
export function readableLimits(texts: readonly string[]): KeptLimit[] {
  return texts.flatMap((limitId, i) => {
    const text = texts[i + 1];
    if (i % 2 === 1 || text === undefined) return [];
    try {
      return [{ ...decodeLimit(limitId, text), text }];
    } catch {
      // A comparison tells of it.
      return [];
    }
  });
}

/** The products of a limit, as its record has them: each once, in order. */
export const productsText = (products: NamedLimit["products"]): string =>
  products === "all" ? EVERYTHING : [...new Set(products)].toSorted().join(",");

/** What is derived from those records: `limited`, and the field of `meta`; null: there are none. */
export function indexOf(limits: readonly NamedLimit[]): {
  readonly byProduct: ReadonlyMap<string, string>;
  readonly ofAll: string | null;
} {
  const byProduct = new Map<string, string>();
  const ofAll: string[] = [];
  for (const { limitId, products } of limits.toSorted((a, b) => a.createdAt - b.createdAt)) {
    if (products === "all") ofAll.push(limitId);
    else {
      for (const product of products) {
        const others = byProduct.get(product);
        byProduct.set(product, others === undefined ? limitId : `${others},${limitId}`);
      }
    }
  }
  return { byProduct, ofAll: limits.length === 0 ? null : ofAll.join(",") };
}

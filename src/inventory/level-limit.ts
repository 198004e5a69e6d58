/** What bounds the units at a location: how many there may be, and how many locations a product has. */
import { LOCATIONS_MAX, STOCK_MAX, type Location, type Product } from "#inventory/model";

export const LEVEL_LIMITS = ["stock", "locations"] as const;
export type LevelLimit = (typeof LEVEL_LIMITS)[number];

/** A location would exceed that limit; nothing was changed. */
export interface AboveLimit {
  readonly kind: "above_limit";
  readonly limit: LevelLimit;
  /** Units at that location. */
  readonly onHand: number;
}

/**
 * The limit that a location, be it a new one, would exceed by so many units more; null: it takes
 * them. Twin: above_limit in lua/lib/products.lua.
 */
export function limitOf({ levels }: Product, location: Location, units: number): LevelLimit | null {
  const level = levels.find((known) => known.location === location);
  if (level === undefined && levels.length >= LOCATIONS_MAX) return "locations";
  return (level?.onHand ?? 0) + units > STOCK_MAX ? "stock" : null;
}

/** `where` is the location as its caller knows it. */
export function limitText(limit: LevelLimit, onHand: number, where: string): string {
  switch (limit) {
    case "stock":
      return `${onHand} units are at ${where}, and a location takes at most ${STOCK_MAX}`;
    case "locations":
      return `the product has ${LOCATIONS_MAX} locations, as many as one may have`;
  }
}

/** How much it is. */
export const MOST: Readonly<Record<LevelLimit, number>> = {
  stock: STOCK_MAX,
  locations: LOCATIONS_MAX,
};

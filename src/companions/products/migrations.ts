/** The schema `products`, in order. */
import products from "./migrations/0001-products.sql" with { type: "text" };
import removals from "./migrations/0002-removals.sql" with { type: "text" };

export const PRODUCTS_MIGRATIONS = [
  { name: "0001-products", text: products },
  { name: "0002-removals", text: removals },
] as const;

/** The schema `products`, in order. */
import products from "./migrations/0001-products.sql" with { type: "text" };

export const PRODUCTS_MIGRATIONS = [{ name: "0001-products", text: products }] as const;

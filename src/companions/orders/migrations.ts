/** The schema `orders`, in order. */
import orders from "./migrations/0001-orders.sql" with { type: "text" };

export const ORDERS_MIGRATIONS = [{ name: "0001-orders", text: orders }] as const;

/** The schema `orders`, in order. */
import orders from "./migrations/0001-orders.sql" with { type: "text" };
import payments from "./migrations/0002-payments.sql" with { type: "text" };
import refused from "./migrations/0003-refused.sql" with { type: "text" };

export const ORDERS_MIGRATIONS = [
  { name: "0001-orders", text: orders },
  { name: "0002-payments", text: payments },
  { name: "0003-refused", text: refused },
] as const;

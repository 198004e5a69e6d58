/** The schema `payment`, in order. */
import payments from "./migrations/0001-payments.sql" with { type: "text" };

export const PAYMENT_MIGRATIONS = [{ name: "0001-payments", text: payments }] as const;

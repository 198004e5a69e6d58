/** Answers of the service, in the words of a history. Throws at one that no caller should get. */
import { z } from "zod";
import type { Answer as HttpAnswer } from "#test/caller";
import type { Answer, Command, HoldState } from "./operations";

const Count = z.int().min(0);
const Inventory = z.object({
  productId: z.string(),
  availableStock: Count,
  reservedStock: Count,
  totalStock: Count,
  version: z.int().min(1),
});
const Line = z.object({ productId: z.string(), quantity: Count });
const Reservation = z.object({
  reservationId: z.string(),
  orderId: z.string(),
  lines: z.array(Line),
  status: z.enum(["ACTIVE", "CONFIRMED", "CANCELLED", "EXPIRED"]),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
const Changed = z.object({ inventory: Inventory });
const Held = z.object({ reservation: Reservation });
const Availability = z.object({
  availability: z.array(z.object({ productId: z.string(), availableStock: Count })),
});
const Problem = z.object({ code: z.string() });
const Short = z.object({ lines: z.array(z.object({ productId: z.string(), available: Count })) });
const Above = z.object({
  lines: z.array(z.object({ productId: z.string(), limit: z.object({ left: Count }) })),
});
const BelowReserved = z.object({ totalStock: Count, reservedStock: Count });
const Bulk = z.object({ results: z.array(z.looseObject({ status: z.int() })) });

const STATES = {
  ACTIVE: "live",
  CONFIRMED: "confirmed",
  CANCELLED: "cancelled",
  EXPIRED: "expired",
} as const;
const ENDED: ReadonlyMap<string, HoldState> = new Map([
  ["reservation_confirmed", "confirmed"],
  ["order_already_confirmed", "confirmed"],
  ["reservation_cancelled", "cancelled"],
  ["reservation_expired", "expired"],
  ["reservation_replaced", "replaced"],
  ["reservation_reassigned", "reassigned"],
]);

/** One item of a bulk call, or the whole answer of another one. */
export type Part = Pick<HttpAnswer, "status" | "body">;

export function partOf({ status, body }: Part, item: number | null): Part {
  if (item === null || status !== 200) return { status, body };
  const part = Bulk.parse(body).results[item];
  if (!part) throw new Error(`a bulk call answers nothing for item ${item}`);
  return { status: part.status, body: part };
}

export interface Question {
  readonly productId: string;
  readonly command: Command;
  /** Whose hold it is about, if about one. */
  readonly orderId: string | null;
}

/** What the part says of the product. */
export function answerIn({ status, body }: Part, question: Question): Answer {
  const { productId, command } = question;
  if (status >= 300) return refusalIn(body, question);
  switch (command.verb) {
    case "read":
      return levelsOf(Inventory.parse(body), productId);
    case "sell":
    case "adjust":
      return levelsOf(Changed.parse(body).inventory, productId);
    case "check": {
      const { availability } = Availability.parse(body);
      const line = availability.find((one) => one.productId === productId);
      if (!line) throw new Error(`the check does not answer for ${productId}`);
      return { kind: "available", units: line.availableStock };
    }
    case "lookup":
      return holdOf(Reservation.parse(body), question);
    case "reserve":
    case "confirm":
    case "cancel":
    case "extend":
    case "reassign":
      return holdOf(Held.parse(body).reservation, question);
  }
}

function refusalIn(body: unknown, { productId, command }: Question): Answer {
  const { code } = Problem.parse(body);
  const state = ENDED.get(code);
  if (state !== undefined) {
    return { kind: "ended", holdId: Held.parse(body).reservation.reservationId, state };
  }
  if (code === "reservation_not_found") return { kind: "no_such_hold" };
  if (code === "below_reserved") {
    const { totalStock, reservedStock } = BelowReserved.parse(body);
    return { kind: "below_reserved", onHand: totalStock, reserved: reservedStock };
  }
  if (code === "limit_exceeded") {
    const line = Above.parse(body).lines.find((one) => one.productId === productId);
    return line ? { kind: "above_limit", left: line.limit.left } : { kind: "not_short" };
  }
  if (code !== "insufficient_stock") throw new Error(`${command.verb} was refused with ${code}`);
  const line = Short.parse(body).lines.find((one) => one.productId === productId);
  return line ? { kind: "short", available: line.available } : { kind: "not_short" };
}

function levelsOf(inventory: z.output<typeof Inventory>, productId: string): Answer {
  const { totalStock, reservedStock, availableStock, version } = inventory;
  if (inventory.productId !== productId)
    throw new Error(`asked ${productId}: ${inventory.productId}`);
  const [onHand, reserved, available] = [totalStock, reservedStock, availableStock];
  return { kind: "levels", onHand, reserved, available, version };
}

function holdOf(
  reservation: z.output<typeof Reservation>,
  { productId, orderId }: Question,
): Answer {
  const { reservationId: holdId, lines, status } = reservation;
  const line = lines.find((one) => one.productId === productId);
  if (!line || reservation.orderId !== orderId) {
    throw new Error(`asked ${productId} for ${orderId}: ${JSON.stringify(reservation)}`);
  }
  const [made, due] = [reservation.createdAt, reservation.expiresAt].map((text) =>
    Date.parse(text),
  );
  if (made === undefined || due === undefined) throw new Error("a hold without times");
  return { kind: "hold", holdId, state: STATES[status], units: line.quantity, due, made };
}

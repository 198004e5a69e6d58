/** The record of a place in line, format 1. Twin: lua/lib/waiting.lua. */
import type { CustomerId, OrderId, ProductId } from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";
import type { Waiter } from "#inventory/waitlist-ports";
import { fieldAt, recorded, recordedCount, recordedText } from "#redis/recorded";

const FIELDS = 8;

/** What the id of such a record names. */
export interface WaiterId {
  readonly productId: ProductId;
  readonly owner: string;
}

/** `<product>/<owner>`: no product has a slash. null: it is of no such form. */
export function splitWaiterId(id: string): WaiterId | null {
  const [, productId, owner] = /^([\w.-]{1,64})\/([0-9a-f]{32})$/.exec(id) ?? [];
  if (productId === undefined || owner === undefined) return null;
  return { productId: recorded<ProductId>(productId), owner };
}

/** Reads a record; throws on any other format. */
export function decodeWaiter(
  partition: number,
  { productId, owner }: WaiterId,
  text: string,
): Waiter {
  const fields = text.split("\t");
  if (fields.length !== FIELDS || fields[0] !== "1") throw new Error("not a place of format 1");
  const customer = fieldAt(fields, 6, "customer");
  const order = fieldAt(fields, 7, "order");
  return {
    productId,
    reservationId: reservationIdOf(partition, owner, fieldAt(fields, 1, "generation")),
    quantity: recordedCount(fields[2], "quantity"),
    holdSeconds: recordedCount(fields[3], "seconds"),
    joinedAt: recordedCount(fields[4], "joined"),
    joinedSeq: recordedCount(fields[5], "seq"),
    customerId: customer === "" ? null : recorded<CustomerId>(recordedText(customer)),
    orderId: order === "" ? null : recorded<OrderId>(recordedText(order)),
  };
}

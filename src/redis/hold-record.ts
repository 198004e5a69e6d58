/** The record of a hold, format 1. Twin: lua/lib/hold-record.lua. */
import {
  END_REASONS,
  RESERVATION_STATUSES,
  type Allocation,
  type CustomerId,
  type Location,
  type OrderId,
  type ProductId,
  type Reservation,
} from "#inventory/model";
import type { Stock } from "#inventory/ports";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { fieldAt, isOneOf, recorded, recordedCount, recordedText } from "#redis/recorded";

const HEAD_FIELDS = 8;
const FIELDS = 10;

/** Whom a hold is for: what stands behind the head of its record. */
export interface Whom {
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
}

/** Reads a record that belongs to `owner` of `partition`; throws on any other format. */
export function decodeHold(partition: number, owner: string, text: string): Reservation {
  const fields = text.split("\t");
  if (fields.length !== FIELDS) throw new Error("not a hold of format 1");
  const customer = fieldAt(fields, 8, "customer");
  const order = fieldAt(fields, 9, "order");
  return holdOf(partition, owner, fields, {
    customerId: customer === "" ? null : recorded<CustomerId>(recordedText(customer)),
    orderId: order === "" ? null : recorded<OrderId>(recordedText(order)),
  });
}

/** Writes the record of a hold, as Lua would. */
export function encodeHold(hold: Reservation): string {
  const { generation } = splitReservationId(hold.reservationId);
  return [
    1,
    generation,
    hold.status,
    hold.endReason,
    (hold.expiresAt ?? 0) / 1_000,
    hold.createdAt,
    hold.seq,
    hold.allocations
      .map(({ productId, location, held, confirmed, released }) =>
        [productId, location, held, confirmed, released].join("="),
      )
      .join(","),
    hold.customerId === null ? "" : JSON.stringify(hold.customerId),
    hold.orderId === null ? "" : JSON.stringify(hold.orderId),
  ].join("\t");
}

/** A hold as a script tells it: behind its fields the stock of its product may stand. */
export interface ToldHold {
  readonly reservation: Reservation;
  readonly stock?: Stock;
}

/** Reads a record of `owner` that was answered. */
export function decodeTold(partition: number, owner: string, text: string): ToldHold {
  const { hold, told } = cutStock(text, FIELDS);
  return { reservation: decodeHold(partition, owner, hold), ...told };
}

/** Reads the head of a record, for who knows whom the hold is for. */
export function decodeToldHead(
  partition: number,
  owner: string,
  text: string,
  whom: Whom,
): ToldHold {
  const { hold, told } = cutStock(text, HEAD_FIELDS);
  const fields = hold.split("\t");
  if (fields.length !== HEAD_FIELDS) throw new Error("not the head of a hold of format 1");
  return { reservation: holdOf(partition, owner, fields, whom), ...told };
}

/** What stands behind the fields of a hold is encode_stock's in Lua. */
function cutStock(text: string, fields: number): { hold: string; told: { stock?: Stock } } {
  const parts = text.split("\t");
  if (parts.length <= fields) return { hold: text, told: {} };
  const [onHand, reserved, available, home] = fieldAt(parts, fields, "stock").split("=");
  const stock = {
    onHand: recordedCount(onHand, "onHand"),
    reserved: recordedCount(reserved, "reserved"),
    available: recordedCount(available, "available"),
    home: recorded<Location>(home ?? ""),
  };
  return { hold: parts.slice(0, fields).join("\t"), told: { stock } };
}

function holdOf(
  partition: number,
  owner: string,
  fields: readonly string[],
  { customerId, orderId }: Whom,
): Reservation {
  const status = fieldAt(fields, 2, "state");
  const endReason = fieldAt(fields, 3, "end reason");
  if (fields[0] !== "1") throw new Error("not a hold of format 1");
  if (!isOneOf(RESERVATION_STATUSES, status)) throw new Error(`unknown state ${status}`);
  const dueSecond = recordedCount(fields[4], "due second");
  if (!isOneOf(END_REASONS, endReason)) throw new Error(`unknown end reason ${endReason}`);
  return {
    reservationId: reservationIdOf(partition, owner, fieldAt(fields, 1, "generation")),
    customerId,
    orderId,
    status,
    endReason,
    expiresAt: dueSecond === 0 ? null : dueSecond * 1_000,
    createdAt: recordedCount(fields[5], "created"),
    seq: recordedCount(fields[6], "seq"),
    allocations: fieldAt(fields, 7, "lines").split(",").map(decodeLine),
  };
}

function decodeLine(text: string): Allocation {
  const fields = text.split("=");
  return {
    productId: recorded<ProductId>(fieldAt(fields, 0, "product")),
    location: recorded<Location>(fieldAt(fields, 1, "location")),
    held: recordedCount(fields[2], "held"),
    confirmed: recordedCount(fields[3], "confirmed"),
    released: recordedCount(fields[4], "released"),
  };
}

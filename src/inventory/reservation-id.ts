/** A reservation's public id and its parts: which partition, whose hold, which one of them. */
import { RESERVATION_ID_PATTERN, type ReservationId } from "#inventory/model";

export interface ReservationIdParts {
  readonly partition: number;
  /** 128-bit hash of customer, order and scope, 32 hex characters: the record's key. */
  readonly owner: string;
  /** 8 characters that tell this hold from others of its owner. */
  readonly generation: string;
}

/** The parts of an id. An id that was parsed as a `ReservationId` always has them. */
export function splitReservationId(reservationId: ReservationId): ReservationIdParts {
  const [, partition, owner, generation] = RESERVATION_ID_PATTERN.exec(reservationId) ?? [];
  if (partition === undefined || owner === undefined || generation === undefined) {
    throw new Error("a reservation id lost its shape");
  }
  return { partition: Number(partition), owner, generation };
}

/** The id of a hold; throws when a part does not have the shape that every door accepts. */
export function reservationIdOf(
  partition: number,
  owner: string,
  generation: string,
): ReservationId {
  const text = `p${partition}-${owner}-${generation}`;
  if (!isReservationId(text)) throw new Error("a part of a reservation id has another shape");
  return text;
}

/**
 * Brands without zod, which costs several times as much and is for what comes from outside: the
 * parts here are from our own records, and each answer about a hold puts them together.
 */
function isReservationId(text: string): text is ReservationId {
  return RESERVATION_ID_PATTERN.test(text);
}

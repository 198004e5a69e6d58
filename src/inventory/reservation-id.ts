/** A reservation's public id and its parts: which partition, whose hold, which one of them. */
import { ReservationId } from "#inventory/model";

export interface ReservationIdParts {
  readonly partition: number;
  /** 128-bit hash of customer, order and scope, 32 hex characters: the record's key. */
  readonly owner: string;
  /** 8 characters that tell this hold from others of its owner. */
  readonly generation: string;
}

const SHAPE = /^p(\d{1,4})-([0-9a-f]{32})-([0-9a-z]{8})$/;

/** The parts of an id. An id that was parsed as a `ReservationId` always has them. */
export function splitReservationId(reservationId: ReservationId): ReservationIdParts {
  const [, partition, owner, generation] = SHAPE.exec(reservationId) ?? [];
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
  return ReservationId.parse(`p${partition}-${owner}-${generation}`);
}

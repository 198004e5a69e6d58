/** Who waits for a product, in line: what its verbs ask and answer. */
import type { CommandBase } from "#inventory/command-ports";
import type { AboveQuota } from "#inventory/hold-ports";
import type { CustomerId, OrderId, ProductId, Reservation, ReservationId } from "#inventory/model";

/** Most places in the line of one product. Twin: lua/lib/waiting.lua. */
export const WAITING_MAX = 10_000;
/** Most places that one customer has in the lines of a partition. Twin: lua/lib/waiting.lua. */
export const WAITS_MAX = 100;

/** A place in line: what its owner waits for, and the id of the hold that it will be offered. */
export interface Waiter {
  readonly productId: ProductId;
  /** The hold that will be offered: it is not there before. */
  readonly reservationId: ReservationId;
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
  readonly quantity: number;
  /** Life of the hold from when it is offered. */
  readonly holdSeconds: number;
  /** Epoch milliseconds by Redis's clock. */
  readonly joinedAt: number;
  /** Of the movement that says so: the line's order. */
  readonly joinedSeq: number;
}

/** Who asks, as the owner of the hold that a reserve of the product would make. */
export interface WaitingOwner {
  readonly productId: ProductId;
  readonly owner: string;
}
export interface JoinCommand extends CommandBase, WaitingOwner {
  /** Of the hold that will be offered. */
  readonly generation: string;
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
  readonly quantity: number;
  readonly holdSeconds: number;
}
export interface LeaveCommand extends CommandBase, WaitingOwner {}

export interface InLine {
  readonly kind: "waiting";
  readonly waiter: Waiter;
  /** From 1. */
  readonly position: number;
  /** Of the product, with this one. */
  readonly waiting: number;
}
/** A live hold of that owner: what it was offered, or what it had before. */
export interface Offered {
  readonly kind: "offered";
  readonly reservation: Reservation;
}
export interface NotInLine {
  readonly kind: "absent";
  readonly waiting: number;
}
export type JoinOutcome =
  | (InLine & { readonly replayed: boolean })
  | Offered
  /** Units of that owner are sold, as for a reserve. */
  | { readonly kind: "already_confirmed"; readonly reservation: Reservation }
  /** Nobody waits and the units are there: they are to be reserved. */
  | { readonly kind: "available"; readonly quantity: number }
  | AboveQuota
  /** The product's line is as long as one may be. */
  | { readonly kind: "line_full" }
  /** The customer has as many places as one may have. */
  | { readonly kind: "too_many_places" }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };
export type LeaveOutcome =
  | { readonly kind: "left"; readonly waiting: number; readonly replayed: boolean }
  | NotInLine
  | Offered
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };
export type PlaceOutcome = InLine | Offered | NotInLine | { readonly kind: "unknown_product" };

/** A part of a product's line, first in line first. */
export interface LinePage {
  readonly waiting: number;
  readonly waiters: readonly Waiter[];
}

/** What one bounded step of `offer` did. */
export interface OfferResult {
  /** Holds that it made. */
  readonly offered: number;
  /** Who left the line without one. */
  readonly left: number;
  /** Whether the bound of one call left more to do. */
  readonly more: boolean;
  /** Seconds in which the holds are due. */
  readonly dueSeconds: readonly number[];
  /** Products of which something cannot be read: nobody is offered anything of them. */
  readonly damaged: readonly string[];
  /** Products that somebody waited for when it began. */
  readonly waited: number;
}
/** Products that one step looks at. Twin: PRODUCTS_MAX in lua/stock/offer.lua. */
export const OFFER_PRODUCTS_MAX = 32;

/** Of which products it looks at: those that got free units, or from that one on all others as well. */
export type OfferTo = "freed" | number;

/** The lines of all products. Every method rejects with a Fault when Redis cannot be used. */
export interface Waitlist {
  join(command: JoinCommand): Promise<JoinOutcome>;
  leave(command: LeaveCommand): Promise<LeaveOutcome>;
  place(of: WaitingOwner, deadline: number): Promise<PlaceOutcome>;
  /** Those who joined after that seq; null: there is no such product. */
  line(
    of: { readonly productId: ProductId; readonly after: number; readonly limit: number },
    deadline: number,
  ): Promise<LinePage | null>;
  /** One bounded step over products of that partition that somebody waits for. */
  offer(partition: number, to: OfferTo, deadline: number): Promise<OfferResult>;
}

/** Commands and outcomes of holds: what reserve, confirm, cancel, extend and reassign say and hear. */
import type { CampaignId, CampaignRefused } from "#inventory/campaigns";
import type {
  CustomerId,
  Location,
  OrderId,
  ProductId,
  Reservation,
  Totals,
} from "#inventory/model";
import type { CommandBase } from "#inventory/ports";

/** What a caller asks for of one product. Products of one command are distinct. */
export interface RequestedLine {
  readonly productId: ProductId;
  readonly quantity: number;
  /** null: the product's active locations, home first, then by priority. */
  readonly location: Location | null;
}

export interface ReserveCommand extends CommandBase {
  /** 128-bit hash of customer, order and scope, in hex: the record's key. */
  readonly owner: string;
  /** 8 random characters that tell this hold from others of its owner. */
  readonly generation: string;
  readonly customerId: CustomerId | null;
  /** null: the hold is the product's own (a standing hold). */
  readonly orderId: OrderId | null;
  readonly lines: readonly RequestedLine[];
  /** null: a standing hold, which is never due. */
  readonly holdSeconds: number | null;
  readonly mode: ReserveMode;
  /** Decide and answer, and change nothing. */
  readonly dryRun: boolean;
  /** Adds to the owner's live hold instead of replacing it; a repeat without a key adds again. */
  readonly adds: boolean;
  /** Of whose ring-fences its units come; absent: of what everybody may have. */
  readonly campaignId?: CampaignId;
}
/** What a product has over all locations at one moment. */
export interface Stock extends Totals {
  readonly home: Location;
}
/** What a cart that cannot be had whole gets: nothing, or of each line what can be had. */
export const RESERVE_MODES = ["all_or_nothing", "best_effort"] as const;
export type ReserveMode = (typeof RESERVE_MODES)[number];

/** Units of a product that nobody holds at one location. */
export interface FreeLevel {
  readonly location: Location;
  readonly available: number;
}
/** A line that gets less than it asks for. */
export interface ShortLine {
  readonly productId: ProductId;
  readonly requested: number;
  /** The largest quantity that this caller could have: what is available and its own live hold. */
  readonly largest: number;
  /** Units that anybody could take, at the line's location if it names one. */
  readonly available: number;
  /** Every active location of the product; safety stock is not taken off, for it is the product's. */
  readonly locations: readonly FreeLevel[];
  /**
   * When the next live hold with units of it is due (epoch milliseconds, Redis's clock); null where
   * none of the next few is, where it could not be told at once, and where its customer may have no more
   * than there are already.
   */
  readonly nextHoldEndsAt: number | null;
  /** Where the line asks for more than its customer may have; else absent. */
  readonly quota?: Quota;
  /** How many wait for the product, whose the free units are then; absent: nobody does. */
  readonly waiting?: number;
}
/** How many units of a product one customer may have over all its orders, and may take beside them. */
export interface Quota {
  readonly maxPerCustomer: number;
  readonly left: number;
  /** The limit that says so, where it is not the product's own. */
  readonly limitId?: string;
  /** The campaign whose own limit it is. */
  readonly campaignId?: CampaignId;
  /** When its window ends, where it has one (ms). */
  readonly windowEndsAt?: number;
  /** How many live holds it allows, where those are what is too much. */
  readonly maxHolds?: number;
}
export type ReserveOutcome =
  /** `short` are lines that got less than they asked for; only with `best_effort`. */
  | {
      readonly kind: "reserved";
      readonly reservation: Reservation;
      readonly short: readonly ShortLine[];
      /** Of the first line's product, as this left it; of a hold that was added to. */
      readonly stock?: Stock;
    }
  | {
      readonly kind: "held";
      readonly reservation: Reservation;
      readonly replayed: boolean;
      readonly short: readonly ShortLine[];
      readonly stock?: Stock;
    }
  /** The answer to a dry run: what each line would get. */
  | {
      readonly kind: "possible";
      readonly lines: readonly LineQuantity[];
      readonly short: readonly ShortLine[];
    }
  | { readonly kind: "already_confirmed"; readonly reservation: Reservation }
  | Insufficient
  | AboveQuota
  | CampaignRefused
  | { readonly kind: "unknown_product"; readonly productId: ProductId }
  | { readonly kind: "key_reused" };

/** Which hold: as a reservation's id names it, or whichever hold of that owner is live. */
export interface HoldTarget {
  readonly partition: number;
  readonly owner: string;
  /** null: whichever is live; an owner without a live hold is answered `unknown_reservation`. */
  readonly generation: string | null;
}
/** A change to a hold that exists. */
export interface HoldCommand extends CommandBase {
  readonly hold: HoldTarget;
  /** The customer the hold must belong to; null for services and admins, who may touch any. */
  readonly customerId: CustomerId | null;
}
/** Quantity of one product of a hold. */
export interface LineQuantity {
  readonly productId: ProductId;
  readonly quantity: number;
}
export interface EndCommand extends HoldCommand {
  /** null: all that is held. */
  readonly lines: readonly LineQuantity[] | null;
}
export interface ConfirmCommand extends EndCommand {
  /** Generation of the sale that an expired hold may become; without one, what expired stays so. */
  readonly reacquireAs?: string;
}
/** What confirm, cancel, extend and reassign answer where they do nothing. */
export type HoldRefusal =
  | { readonly kind: "confirmed"; readonly reservation: Reservation }
  | { readonly kind: "cancelled"; readonly reservation: Reservation }
  | { readonly kind: "expired"; readonly reservation: Reservation }
  /** Another generation of this owner lives: the ledger knows how this one ended. */
  | { readonly kind: "superseded" }
  | { readonly kind: "unknown_reservation" }
  | { readonly kind: "key_reused" };
/** `done`: this call or an earlier copy of it did it. */
export type HoldDone = {
  readonly kind: "done";
  readonly reservation: Reservation;
  readonly replayed: boolean;
  /** Of the hold's first product, as this left it; for a command that names no generation. */
  readonly stock?: Stock;
};
/** What all four may answer. */
export type HoldOutcome = HoldDone | HoldRefusal;

/** More than the hold has of that product; nothing was changed. */
export interface ExceedsHeld {
  readonly kind: "exceeds_held";
  readonly productId: ProductId;
  readonly held: number;
}
/** The stock is not there; of a confirm: to sell after all what expired. */
export interface Insufficient {
  readonly kind: "insufficient";
  readonly lines: readonly ShortLine[];
}
/** Lines that ask for more than their customer may have: this is told before what is not there. */
export interface AboveQuota {
  readonly kind: "above_quota";
  readonly lines: readonly ShortLine[];
}
/** It has no due time. */
export interface Standing {
  readonly kind: "standing";
}
export type CancelOutcome = HoldOutcome | ExceedsHeld;
export type ConfirmOutcome = HoldOutcome | ExceedsHeld | Insufficient | AboveQuota;
/** It was extended as often as a hold may be; nothing was changed. */
export interface TooOften {
  readonly kind: "too_often";
  readonly extensions: number;
  readonly reservation: Reservation;
}
export type ExtendOutcome = HoldOutcome | Standing | TooOften;

export interface ExtendCommand extends HoldCommand {
  /** The hold shall live this many seconds from now; it is never due sooner than it was. */
  readonly holdSeconds: number;
  /** Nor later than this after it was made. */
  readonly holdSecondsMax: number;
  /** How often a hold may be extended; 0: any number of times. */
  readonly extensionsMax: number;
}

export interface ReassignCommand extends HoldCommand {
  readonly to: NewOwner;
  /** Of the hold that the new owner gets, where it has no live one. */
  readonly generation: string;
  /** A live hold that takes the units in is never due later than this after it was made. */
  readonly holdSecondsMax: number;
}
/** Whose a hold shall be; null: whose it was. One of the two is not. */
export interface NewOwner {
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
  /** Its hash; null where nobody could tell it, for the hold was not found or is a contract's own. */
  readonly owner: string | null;
}
/** What bounds a hold that takes in the units of another one: as it does a cart. */
export const HOLD_LIMITS = ["products", "places", "units"] as const;
export type HoldLimit = (typeof HOLD_LIMITS)[number];

/** The hold that is in the way; nothing was changed. */
export type ReassignRefusal =
  /** One of the two holds never ends by itself. */
  | { readonly kind: "standing"; readonly reservation: Reservation }
  /** Units of one of the two are sold. */
  | { readonly kind: "already_confirmed"; readonly reservation: Reservation }
  | {
      readonly kind: "above_hold_limit";
      readonly limit: HoldLimit;
      readonly reservation: Reservation;
    };
/** `done` with the hold that the new owner has. */
export type ReassignOutcome = HoldOutcome | ReassignRefusal;

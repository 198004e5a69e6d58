/** Commands and outcomes of what moves between locations, and of what is said of them. */
import type { AboveLimit } from "#inventory/level-limit";
import type { Location, Product, ProductId, RegisteredLocation } from "#inventory/model";
import type { CommandBase } from "#inventory/ports";

export interface TransferCommand extends CommandBase {
  readonly productId: ProductId;
  readonly from: Location;
  /** Another one than `from`. */
  readonly to: Location;
  readonly quantity: number;
  /** onHand over all locations that the caller expects to find; null when it does not care. */
  readonly expectedQuantity: number | null;
}
export type TransferOutcome =
  | { readonly kind: "transferred"; readonly product: Product; readonly replayed: boolean }
  /** Counts of `from`. */
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  /** Count of `to`. */
  | AboveLimit
  | { readonly kind: "expected_mismatch"; readonly product: Product }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

/** What an administrator may say of a location. */
export type LocationAttributes = Pick<
  RegisteredLocation,
  "name" | "address" | "priority" | "active"
>;
/** A location that is registered or has products. */
export interface KnownLocation extends LocationAttributes {
  readonly location: Location;
  /** Of its registration, epoch milliseconds; null: nobody registered it. */
  readonly createdAt: number | null;
  readonly updatedAt: number | null;
}
export interface RegisterLocationCommand extends CommandBase, LocationAttributes {
  readonly location: Location;
}
export type RegisterLocationOutcome =
  | {
      readonly kind: "registered";
      readonly registered: RegisteredLocation;
      readonly replayed: boolean;
    }
  | { readonly kind: "exists"; readonly registered: RegisteredLocation }
  | { readonly kind: "above_limit" }
  | { readonly kind: "key_reused" };

export interface AmendLocationCommand extends CommandBase {
  readonly location: Location;
  readonly changes: Partial<LocationAttributes>;
  /** Version the location must still have; null when the caller does not care. */
  readonly expectedVersion: number | null;
}
export type AmendLocationOutcome =
  | {
      readonly kind: "amended";
      readonly registered: RegisteredLocation;
      readonly replayed: boolean;
    }
  | { readonly kind: "expected_mismatch"; readonly registered: RegisteredLocation }
  | { readonly kind: "unknown_location" }
  | { readonly kind: "key_reused" };

/** A registered location with the seq of the movement of this partition that brought it. */
export interface JournaledLocation extends RegisteredLocation {
  readonly seq: number;
}

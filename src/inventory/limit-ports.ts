/** Commands and outcomes of limits that have a name: how many units of some products one customer may have. */
import type { CampaignId } from "#inventory/campaigns";
import type { CustomerId, ProductId } from "#inventory/model";
import type { CommandBase } from "#inventory/command-ports";

/** What a limit counts: units that are held and sold, or those that are held alone. */
export const LIMIT_COUNTS = ["taken", "held"] as const;
export type LimitCounts = (typeof LIMIT_COUNTS)[number];

/** What may be said of a limit. */
export interface LimitTerms {
  /** Each once, in order. */
  readonly products: readonly ProductId[] | "all";
  readonly maxUnits: number;
  /** Fixed intervals of Redis's clock, from 1970 on; null: it counts for good. */
  readonly windowHours: number | null;
  readonly counts: LimitCounts;
  /** Live holds of a customer with units of these products; null: any number. */
  readonly maxHolds: number | null;
}

export interface NamedLimit extends LimitTerms {
  readonly limitId: string;
  /** What was made before does not count (ms). */
  readonly since: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** seq of its last change. */
  readonly version: number;
}

/** A limit with the text of its record. */
export interface KeptLimit extends NamedLimit {
  readonly text: string;
}
/** A limit that a record says, as its counts are looked at: one with a name, or a campaign's of one product. */
export interface RecordedRule extends Pick<LimitTerms, "products" | "counts"> {
  readonly kind: "limit" | "campaign";
  readonly recordId: string;
  /** Of the record. */
  readonly text: string;
  /** As the key of its counts has it. */
  readonly rule: string;
}
export interface LimitWindow {
  /** As the key of its counts has it. */
  readonly name: string;
  /** ms; null: never. */
  readonly endsAt: number | null;
}

export interface PutLimitCommand extends CommandBase, LimitTerms {
  readonly limitId: string;
  /** Version it must still have; null when the caller does not care. */
  readonly expectedVersion: number | null;
}
export interface RemoveLimitCommand extends CommandBase {
  readonly limitId: string;
  readonly expectedVersion: number | null;
}

type LimitRefusal =
  | { readonly kind: "expected_mismatch"; readonly limit: NamedLimit }
  | { readonly kind: "unknown_limit" }
  | { readonly kind: "key_reused" };
export type PutLimitOutcome =
  /** `kept`: it is as it was asked for already. */
  | {
      readonly kind: "made" | "put" | "kept";
      readonly limit: NamedLimit;
      readonly replayed: boolean;
    }
  /** Its products live in several partitions, or it lives in another one than they do. */
  | { readonly kind: "spans_partitions" }
  | { readonly kind: "unknown_product"; readonly productId: ProductId }
  /** There are as many limits as there may be; or as many over that product, null: over all products. */
  | { readonly kind: "too_many_limits" }
  | { readonly kind: "too_many_of_product"; readonly productId: ProductId | null }
  | LimitRefusal;
export type RemoveLimitOutcome =
  | { readonly kind: "removed"; readonly limit: NamedLimit; readonly replayed: boolean }
  | LimitRefusal;

export interface LimitStore {
  putLimit(command: PutLimitCommand): Promise<PutLimitOutcome>;
  removeLimit(command: RemoveLimitCommand): Promise<RemoveLimitOutcome>;
  /** All of them, by id: few enough for one answer. */
  limits(deadline: number): Promise<readonly NamedLimit[]>;
}

/** What of an order's sales limits may still count for its customer. */
export interface SalesOfLimit {
  readonly customerId: CustomerId;
  /** What was sold to it and what came back of that, in their order, as the ledger has it. */
  readonly steps: readonly SaleStep[];
}
export interface SaleStep {
  /** When the hold that was sold was made, or when it was sold without one (ms); null: it came back. */
  readonly at: number | null;
  readonly units: number;
  /** The campaign that it was sold through. */
  readonly campaignId?: CampaignId;
}

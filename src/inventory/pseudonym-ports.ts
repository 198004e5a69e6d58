/** The ports of who replaces customers' ids in the ledger: who asks for it, and who does it. */
import type { CustomerId, ProductId } from "#inventory/model";

/** What is asked for. */
export interface NewPseudonymization {
  readonly id: string;
  readonly customerId: CustomerId;
  readonly pseudonym: CustomerId;
  /** Of the request; null without an `Idempotency-Key`. */
  readonly operation: { readonly key: string; readonly payload: string } | null;
  /** `<role>:<subject>`. */
  readonly askedBy: string;
}

/** How far one is. Whose it is, and by what the id is replaced, nobody is told. */
export interface Pseudonymization {
  readonly id: string;
  /** Movements and holds in which the id was replaced. */
  readonly movements: number;
  readonly reservations: number;
  /** Percent of the movements that were looked at. */
  readonly progress: number;
  /** Epoch milliseconds. */
  readonly askedAt: number;
  /** null: it is under way. */
  readonly finishedAt: number | null;
}

export type PseudonymizeOutcome =
  /** `replayed`: by an earlier request under the same key, or of the same customer's that is under way. */
  | { readonly kind: "asked"; readonly id: string; readonly replayed: boolean }
  /** The customer holds something now. */
  | { readonly kind: "has_live_holds"; readonly holds: number }
  | { readonly kind: "key_reused" };

/** Requests to replace a customer's id, as those who ask see them. */
export interface Pseudonymizations {
  ask(wanted: NewPseudonymization, deadline: number): Promise<PseudonymizeOutcome>;
  /** null: there is none of that id. */
  read(id: string, deadline: number): Promise<Pseudonymization | null>;
}

/** The same as those who do the work see them. */
export interface PseudonymWork {
  /** Does a bounded part; false: there is nothing to do. */
  step(): Promise<boolean>;
}

/** What limits count in Redis, by customer: who is forgotten is in none of it any more. */
export interface CountedCustomers {
  /** Of some products' own limits, and of all of that partition that are over several or a campaign's. */
  forget(
    partition: number,
    customerId: CustomerId,
    productIds: readonly ProductId[],
  ): Promise<void>;
}

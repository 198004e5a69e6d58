/** Stock that is expected, as the core sees it. PostgreSQL keeps it; Redis knows only what came. */
import { z } from "zod";
import type { Location, ProductId } from "#inventory/model";
import type { Operation, Page } from "#inventory/ports";

export const IncomingId = z.uuid("must be an id that this API answered").brand<"IncomingId">();
export type IncomingId = z.infer<typeof IncomingId>;

export const INCOMING_STATUSES = ["EXPECTED", "RECEIVED", "CANCELLED"] as const;
export type IncomingStatus = (typeof INCOMING_STATUSES)[number];

/** Units of one product that somebody expects. Times are epoch milliseconds. */
export interface Incoming {
  readonly incomingId: IncomingId;
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  readonly quantity: number;
  /** Units that came, those among them that are on their way into the stock. */
  readonly received: number;
  /** What is not received is not expected any more. */
  readonly cancelled: boolean;
  readonly expectedAt: number;
  /** Of the document that it was ordered by. */
  readonly reference: string | null;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Units that are still to come. */
export const outstandingOf = ({ quantity, received, cancelled }: Incoming): number =>
  cancelled ? 0 : quantity - received;

export function statusOfIncoming({ quantity, received, cancelled }: Incoming): IncomingStatus {
  if (cancelled) return "CANCELLED";
  return received === quantity ? "RECEIVED" : "EXPECTED";
}

export interface NewIncoming {
  readonly productId: ProductId;
  readonly location: Location | null;
  readonly quantity: number;
  readonly expectedAt: number;
  readonly reference: string | null;
}
/** What is not named stays; a reference may be taken away. */
export interface IncomingChanges {
  readonly quantity?: number | undefined;
  readonly expectedAt?: number | undefined;
  readonly reference?: string | null | undefined;
}

/** Some units of an expected lot. Its number makes its effect on stock one of a kind. */
export interface Receipt {
  readonly receipt: number;
  readonly units: number;
}
/** In stock when `brought`, in the ledger too when `done`; expected again when `refused`. */
export const RECEIPT_STATES = ["claimed", "brought", "done", "refused"] as const;
export type ReceiptState = (typeof RECEIPT_STATES)[number];

/** Reason of a receipt's movement: the ledger finds it by this. */
export const reasonOfReceipt = ({
  incomingId,
  receipt,
}: Pick<HeldReceipt, "incomingId" | "receipt">): string =>
  `incoming ${incomingId}, receipt ${receipt}`;

/** One that somebody is about to bring into the stock. */
export interface HeldReceipt {
  readonly incomingId: IncomingId;
  readonly receipt: number;
  /** Those who hold it are counted anew with each one: a holder of an earlier one is not among them. */
  readonly attempt: number;
}
/** One that the ledger is not known to have, with what it takes to finish it. */
export interface UnfinishedReceipt extends Receipt, HeldReceipt {
  /** Its units were in the stock. */
  readonly isBrought: boolean;
  readonly productId: ProductId;
  readonly location: Location | null;
  readonly reference: string | null;
  readonly actor: string;
  readonly requestId: string;
}

/** What a receipt's movement is known by in the ledger. */
export interface ReceiptMovement {
  readonly incomingId: IncomingId;
  readonly receipt: number;
  /** Of its product. */
  readonly partition: number;
  readonly reason: string;
}

export interface IncomingQuery {
  readonly productId: ProductId | null;
  readonly status: IncomingStatus | null;
  readonly cursor: string | null;
  readonly limit: number;
}

export type ExpectOutcome =
  | { readonly kind: "expected"; readonly incoming: Incoming; readonly replayed: boolean }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };
export type AmendIncomingOutcome =
  | { readonly kind: "amended"; readonly incoming: Incoming; readonly replayed: boolean }
  /** Cancelled, or with more units received than it would have; nothing was changed. */
  | { readonly kind: "closed"; readonly incoming: Incoming }
  | { readonly kind: "unknown_incoming" }
  | { readonly kind: "key_reused" };
export type ClaimOutcome =
  | {
      readonly kind: "claimed";
      /** As the claim left it. */
      readonly incoming: Incoming;
      readonly receipt: Receipt;
      readonly attempt: number;
      /** It is in the ledger, for so long that Redis may not know its operation any more. */
      readonly isForgotten: boolean;
    }
  /** So many are not expected (any more). */
  | { readonly kind: "exceeds_expected"; readonly incoming: Incoming }
  | { readonly kind: "unknown_incoming" }
  | { readonly kind: "key_reused" };

export interface Claimant {
  readonly actor: string;
  readonly requestId: string;
  readonly operation: Operation | null;
}

/** Every change is known by its operation for a day, and answered again as it was. */
export interface IncomingStock {
  expect(
    input: NewIncoming,
    by: { readonly actor: string; readonly operation: Operation | null },
    deadline: number,
  ): Promise<Exclude<ExpectOutcome, { kind: "unknown_product" }>>;
  amend(
    incomingId: IncomingId,
    changes: IncomingChanges & { readonly cancelled: boolean },
    operation: Operation | null,
    deadline: number,
  ): Promise<AmendIncomingOutcome>;
  /** `units` null: all that is still expected. A repeat has the same receipt, be it refused before. */
  claim(
    incomingId: IncomingId,
    units: number | null,
    by: Claimant,
    deadline: number,
  ): Promise<ClaimOutcome>;
  /** The receipt's units are in the stock, or in the ledger too. Rejects where others took its place. */
  settle(
    receipt: Pick<HeldReceipt, "incomingId" | "receipt">,
    state: "brought" | "done",
    deadline: number,
  ): Promise<void>;
  /**
   * Who holds the receipt surely brought nothing, and will not. Answers whether its units are expected
   * again: not while others hold it, who may have brought them.
   */
  giveBack(receipt: HeldReceipt, deadline: number): Promise<boolean>;
  /** Soonest first. */
  list(query: IncomingQuery, deadline: number): Promise<Page<Incoming>>;
  /**
   * Takes up receipts that were held last longer ago than that, oldest first. So one that cannot be
   * finished comes again behind all others.
   */
  takeUp(agoMs: number, limit: number, deadline: number): Promise<readonly UnfinishedReceipt[]>;
  /** Whether the ledger has the receipt's movement, or keeps it in quarantine. */
  isInLedger(receipt: ReceiptMovement, deadline: number): Promise<boolean>;
}

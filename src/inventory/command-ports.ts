/** What every command to the store carries besides what it wants. */
import type { Receipt } from "#inventory/durability";
import type { MovementContext } from "#inventory/model";
import type { Charge } from "#inventory/rates";

/** An `Idempotency-Key` within its scope, and the request it came with, both as hashes. */
export interface Operation {
  /** 32 hex characters: subject, route and key. */
  readonly key: string;
  /** 16 hex characters: the request's body. */
  readonly payload: string;
  /** Another name of the same operation: it is known under either, and refused if either is reused. */
  readonly also?: Omit<Operation, "also">;
}

/** What every command carries. */
export interface CommandBase {
  readonly context: MovementContext;
  readonly operation: Operation | null;
  /** Epoch milliseconds of this process's clock by which the caller must have an answer. */
  readonly deadline: number;
  /** Where the store notes its answers, for a caller that waits for more than Redis's word. */
  readonly receipts?: Receipt[];
  /** The request's share of its caller's quotas, for one command that takes it along; else absent. */
  readonly charge?: Charge;
}

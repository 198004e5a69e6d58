/**
 * Units of an expected lot come into the stock. The receipt is claimed first, in PostgreSQL; then
 * Redis adds the units under an operation that is the receipt's own, so that whoever repeats it (the
 * caller, or a worker after a crash) adds nothing twice; then it is noted as brought. A worker notes it
 * as done when the ledger has it, and brings again what a Redis lost before that.
 *
 * Several may bring one receipt at once: copies of its call, and a worker. They are counted, and its
 * units are expected again when Redis has surely refused every one of them.
 */
import { hash } from "node:crypto";
import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import {
  reasonOfReceipt,
  type ClaimOutcome,
  type HeldReceipt,
  type Incoming,
  type IncomingId,
  type Receipt,
  type UnfinishedReceipt,
} from "#inventory/incoming-ports";
import type { AdjustOutcome, Operation } from "#inventory/ports";
import type { AboveLimit } from "#inventory/level-limit";
import { waitForLedger } from "#inventory/wait-for-ledger";
import type { Product } from "#inventory/model";

export type ReceiveOutcome =
  | {
      readonly kind: "received";
      readonly incoming: Incoming;
      readonly receipt: Receipt;
      readonly product: Product;
      readonly replayed: boolean;
    }
  | AboveLimit
  | { readonly kind: "unknown_product" }
  | Exclude<ClaimOutcome, { kind: "claimed" }>;

/** Longer than any request lives: who claimed it earlier is gone. */
const UNFINISHED_MS_MIN = 30_000;
const UNFINISHED_MAX = 100;
const FINISH_MS_MAX = 5_000;
/** Time to give a claim back that a request's deadline may not have left. */
const GIVE_BACK_MS = 500;
const KEY_HEX_DIGITS = 32;
const PAYLOAD_HEX_DIGITS = 16;

export type ReceiveDeps = Pick<Deps, "store" | "incoming" | "clock">;

/** Receives `units`, or all that is still expected. Rejects with Faults. */
export async function receive(
  deps: ReceiveDeps,
  ctx: RequestContext,
  incomingId: IncomingId,
  units: number | null,
): Promise<ReceiveOutcome> {
  const { requestId, operation } = ctx;
  const by = { actor: actorOf(ctx.caller), requestId, operation };
  const claimed = await deps.incoming.claim(incomingId, units, by, ctx.deadline);
  if (claimed.kind !== "claimed") return claimed;
  const { incoming, receipt, attempt } = claimed;
  if (claimed.isForgotten) {
    // Redis would add the units anew.
    const product = await deps.store.product(incoming.productId, ctx.deadline);
    if (product === null) return { kind: "unknown_product" };
    return { kind: "received", incoming, receipt, product, replayed: true };
  }
  const held = { ...incoming, ...receipt, ...by, attempt };
  const outcome = await bring(deps, held, ctx.deadline);
  switch (outcome.kind) {
    case "adjusted": {
      const { product, replayed } = outcome;
      await noteBrought(deps, held, ctx.deadline);
      return { kind: "received", incoming, receipt, product, replayed };
    }
    case "above_limit":
    case "unknown_product":
      await giveBack(deps, held, ctx.deadline);
      return outcome;
    case "below_reserved":
    case "expected_mismatch":
    case "key_reused":
      throw new Error(`a receipt was answered ${outcome.kind}`);
  }
}

type Bringing = Omit<UnfinishedReceipt, "isBrought">;

/** Adds the units. A claim whose units were surely not added is given back. */
async function bring(
  deps: ReceiveDeps,
  receipt: Bringing,
  deadline: number,
): Promise<AdjustOutcome> {
  try {
    return await restock(deps, receipt, deadline);
  } catch (error) {
    if (error instanceof Fault && error.code !== "outcome_unknown") {
      await giveBack(deps, receipt, deadline);
    }
    throw error;
  }
}

/** The units are there: where PostgreSQL is away, a worker finds that out later. */
async function noteBrought(
  { incoming }: ReceiveDeps,
  receipt: HeldReceipt,
  deadline: number,
): Promise<void> {
  try {
    await incoming.settle(receipt, "brought", deadline);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Its units are expected again. Where others hold it, or that cannot be noted, they may come yet. */
async function giveBack(
  { incoming, clock }: ReceiveDeps,
  receipt: HeldReceipt,
  deadline: number,
): Promise<void> {
  const until = Math.max(deadline, clock.now() + GIVE_BACK_MS);
  const message = "the receipt is noted, and its units may come yet";
  const isExpectedAgain = await incoming.giveBack(receipt, until).catch((cause: unknown) => {
    throw new Fault("outcome_unknown", message, { cause });
  });
  if (!isExpectedAgain) throw new Fault("outcome_unknown", message);
}

function restock(
  { store }: Pick<Deps, "store">,
  receipt: Bringing,
  deadline: number,
): Promise<AdjustOutcome> {
  const { productId, location, units, reference, actor, requestId } = receipt;
  const reason = reasonOfReceipt(receipt);
  return store.adjust({
    context: { actor, reason, ...(reference === null ? {} : { reference }), requestId },
    operation: operationOf(reason, units),
    deadline,
    productId,
    location,
    delta: units,
    type: "RESTOCK",
    expectedQuantity: null,
    expectedSeq: null,
  });
}

/** The receipt's own: no `Idempotency-Key` leads to it. */
function operationOf(reason: string, units: number): Operation {
  return {
    key: hash("sha256", `receipt of ${reason}`).slice(0, KEY_HEX_DIGITS),
    payload: hash("sha256", String(units)).slice(0, PAYLOAD_HEX_DIGITS),
  };
}

/** What came of receipts that the ledger was not known to have. */
export interface FinishedReceipts {
  /** Their caller was gone, or a Redis had lost them. */
  readonly finished: number;
  /** They come again, behind all others. */
  readonly failed: readonly FailedReceipt[];
  /** As many as are looked at in one go: there may be more. */
  readonly mayBeMore: boolean;
}
export interface FailedReceipt {
  readonly incomingId: IncomingId;
  readonly receipt: number;
  readonly error: unknown;
}

/** `noted`: nothing had to be done. `waits`: its units are in the stock, and not in the ledger yet. */
type Finish = "finished" | "noted" | "waits";

/**
 * Finishes receipts, each by itself: those that were brought are done when the ledger has them, and
 * those whose caller is gone are brought. What the ledger has came already, however long ago; what it
 * lacks, Redis knows by the operation, or never saw, or lost. Rejects with a Fault when PostgreSQL
 * cannot say which there are.
 */
export async function finishReceipts(deps: ReceiveDeps): Promise<FinishedReceipts> {
  const { store, incoming, clock } = deps;
  const until = clock.now() + FINISH_MS_MAX;
  const taken = await incoming.takeUp(UNFINISHED_MS_MIN, UNFINISHED_MAX, until);
  const lags = new Map<number, Promise<number>>();
  /** Movements that the ledger still lacks; of each partition it is waited for once. */
  const lagOf = (partition: number): Promise<number> => {
    const lag = lags.get(partition) ?? waitForLedger({ store, clock }, until, partition);
    lags.set(partition, lag);
    return lag;
  };
  const outcomes = await Promise.allSettled(
    taken.map((receipt) => finishReceipt(deps, receipt, lagOf, until)),
  );
  const failed = outcomes.flatMap((outcome, i): FailedReceipt[] => {
    const receipt = taken[i];
    return outcome.status === "rejected" && receipt ? [{ ...receipt, error: outcome.reason }] : [];
  });
  const finished = outcomes.filter(
    (outcome) => outcome.status === "fulfilled" && outcome.value === "finished",
  ).length;
  return { finished, failed, mayBeMore: taken.length === UNFINISHED_MAX };
}

async function finishReceipt(
  deps: ReceiveDeps,
  unfinished: UnfinishedReceipt,
  lagOf: (partition: number) => Promise<number>,
  until: number,
): Promise<Finish> {
  const { store, incoming } = deps;
  const { incomingId, receipt, productId, isBrought } = unfinished;
  const partition = store.partitionOf(productId);
  if ((await lagOf(partition)) > 0) {
    if (isBrought) return "waits";
    throw new Fault("ledger_unavailable", "the ledger is behind: whether they came is not known");
  }
  const movement = { incomingId, receipt, partition, reason: reasonOfReceipt(unfinished) };
  if (await incoming.isInLedger(movement, until)) {
    await incoming.settle(unfinished, "done", until);
    return isBrought ? "noted" : "finished";
  }
  const outcome = await restock(deps, unfinished, until);
  switch (outcome.kind) {
    case "adjusted":
      await incoming.settle(unfinished, "brought", until);
      return isBrought && outcome.replayed ? "waits" : "finished";
    case "unknown_product":
    case "above_limit":
      // Its caller heard that they came: a person must know that they cannot come again.
      if (isBrought) throw new Error(`what was received cannot be brought again: ${outcome.kind}`);
      await giveBack(deps, unfinished, until);
      return "finished";
    case "key_reused":
    case "expected_mismatch":
    case "below_reserved":
      throw new Error(`a receipt that is finished was answered ${outcome.kind}`);
  }
}

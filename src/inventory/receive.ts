/**
 * Units of an expected lot come into the stock. The receipt is claimed first, in PostgreSQL; then
 * Redis adds the units under an operation that is the receipt's own, so that whoever repeats it (the
 * caller, or a worker after a crash) adds nothing twice; at last the receipt is noted as done.
 */
import { hash } from "node:crypto";
import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type {
  ClaimOutcome,
  Incoming,
  IncomingId,
  Receipt,
  UnfinishedReceipt,
} from "#inventory/incoming-ports";
import type { AdjustOutcome, Operation } from "#inventory/ports";
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
  | { readonly kind: "above_limit"; readonly onHand: number }
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
  const { incoming, receipt } = claimed;
  const outcome = await bring(deps, { ...incoming, ...receipt, ...by }, ctx.deadline);
  switch (outcome.kind) {
    case "adjusted": {
      const { product, replayed } = outcome;
      // The units are there: what is not noted now, a worker notes later.
      await deps.incoming
        .settle(incomingId, receipt.receipt, "done", ctx.deadline)
        .catch(() => undefined);
      return { kind: "received", incoming, receipt, product, replayed };
    }
    case "above_limit":
    case "unknown_product":
      await giveBack(deps, { incomingId, ...receipt }, ctx.deadline);
      return outcome;
    case "below_reserved":
    case "expected_mismatch":
    case "key_reused":
      throw new Error(`a receipt was answered ${outcome.kind}`);
  }
}

type Bringing = Omit<UnfinishedReceipt, "isInLedger">;

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

/** Its units are expected again. Where that cannot be noted, a worker will add them after all. */
async function giveBack(
  { incoming, clock }: ReceiveDeps,
  { incomingId, receipt }: Pick<Bringing, "incomingId" | "receipt">,
  deadline: number,
): Promise<void> {
  try {
    const until = Math.max(deadline, clock.now() + GIVE_BACK_MS);
    await incoming.settle(incomingId, receipt, "refused", until);
  } catch (error) {
    const message = "the receipt is noted, and its units may come yet";
    throw new Fault("outcome_unknown", message, { cause: error });
  }
}

function restock(
  { store }: Pick<Deps, "store">,
  receipt: Bringing,
  deadline: number,
): Promise<AdjustOutcome> {
  const { incomingId, productId, location, units, reference, actor, requestId } = receipt;
  const reason = `incoming ${incomingId}, receipt ${receipt.receipt}`;
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

/**
 * Finishes receipts whose caller is gone. What the ledger has came already, however long ago; what
 * it lacks, Redis knows by the operation or never saw. Answers how many it finished.
 */
export async function finishReceipts(deps: ReceiveDeps): Promise<number> {
  const { store, incoming, clock } = deps;
  const find = () =>
    incoming.unfinished(UNFINISHED_MS_MIN, UNFINISHED_MAX, clock.now() + FINISH_MS_MAX);
  if ((await find()).length === 0) return 0;
  if ((await waitForLedger({ store, clock }, clock.now() + FINISH_MS_MAX)) > 0) return 0;
  const unfinished = await find();
  for (const receipt of unfinished) {
    const until = clock.now() + FINISH_MS_MAX;
    const isIn = receipt.isInLedger || (await restock(deps, receipt, until)).kind === "adjusted";
    const state = isIn ? "done" : "refused";
    await incoming.settle(receipt.incomingId, receipt.receipt, state, until);
  }
  return unfinished.length;
}

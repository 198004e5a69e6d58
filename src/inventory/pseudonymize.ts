import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { CustomerId } from "#inventory/model";
import type { PseudonymizeOutcome } from "#inventory/pseudonym-ports";
import { waitForLedger } from "#inventory/wait-for-ledger";
import { randomId } from "#lib/ids";

/** What each of them begins with. */
export const PSEUDONYM_BEGINS = "pseudonym-";
const ID_LENGTH = 32;
/** 36^20 is more than 2^103: nobody finds a customer's by trying. */
const PSEUDONYM_LENGTH = 20;

/**
 * Asks that a customer's id be replaced by a random pseudonym wherever the ledger has it now; a
 * worker does it, step by step. What is written later keeps the id. Refused while the customer has
 * live holds or waits for something: Redis knows whose they are, and their movements are still to come. Rejects with
 * `ledger_unavailable` when the ledger is too far behind to know.
 */
export async function pseudonymizeCustomer(
  deps: Deps,
  ctx: RequestContext,
  customerId: CustomerId,
): Promise<PseudonymizeOutcome> {
  const lag = await waitForLedger(deps, ctx.deadline);
  if (lag > 0) {
    const message = `the ledger is ${lag} movements behind: the customer's holds are not known yet`;
    throw new Fault("ledger_unavailable", message);
  }
  const wanted = {
    id: randomId(ID_LENGTH),
    customerId,
    pseudonym: CustomerId.parse(`${PSEUDONYM_BEGINS}${randomId(PSEUDONYM_LENGTH)}`),
    operation: ctx.operation,
    askedBy: actorOf(ctx.caller),
  };
  return await deps.pseudonymizations.ask(wanted, ctx.deadline);
}

/** One item of every verb that a script takes, as raw lines: for what must hold of all of them. */
import { splitReservationId } from "#inventory/reservation-id";
import {
  adjustLine,
  amendLine,
  amendLocationLine,
  changeLine,
  countLine,
  copyLocationLine,
  initializeLine,
  joinLine,
  leaveLine,
  reassignText,
  registerLocationLine,
  reserveLine,
  transferLine,
  returnLine,
  sellLine,
} from "#redis/lines";
import { putLine, removeLine } from "#redis/limits";
import { campaignLine, scheduleLine } from "#redis/campaign-record";
import type { RedisStockStore } from "#redis/stock-store";
import { campaignCommand, scheduleCommand, scheduled } from "#test/campaigns";
import { createWaitlist } from "#redis/waitlist";
import { registeredOf } from "#test/ports-double";
import {
  adjustCommand,
  amendCommand,
  amendLocationCommand,
  countCommand,
  endCommand,
  initialize,
  initializeCommand,
  joinCommand,
  leaveCommand,
  productOf,
  operation,
  reassignCommand,
  register,
  registerLocationCommand,
  reserve,
  reserveCommand,
  transferCommand,
  returnCommand,
  sellCommand,
  type TimedHold,
  product,
  putLimitCommand,
  removeLimitCommand,
} from "#test/store";

export const VERBS = [
  "initialize",
  "adjust",
  "amend",
  "reserve",
  "sell",
  "return",
  "extend",
  "reassign",
  "confirm",
  "cancel",
  "expire",
  "transfer",
  "count",
  "registerLocation",
  "amendLocation",
  "copyLocation",
  "putLimit",
  "removeLimit",
  "scheduleCampaign",
  "stopCampaign",
  "removeCampaign",
  "turnCampaign",
  "join",
  "leave",
  "offer",
] as const;
export type Verb = (typeof VERBS)[number];

/** Verbs that a full journal refuses; the others end holds, and holds bound them. */
export const BOUNDED_VERBS: readonly Verb[] = [
  "initialize",
  "adjust",
  "amend",
  "reserve",
  "sell",
  "return",
  "extend",
  "reassign",
  "transfer",
  "count",
  "registerLocation",
  "amendLocation",
  "copyLocation",
  "putLimit",
  "removeLimit",
  "scheduleCampaign",
  "removeCampaign",
  "join",
  "leave",
  "offer",
];

/** The key of the items that have an Idempotency-Key. */
export const KEY = operation("k1");

/** Under which the return of the prepared state is noted. */
export const RETURN_OWNER = returnCommand("p1", 1, { seq: 0, sold: 0, returned: 0 }).owner;

export interface Prepared {
  /**
   * A live hold of 40 of the 50 units of `p1`, which has a limit: the product is in the low set; `Dock` is
   * registered, the limit `drop` is over the product since that hold, and of two campaigns the start of one
   * has come. Of `p3`, which has a limit too, somebody waits for the one unit.
   */
  readonly hold: TimedHold;
  readonly owner: string;
  /** An item of that verb that changes something, on the prepared state; expire has none. */
  readonly lines: Readonly<Record<Verb, readonly string[]>>;
}

export async function prepare(store: RedisStockStore): Promise<Prepared> {
  await initialize(store, "p1", 50, { maxPerCustomer: 100 });
  const { createdAt: since } = await productOf(store, "p1");
  await register(store, "Dock");
  const waitlist = createWaitlist({ store, onDue: () => undefined });
  await initialize(store, "p3", 0, { maxPerCustomer: 100 });
  await waitlist.join(joinCommand("p3", "waits", 1, { holdSeconds: 70 }));
  await store.adjust(adjustCommand("p3", 1));
  const hold = await reserve(store, "o1", { p1: 40 }, { holdSeconds: 60 });
  const { owner } = splitReservationId(hold.reservationId);
  const keyed = { operation: KEY };
  const over = { products: [product("p1")], maxUnits: 100 };
  await store.putLimit(putLimitCommand("drop", over));
  const planned = await scheduled(store, { p1: 1 }, { startsAt: Date.now() + 1_800_000 });
  const due = await scheduled(store, { p1: 1 });
  const { customerId } = hold;
  const limit = customerId && { customerId, steps: [{ at: since, units: 1 }] };
  const sales = { seq: 2, sold: 1, returned: 0, ...(limit ? { limit } : {}) };
  const command = endCommand(hold.reservationId, keyed);
  return {
    hold,
    owner,
    lines: {
      initialize: [initializeLine(initializeCommand("p2", 1, keyed))],
      adjust: [adjustLine(adjustCommand("p1", 1, keyed))],
      amend: [amendLine(amendCommand("p1", { safetyStock: 1 }, keyed))],
      reserve: [reserveLine(reserveCommand("o2", { p1: 2 }, keyed))],
      sell: [sellLine(sellCommand("p1", 1, { ...keyed, customerId }))],
      return: [returnLine(returnCommand("p1", 1, sales, keyed))],
      extend: [changeLine(command, "3600;86400;0")],
      reassign: [changeLine(command, reassignText(reassignCommand(hold.reservationId, "o3")))],
      confirm: [changeLine(command, ";")],
      cancel: [changeLine(command, "")],
      expire: [],
      transfer: [transferLine(transferCommand("p1", 1, keyed))],
      count: [countLine(countCommand("p1", 45, keyed))],
      registerLocation: [registerLocationLine(registerLocationCommand("Yard", keyed))],
      amendLocation: [amendLocationLine(amendLocationCommand("Dock", { active: false }, keyed))],
      join: [joinLine(joinCommand("p3", "waits too", 1, keyed))],
      leave: [leaveLine(leaveCommand("p3", "waits", keyed))],
      offer: ["freed"],
      putLimit: [putLine(putLimitCommand("shop", { ...over, ...keyed }))],
      removeLimit: [removeLine(removeLimitCommand("drop", keyed))],
      copyLocation: [copyLocationLine(registeredOf({ active: false }), { actor: "test:test" })],
      scheduleCampaign: [scheduleLine(scheduleCommand({ p1: 1 }, keyed))],
      stopCampaign: [campaignLine({ ...campaignCommand(due.campaignId), ...keyed })],
      removeCampaign: [campaignLine({ ...campaignCommand(planned.campaignId), ...keyed })],
      turnCampaign: [due.campaignId],
    },
  };
}

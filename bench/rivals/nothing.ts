/** Everything that a server of reserve alone does not have: ports without a store behind them. */
import type { CountRuns } from "#inventory/count-run-ports";
import type { RecoveryReports } from "#inventory/recovery-report-ports";
import type { ReconcileRuns } from "#inventory/reconcile-ports";
import type { IncomingStock } from "#inventory/incoming-ports";
import { EventTail } from "#inventory/event-tail";
import type { EventLedger, Ledger } from "#inventory/ports";
import type { Pseudonymizations } from "#inventory/pseudonym-ports";
import type { Waitlist } from "#inventory/waitlist-ports";

export const notCompared = (): Promise<never> =>
  Promise.reject(new Error("only reserve is compared"));

/** A port without a store behind it. */
const eventsOfNothing: EventLedger = {
  events: notCompared,
  alerts: notCompared,
  look: notCompared,
};
/** Nobody waits. */
export const waitlistOfNothing: Waitlist = {
  join: notCompared,
  leave: notCompared,
  place: notCompared,
  line: notCompared,
  offer: notCompared,
};
/** A feed that nobody follows. */
export const noEvents = {
  events: eventsOfNothing,
  eventTail: new EventTail({ events: eventsOfNothing, onWaiters: () => undefined }),
};

/** Nor does it take counts. */
export const countRunsOfNothing: CountRuns = {
  ask: () => Promise.reject(new Error("this server takes no counts")),
  read: () => Promise.resolve(null),
  errors: () => Promise.resolve([]),
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

/** Nothing is rebuilt. */
export const noReports: RecoveryReports = {
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

/** Nobody asks to be forgotten. */
export const noPseudonymizations: Pseudonymizations = {
  ask: notCompared,
  read: notCompared,
};

/** Nor does it compare anything. */
export const runsOfNothing: ReconcileRuns = {
  ask: () => Promise.reject(new Error("this server compares nothing")),
  read: () => Promise.resolve(null),
  list: () => Promise.resolve({ items: [], nextCursor: null }),
};

export const ledgerOfNothing: Ledger = {
  movements: notCompared,
  movementPage: notCompared,
  putAwayUntil: notCompared,
  movementSpans: notCompared,
  movementsIn: notCompared,
  stockAt: notCompared,
  orderSales: notCompared,
  products: notCompared,
  customerHolds: notCompared,
  reorder: notCompared,
  since: notCompared,
  recentProducts: notCompared,
  productOfSku: notCompared,
  knownLocations: notCompared,
  lowWithoutInactive: notCompared,
  reservation: notCompared,
  reservations: notCompared,
};

/** Another one. */
export const incomingOfNothing: IncomingStock = {
  expect: notCompared,
  amend: notCompared,
  claim: notCompared,
  settle: notCompared,
  giveBack: notCompared,
  list: notCompared,
  takeUp: notCompared,
  isInLedger: notCompared,
};

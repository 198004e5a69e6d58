/** The ports with one product and one hold in them. A test replaces the answers it is about. */
import type { Deps } from "#inventory/context";
import { IncomingId, type Incoming, type IncomingStock } from "#inventory/incoming-ports";
import { EventTail } from "#inventory/event-tail";
import {
  CustomerId,
  DEFAULT_ATTRIBUTES,
  DEFAULT_RULE,
  Location,
  OrderId,
  ProductId,
  ReservationId,
  Sku,
  totalsOf,
  type Movement,
  type Product,
  type RegisteredLocation,
  type Reservation,
} from "#inventory/model";
import type { CountRuns } from "#inventory/count-run-ports";
import type { Pseudonymization, Pseudonymizations } from "#inventory/pseudonym-ports";
import type { NotedReport, RecoveryReports } from "#inventory/recovery-report-ports";
import type { ReconcileRuns } from "#inventory/reconcile-ports";
import type { Alert, EventLedger, Ledger, ShortLine, StockStore } from "#inventory/ports";
import { systemClock, type Clock } from "#lib/clock";
import { CAMPAIGNS } from "#test/campaigns-double";
import type { Waitlist } from "#inventory/waitlist-ports";
import { COUNT_RUNS, RUNS } from "#test/runs-double";
import { WAITLIST } from "#test/waitlist-double";
import { LIMIT_LEDGER, LIMIT_STORE } from "#test/limit-double";

export const AT = Date.UTC(2025, 0, 1);
export const PRODUCT_ID = ProductId.parse("p1");
/** A line that got less than it asked for, of a product at one location. */
export function shortLine(productId: ProductId, requested: number, largest: number): ShortLine {
  const locations = [{ location: Location.parse("Warehouse A"), available: largest }];
  const nextHoldEndsAt = Date.UTC(2025, 0, 1, 0, 15);
  return { productId, requested, largest, available: largest, locations, nextHoldEndsAt };
}

export const RESERVATION_ID = ReservationId.parse(`p0-${"0a".repeat(16)}-abcdefgh`);
export const CAROL = CustomerId.parse("carol");

export function productOf(changes: Partial<Product> = {}): Product {
  return {
    ...DEFAULT_ATTRIBUTES,
    productId: PRODUCT_ID,
    sku: Sku.parse("SKU-1"),
    home: Location.parse("Warehouse A"),
    levels: [{ location: Location.parse("Warehouse A"), onHand: 50, reserved: 3, ...DEFAULT_RULE }],
    createdAt: AT,
    updatedAt: AT,
    lastRestocked: null,
    limitSince: null,
    seq: 7,
    ...changes,
  };
}

export function reservationOf(changes: Partial<Reservation> = {}): Reservation {
  return {
    reservationId: RESERVATION_ID,
    orderId: OrderId.parse("order-1"),
    customerId: CAROL,
    status: "ACTIVE",
    endReason: "",
    allocations: [
      {
        productId: PRODUCT_ID,
        location: Location.parse("Warehouse A"),
        held: 3,
        confirmed: 0,
        released: 0,
      },
    ],
    createdAt: AT,
    expiresAt: AT + 900_000,
    seq: 8,
    ...changes,
  };
}

export function registeredOf(changes: Partial<RegisteredLocation> = {}): RegisteredLocation {
  return {
    location: Location.parse("Warehouse A"),
    name: null,
    address: null,
    ...DEFAULT_RULE,
    createdAt: AT,
    updatedAt: AT,
    version: 10,
    ...changes,
  };
}

export function movementOf(changes: Partial<Movement> = {}): Movement {
  return {
    partition: 0,
    seq: 9,
    epoch: 1,
    type: "RESTOCK",
    productId: PRODUCT_ID,
    location: Location.parse("Warehouse A"),
    onHandBefore: 50,
    onHandAfter: 75,
    reservedBefore: 3,
    reservedAfter: 3,
    reservationId: null,
    orderId: null,
    customerId: null,
    actor: "admin:ada",
    reason: null,
    reference: "PO-1",
    requestId: "r1",
    at: AT,
    ...changes,
  };
}

export const INCOMING_ID = IncomingId.parse("0a000000-0000-4000-8000-000000000001");

export function incomingOf(changes: Partial<Incoming> = {}): Incoming {
  return {
    incomingId: INCOMING_ID,
    productId: PRODUCT_ID,
    location: null,
    quantity: 30,
    received: 0,
    cancelled: false,
    expectedAt: AT,
    reference: null,
    version: 1,
    createdAt: AT,
    updatedAt: AT,
    ...changes,
  };
}

const INCOMING: IncomingStock = {
  expect: async () => ({ kind: "expected", incoming: incomingOf(), replayed: false }),
  amend: async () => ({ kind: "amended", incoming: incomingOf(), replayed: false }),
  claim: async () => ({
    kind: "claimed",
    incoming: incomingOf({ received: 30 }),
    receipt: { receipt: 1, units: 30 },
    attempt: 1,
    isForgotten: false,
  }),
  settle: async () => undefined,
  giveBack: async () => true,
  list: async () => ({ items: [incomingOf()], nextCursor: null }),
  takeUp: async () => [],
  isInLedger: async () => false,
};

/** A port's method that always answers this, and remembers what it was asked. */
export function answering<Command, Outcome>(outcome: Outcome) {
  const commands: Command[] = [];
  const answer = async (command: Command) => {
    commands.push(command);
    return outcome;
  };
  return Object.assign(answer, { commands });
}

/** What an answer about a hold says of its product. */
const stock = { home: productOf().home, ...totalsOf(productOf()) };
const done = { kind: "done", reservation: reservationOf(), replayed: false, stock } as const;

const allocations = [{ location: Location.parse("Warehouse A"), quantity: 1 }];
const MINUTES = { reservationMinutes: 15, reservationMinutesMax: 60 };
const registeredNow = { registered: registeredOf(), replayed: false } as const;

const STORE: StockStore = {
  campaigns: CAMPAIGNS,
  initialize: async () => ({ kind: "initialized", product: productOf(), replayed: false }),
  amend: async () => ({ kind: "amended", product: productOf(), replayed: false }),
  adjust: async () => ({ kind: "adjusted", product: productOf(), replayed: false }),
  transfer: async () => ({ kind: "transferred", product: productOf(), replayed: false }),
  count: async () => ({ kind: "counted", product: productOf(), replayed: false }),
  registerLocation: async () => ({ ...registeredNow, kind: "registered" }),
  amendLocation: async () => ({ ...registeredNow, kind: "amended" }),
  ...LIMIT_STORE,
  reserve: async () => ({ kind: "reserved", short: [], reservation: reservationOf(), stock }),
  sell: async () => ({ kind: "sold", product: productOf(), allocations, replayed: false }),
  return: async () => ({
    kind: "returned",
    product: productOf(),
    sold: 5,
    returned: 2,
    replayed: false,
  }),
  confirm: async () => done,
  cancel: async () => done,
  extend: async () => done,
  reassign: async () => done,
  expire: async () => ({ expired: 0, more: false }),
  msUntil: () => 0,
  product: async (productId) => (productId === PRODUCT_ID ? productOf() : null),
  products(ids, deadline) {
    return Promise.all(ids.map((id) => this.product(id, deadline)));
  },
  productOfSku: async (sku) => (sku === "SKU-1" ? PRODUCT_ID : null),
  reservation: async (id) => (id === RESERVATION_ID ? reservationOf() : null),
  locations: async () => [registeredOf()],
  hasInactiveLocation: async () => false,
  lowStock: async () => [PRODUCT_ID],
  positions: async () => [{ partition: 0, seq: 9, drained: 9 }],
  partitionOf: () => 0,
  partitions: 1,
};

const LEDGER: Ledger = {
  movements: async () => [movementOf()],
  movementPage: async () => ({ items: [movementOf()], nextCursor: null }),
  putAwayUntil: async () => null,
  movementSpans: async () => [{ partition: 0, first: 1, last: 9 }],
  movementsIn: async () => ({ movements: [movementOf()], rest: null }),
  stockAt: async () => ({
    levels: [{ location: Location.parse("Warehouse A"), onHand: 40, reserved: 2, seq: 5 }],
    known: true,
    kept: true,
    amended: false,
  }),
  orderSales: async () => ({ seq: 9, sold: 5, returned: 1 }),
  products: async () => ({ items: [PRODUCT_ID], nextCursor: null }),
  since: async (levels) =>
    levels.map(() => ({
      seq: 9,
      onHand: 50,
      moved: [{ type: "SALE", quantity: -2 }],
      lastCount: 0,
      same: null,
      hasLater: false,
      kept: true,
      unsure: false,
    })),
  ...LIMIT_LEDGER,
  reorder: async () => ({
    items: [{ productId: PRODUCT_ID, incoming: 30, nextExpectedAt: AT }],
    nextCursor: null,
  }),
  recentProducts: async () => ({ items: [PRODUCT_ID], total: 1 }),
  productOfSku: async () => null,
  knownLocations: async () => ({ items: [registeredOf()], total: 1 }),
  lowWithoutInactive: async () => [],
  reservation: async () => null,
  reservations: async () => ({ items: [reservationOf()], nextCursor: null }),
};

export const ALERT: Alert & { readonly open: boolean } = {
  partition: 0,
  seq: 9,
  number: 1,
  kind: "low",
  productId: PRODUCT_ID,
  units: 4,
  detail: null,
  at: AT,
  open: true,
};

const EVENTS: EventLedger = {
  events: async () => ({
    kind: "events",
    events: [
      { kind: "movement", movement: movementOf() },
      { kind: "alert", alert: ALERT },
    ],
    cursor: "9.1",
  }),
  alerts: async () => ({ items: [ALERT], nextCursor: null }),
  look: async () => ({ places: [{ partition: 0, seq: 9, number: 1 }], alerts: new Set() }),
};

export const PSEUDONYMIZATION: Pseudonymization = {
  id: "0a".repeat(16),
  movements: 2,
  reservations: 1,
  progress: 50,
  askedAt: AT,
  finishedAt: null,
};

const PSEUDONYMIZATIONS: Pseudonymizations = {
  ask: async () => ({ kind: "asked", id: PSEUDONYMIZATION.id, replayed: false }),
  read: async (id) => (id === PSEUDONYMIZATION.id ? PSEUDONYMIZATION : null),
};

export const REPORT: NotedReport = {
  id: 7,
  partition: 0,
  kind: "lost",
  epoch: 2,
  missing: { from: 6, to: 9 },
  operationCount: 1,
  operations: [
    {
      verb: "adjust",
      outcome: "adjusted",
      seq: 9,
      requestId: "request-1",
      reservationId: null,
      productId: PRODUCT_ID,
    },
  ],
  facts: {},
  reportedBy: "api-1",
  at: AT,
};

const RECOVERY_REPORTS: RecoveryReports = {
  list: async () => ({ items: [REPORT], nextCursor: null }),
};

export interface Doubles {
  readonly store?: Partial<StockStore>;
  readonly waitlist?: Partial<Waitlist>;
  readonly ledger?: Partial<Ledger>;
  readonly incoming?: Partial<IncomingStock>;
  readonly runs?: Partial<ReconcileRuns>;
  readonly countRuns?: Partial<CountRuns>;
  readonly events?: Partial<EventLedger>;
  readonly pseudonymizations?: Partial<Pseudonymizations>;
  readonly recoveryReports?: Partial<RecoveryReports>;
  readonly clock?: Clock;
  readonly policy?: Deps["policy"];
}

export function depsOf(doubles: Doubles): Deps {
  const { store, ledger, incoming, events, runs, countRuns, pseudonymizations } = doubles;
  const { clock, policy } = doubles;
  return {
    store: { ...STORE, ...store },
    waitlist: { ...WAITLIST, ...doubles.waitlist },
    ledger: { ...LEDGER, ...ledger },
    incoming: { ...INCOMING, ...incoming },
    reconcileRuns: { ...RUNS, ...runs },
    countRuns: { ...COUNT_RUNS, ...countRuns },
    events: { ...EVENTS, ...events },
    eventTail: new EventTail({ events: { ...EVENTS, ...events }, onWaiters: () => undefined }),
    pseudonymizations: { ...PSEUDONYMIZATIONS, ...pseudonymizations },
    recoveryReports: { ...RECOVERY_REPORTS, ...doubles.recoveryReports },
    clock: clock ?? systemClock,
    policy: policy ?? { ...MINUTES, extensionsMax: 100, onExpired: "reject" },
    newGeneration: () => "abcdefgh",
  };
}

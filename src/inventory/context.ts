/** What every verb of the core gets: its dependencies, and who asks for what by when. */
import type { CountRuns } from "#inventory/count-run-ports";
import type { IncomingStock } from "#inventory/incoming-ports";
import type { Receipt } from "#inventory/durability";
import type { EventTail } from "#inventory/event-tail";
import { CustomerId, type MovementContext, type OrderId } from "#inventory/model";
import type { Charge } from "#inventory/rates";
import type { Pseudonymizations } from "#inventory/pseudonym-ports";
import type { RecoveryReports } from "#inventory/recovery-report-ports";
import type { ReconcileRuns } from "#inventory/reconcile-ports";
import type { CommandBase, EventLedger, Ledger, Operation, StockStore } from "#inventory/ports";
import type { Waitlist } from "#inventory/waitlist-ports";
import type { Clock } from "#lib/clock";

/** How long holds live, in minutes. */
export interface Policy {
  /** Life of a hold that names none. */
  readonly reservationMinutes: number;
  /** The longest life of a hold, from when it was made, however often it is extended. */
  readonly reservationMinutesMax: number;
  /** How often a hold may be extended; 0: any number of times. */
  readonly extensionsMax: number;
  /** What confirming an expired hold does where the caller does not say. */
  readonly onExpired: OnExpired;
}

/** `reject`: it stays expired. `reacquire`: it is sold after all, if the stock is still there. */
export const ON_EXPIRED = ["reject", "reacquire"] as const;
export type OnExpired = (typeof ON_EXPIRED)[number];

/** Built once by whoever composes the process; no verb keeps state of its own. */
export interface Deps {
  readonly store: StockStore;
  readonly waitlist: Waitlist;
  readonly ledger: Ledger;
  readonly incoming: IncomingStock;
  readonly reconcileRuns: ReconcileRuns;
  readonly countRuns: CountRuns;
  readonly events: EventLedger;
  readonly pseudonymizations: Pseudonymizations;
  readonly recoveryReports: RecoveryReports;
  /** Where long polls wait. */
  readonly eventTail: EventTail;
  /** Epoch milliseconds: the clock that deadlines are told by. */
  readonly clock: Clock;
  readonly policy: Policy;
  /** 8 random characters of [a-z0-9]: one hold of an owner. */
  readonly newGeneration: () => string;
}

export const ROLES = ["admin", "service", "customer"] as const;
export type Role = (typeof ROLES)[number];

export interface Caller {
  readonly role: Role;
  /** For a customer, the customer it acts for: always itself. */
  readonly subject: CustomerId;
}

/** What a read needs. */
export interface ReadContext {
  /** Epoch milliseconds of `deps.clock` by which the caller must have an answer. */
  readonly deadline: number;
}

/** What a verb that changes something, or that shows what not everyone may see, needs. */
export interface RequestContext extends ReadContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly operation: Operation | null;
  /** Where every answer of Redis to this request is noted; absent where nobody waits for more. */
  readonly receipts?: Receipt[];
  /** The request's share of its caller's quotas, where its command takes it along. */
  readonly charge?: Charge;
}

/** Why a caller says that it changes stock. */
export interface Grounds {
  readonly reason?: string | undefined;
  readonly reference?: string | undefined;
}

/** Whose units move, where no hold says it. */
export interface Party {
  readonly orderId?: OrderId | null;
  readonly customerId?: CustomerId | null;
}

/** The part of a command that says who, why and by when. */
export function commandBase(ctx: RequestContext, grounds: Grounds & Party = {}): CommandBase {
  const { caller, requestId, operation, deadline, receipts, charge } = ctx;
  const { reason, reference, orderId = null, customerId = null } = grounds;
  const context: MovementContext = {
    actor: actorOf(caller),
    ...(reason === undefined ? {} : { reason }),
    ...(reference === undefined ? {} : { reference }),
    requestId,
    ...(orderId === null ? {} : { orderId }),
    ...(customerId === null ? {} : { customerId }),
  };
  const base = { context, operation, deadline, ...(charge === undefined ? {} : { charge }) };
  return receipts === undefined ? base : { ...base, receipts };
}

/** `<role>:<subject>`: who did it, in the ledger's words. */
export function actorOf(caller: Caller): string {
  return `${caller.role}:${caller.subject}`;
}

/** Whom `actorOf` named. */
export function callerOf(actor: string): Caller {
  const [word, ...subject] = actor.split(":");
  const role = ROLES.find((known) => known === word);
  if (role === undefined) throw new Error(`${actor} is nobody who may ask`);
  return { role, subject: CustomerId.parse(subject.join(":")) };
}

/** The customer a hold must belong to for this caller to see or change it; null: anybody's. */
export function customerScope(caller: Caller): CustomerId | null {
  return caller.role === "customer" ? caller.subject : null;
}

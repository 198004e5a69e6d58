/** The operations of a run: real verbs of the core, with what each answer promises. */
import { adjust } from "#inventory/adjust";
import type { CampaignId } from "#inventory/campaigns";
import { cancel } from "#inventory/cancel";
import { confirm } from "#inventory/confirm";
import { expire } from "#inventory/expire";
import { extend } from "#inventory/extend";
import type { ConfirmAnswer } from "#inventory/hold-answer";
import { initialize } from "#inventory/initialize";
import {
  CustomerId,
  Location,
  OrderId,
  ProductId,
  Quantity,
  Sku,
  type MovementType,
  type Product,
  type Reservation,
} from "#inventory/model";
import { reassign } from "#inventory/reassign";
import { reserve } from "#inventory/reserve";
import { sell } from "#inventory/sell";
import { transfer } from "#inventory/transfer";
import type { Asking, Outcome } from "./callers.ts";
import type { Version } from "./versions.ts";
import type { World } from "./world.ts";

const HOME = Location.parse("default");
const OTHER = Location.parse("annex");

export const productId = (number: number): ProductId => ProductId.parse(`product-${number}`);

/** What one customer may have of the first product: few holds of it. */
export const LIMIT = 6;

/** Whose a request is: of two customers, or nobody's. */
export function customerOf(id: string): CustomerId | null {
  const number = Number(id.replace(/\D/g, "")) % 3;
  return number === 0 ? null : CustomerId.parse(`customer-${number}`);
}

export const refused = (word: string): Outcome => ({ kind: "refused", word });
const done = (type: MovementType, units: number, { productId: product, seq }: Product): Outcome => {
  return { kind: "done", type, units, reservation: null, versions: [{ product, seq }] };
};
const doneToHold = (type: MovementType, units: number, reservation: Reservation): Outcome => {
  return { kind: "done", type, units, reservation, versions: versionsOf(reservation) };
};

/** What was done to a hold last moved its product; of several it moved one last. */
function versionsOf({ allocations, seq }: Reservation): readonly Version[] {
  const [product, ...others] = new Set(allocations.map((line) => line.productId));
  return product === undefined || others.length > 0 ? [] : [{ product, seq }];
}

const nothing = { expectedQuantity: null };

export function make(id: string, product: ProductId, initialStock: number): Asking {
  return {
    id,
    told: `initialize ${product} with ${initialStock}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const input = {
        productId: product,
        sku: Sku.parse(`sku-${product}`),
        initialStock,
        ...(product === productId(1) ? { maxPerCustomer: LIMIT } : {}),
      };
      const outcome = await initialize(deps, ctx, input);
      // Its SKU may be claimed by an attempt that did not come further.
      return outcome.kind === "initialized" || outcome.kind === "exists"
        ? done("INITIAL", initialStock, outcome.product)
        : refused(outcome.kind);
    },
  };
}

export interface Wanted {
  readonly lines: readonly { readonly productId: ProductId; readonly quantity: number }[];
  readonly seconds: number;
  /** Whose units it shall be of. */
  readonly campaign?: CampaignId;
  /** The hold that it replaces, unless that has as much already. */
  readonly instead?: Pick<Reservation, "orderId" | "customerId">;
}

export function hold(id: string, { lines, seconds, campaign, instead }: Wanted): Asking {
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const ofCampaign = campaign === undefined ? {} : { campaign };
  const scope = lines.length === 1 && lines[0] ? lines[0].productId : "cart";
  const orderId = instead?.orderId ?? OrderId.parse(id);
  const names = lines.map(({ productId: name }) => name).join(",");
  return {
    id,
    told: `reserve ${units} of ${names} for ${seconds} s as ${orderId} ${campaign ?? ""}`,
    isKeyed: true,
    ...ofCampaign,
    async ask(deps, ctx) {
      const outcome = await reserve(
        deps,
        { ...ctx, operation: null },
        {
          orderId,
          customerId: instead ? instead.customerId : customerOf(id),
          scope,
          lines: lines.map((line) => ({ ...line, location: null })),
          expirationMinutes: seconds / 60,
          ...ofCampaign,
        },
      );
      // Another request may have made what stands.
      if (outcome.kind === "held" && instead) return { kind: "read" };
      if (outcome.kind !== "reserved" && outcome.kind !== "held") return refused(outcome.kind);
      return doneToHold("RESERVE", units, outcome.reservation);
    },
  };
}

const heldBy = ({ allocations }: Reservation): number =>
  allocations.reduce((sum, { held }) => sum + held, 0);

function ended(type: MovementType, units: number, answer: ConfirmAnswer, again: string): Outcome {
  if (answer.kind !== "done" && answer.kind !== again) return refused(answer.kind);
  if (!("reservation" in answer)) return refused(answer.kind);
  return doneToHold(type, units, answer.reservation);
}

/** Sells the hold, all of it or one unit. */
export function buy(id: string, reservation: Reservation, isPart: boolean): Asking {
  const [line] = reservation.allocations;
  const { reservationId } = reservation;
  const lines = isPart && line ? [{ productId: line.productId, quantity: 1 }] : null;
  const units = lines === null ? heldBy(reservation) : 1;
  return {
    id,
    told: `confirm ${units} of ${reservationId}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const answer = await confirm(deps, ctx, { reservationId, lines, onExpired: "reject" });
      return ended("SALE", units, answer, lines === null ? "confirmed" : "");
    },
  };
}

export function giveBack(id: string, reservation: Reservation): Asking {
  const { reservationId } = reservation;
  return {
    id,
    told: `cancel ${reservationId}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const answer = await cancel(deps, ctx, { reservationId, lines: null });
      return ended("RELEASE", heldBy(reservation), answer, "cancelled");
    },
  };
}

export function prolong(id: string, reservation: Reservation, seconds: number): Asking {
  const { reservationId } = reservation;
  return {
    id,
    told: `extend ${reservationId} by ${seconds} s`,
    isKeyed: true,
    async ask(deps, ctx) {
      const answer = await extend(deps, ctx, { reservationId, minutes: seconds / 60 });
      if (answer.kind === "too_often") return refused(answer.kind);
      // One that lives as long already is not moved.
      const outcome = ended("EXTEND", 0, answer, "");
      return outcome.kind === "done" ? { kind: "read" } : outcome;
    },
  };
}

/** To another order: a new one, or one that may have a hold, of which both become one. */
export function handOver(id: string, reservation: Reservation, to: OrderId): Asking {
  const { reservationId } = reservation;
  return {
    id,
    told: `reassign ${reservationId} to ${to}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const answer = await reassign(deps, ctx, { reservationId, customerId: null, orderId: to });
      if (answer.kind !== "done") return refused(answer.kind);
      if (answer.reservation.reservationId === reservationId) return { kind: "read" };
      return doneToHold("RESERVE", heldBy(reservation), answer.reservation);
    },
  };
}

export function sale(id: string, product: ProductId, quantity: number, isKeyed: boolean): Asking {
  return {
    id,
    told: `sell ${quantity} of ${product}`,
    isKeyed,
    async ask(deps, ctx) {
      const input = {
        productId: product,
        quantity,
        location: null,
        orderId: null,
        customerId: customerOf(id),
      };
      const outcome = await sell(deps, ctx, { ...input, ...nothing });
      if (outcome.kind !== "sold") return refused(outcome.kind);
      return done("SALE", quantity, outcome.product);
    },
  };
}

export function change(id: string, product: ProductId, quantity: number, isKeyed: boolean): Asking {
  const type = quantity > 0 ? "RESTOCK" : "ADJUSTMENT";
  return {
    id,
    told: `adjust ${product} by ${quantity}`,
    isKeyed,
    async ask(deps, ctx) {
      const input = {
        productId: product,
        quantity,
        type,
        location: null,
        expectedSeq: null,
      } as const;
      const outcome = await adjust(deps, ctx, { ...input, ...nothing });
      if (outcome.kind !== "adjusted") return refused(outcome.kind);
      return done(type, Math.abs(quantity), outcome.product);
    },
  };
}

export function move(id: string, product: ProductId, units: number): Asking {
  return {
    id,
    told: `transfer ${units} of ${product}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const input = { productId: product, from: HOME, to: OTHER, quantity: Quantity.parse(units) };
      const outcome = await transfer(deps, ctx, { ...input, ...nothing });
      if (outcome.kind !== "transferred") return refused(outcome.kind);
      return done("TRANSFER", 2 * units, outcome.product);
    },
  };
}

/**
 * Fails the run where a read shows less than the ledger had when it was asked for, or than any process
 * had told of. What Redis has lost meanwhile may be gone.
 */
export function look(world: World, id: string, product: ProductId): Asking {
  return {
    id,
    told: `read ${product}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const { versions, ledger } = world;
      const stored = ledger.state.movements.findLast((one) => one.productId === product)?.seq ?? 0;
      const told = versions.of(product);
      const { losses } = versions;
      const found = await deps.store.product(product, ctx.deadline);
      const least = versions.losses === losses ? Math.max(stored, told) : stored;
      if (least > stored) world.saw("read of what the ledger lacked");
      if ((found?.seq ?? 0) < least) {
        world.fail(`${id}: ${product} stood at ${least} and is read at ${found?.seq ?? "-"}`);
      }
      return { kind: "read" };
    },
  };
}

export function cleanUp(id: string): Asking {
  return {
    id,
    told: "expire",
    isKeyed: true,
    async ask(deps, ctx) {
      await expire(deps, ctx);
      return { kind: "read" };
    },
  };
}

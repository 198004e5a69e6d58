/** What can be done to a product's stock through each contract, told alike. */
import { z } from "zod";
import type { MovementType } from "#inventory/model";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import { CONTRACT_NAMES, type Called, type ContractService } from "#test/contract";

/** A change through some contract. */
export interface Change {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly called: Called;
  /** What it must have done when it is answered with 2xx; null: that depends. */
  readonly type: MovementType | null;
  readonly units: number;
}

export type Make = (productId: string, orderId: string, units: number) => Change;

/** Whose a way is, by its name. */
export const contractOf = (way: string): string => way.split(":")[0] ?? "";

/** What is told of a contract that is not there asks for nothing. */
const ofThoseThere = (ways: Readonly<Record<string, Make>>): Readonly<Record<string, Make>> =>
  Object.fromEntries(
    Object.entries(ways).filter(([way]) => CONTRACT_NAMES.includes(contractOf(way))),
  );

const now = (): string => new Date().toISOString();
const REASON = { type: "RESTOCK" } as const;

/** Each takes units from what is available, or nothing. */
export const TAKES = ofThoseThere({
  "inventory: reserve": (productId, orderId, units) => ({
    method: "POST",
    path: `/api/inventory/product/${productId}/reserve`,
    called: { body: { quantity: units, orderId }, as: "service" },
    type: "RESERVE",
    units,
  }),
  "inventory: cart": (productId, orderId, units) => ({
    method: "POST",
    path: "/api/inventory/reservations",
    called: { body: { orderId, items: [{ productId, quantity: units }] }, as: "customer" },
    type: "RESERVE",
    units,
  }),
  "fastapi: reserve": (productId, _orderId, units) => ({
    method: "PUT",
    path: `/inventory/${productId}/reserve`,
    called: { body: { quantity: units } },
    type: "SALE",
    units,
  }),
  "eureka: reserve": (productId, orderId, units) => ({
    method: "POST",
    path: `/api/inventory/${productId}/reserve`,
    called: { body: { quantity: units, orderId } },
    type: "RESERVE",
    units,
  }),
  "nestjs: reserve-order": (productId, orderId, units) => ({
    method: "PUT",
    path: `/inventory/reserve-order/${productId}`,
    called: { body: { quantity: units, orderId } },
    type: "RESERVE",
    units,
  }),
  "nestjs: orderPlaced": (productId, orderId, units) => ({
    method: "POST",
    path: "/v1/api/inventory/update-stock",
    called: {
      body: { eventType: "orderPlaced", productId, quantity: units, timestamp: timeOf(orderId) },
    },
    type: "SALE",
    units,
  }),
});

/** Each ends a part of what the order holds through its contract, if it holds so much. */
export const ENDS = ofThoseThere({
  "eureka: release": (productId, orderId, units) => ({
    method: "POST",
    path: `/api/inventory/${productId}/release`,
    called: { body: { quantity: units, orderId } },
    type: "RELEASE",
    units,
  }),
  "eureka: deduct": (productId, orderId, units) => ({
    method: "POST",
    path: `/api/inventory/${productId}/deduct`,
    called: { body: { quantity: units, orderId } },
    type: "SALE",
    units,
  }),
  "nestjs: cancel-reservation": (productId, orderId, units) => ({
    method: "PUT",
    path: `/v1/api/inventory/cancel-reservation/${productId}`,
    called: { body: { quantity: units, orderId } },
    type: "RELEASE",
    units,
  }),
});

/** Each adds units. */
export const ADDS = ofThoseThere({
  "inventory: restock": (productId, _orderId, units) => ({
    method: "PATCH",
    path: `/api/inventory/product/${productId}/stock`,
    called: { body: { quantity: units, ...REASON }, as: "admin" },
    type: "RESTOCK",
    units,
  }),
  "fastapi: replenish": (productId, _orderId, units) => ({
    method: "PUT",
    path: `/inventory/${productId}/replenish`,
    called: { body: { quantity: units } },
    type: "RESTOCK",
    units,
  }),
  "eureka: add": (productId, _orderId, units) => ({
    method: "POST",
    path: "/api/inventory",
    called: { body: { productId, quantity: units } },
    type: "RESTOCK",
    units,
  }),
  "nestjs: stockUpdate": (productId, orderId, units) => ({
    method: "POST",
    path: "/inventory/update-stock",
    called: {
      body: { eventType: "stockUpdate", productId, quantity: units, timestamp: timeOf(orderId) },
    },
    type: "RESTOCK",
    units,
  }),
});

/** Each sets what is at the product's home. */
export const COUNTS = ofThoseThere({
  "eureka: count": (productId, _orderId, units) => ({
    method: "PUT",
    path: `/api/inventory/${productId}/quantity`,
    called: { body: { quantity: units } },
    type: null,
    units,
  }),
});

/** An event's time is a part of what it is: another for each order. */
const times = new Map<string, string>();
function timeOf(orderId: string): string {
  const known =
    times.get(orderId) ?? now().replace("Z", `${times.size.toString().padStart(6, "0")}Z`);
  times.set(orderId, known);
  return known;
}

const Problem = z.object({ code: z.string() });

/** Statuses of a refusal that a change may meet because of the stock. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409]);

export interface Changed {
  /** Whether it was answered with 2xx; else it was refused. */
  readonly isDone: boolean;
  /** What must be in the ledger for it; null where that depends. */
  readonly effect: Acknowledged | null;
}

/** Does it. Throws for an answer that is neither a success nor a refusal for want of stock. */
export async function change(service: ContractService, made: Change): Promise<Changed> {
  const { method, path, called, type, units } = made;
  const requestId = randomId(16);
  const headers = { ...called.headers, "x-request-id": requestId };
  const { status, body } = await service.call(method, path, { ...called, headers });
  if (status === 200 || status === 201) {
    return { isDone: true, effect: type === null ? null : { requestId, type, units } };
  }
  const isOurs = Problem.safeParse(body).data?.code !== "validation_failed";
  if (REFUSALS.has(status) && isOurs) return { isDone: false, effect: null };
  throw new Error(`${method} ${path} was answered ${status}: ${JSON.stringify(body)}`);
}

/**
 * For each route that changes something in Redis, requests that do it once. A new route gets one
 * here: what it needs is made by its case, what it shall do is told as effects.
 */
import { z } from "zod";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import { reservationIn, type Answer, type Caller, type Request } from "#test/caller";
import type { Servers } from "#test/installation";
import { settle, type Effect, type Needs, type Probe } from "#test/probes";
import { makeHolds } from "#test/short-holds";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

/** What cases make their requests with. */
interface Bench {
  readonly caller: Caller;
  readonly admin: string;
  readonly servers: Servers;
  /** Has units for all of them. */
  readonly productId: string;
  readonly acknowledged: Acknowledged[];
}

type Case = (bench: Bench) => Promise<readonly Probe[]> | readonly Probe[];
type Asked = Pick<Request, "method" | "path" | "body">;

const UNITS = 200;
const HOME = "default";
const EXPIRED_MS_MAX = 5_000;
const INVENTORY = "/api/inventory";

const post = (path: string, body: object = {}): Asked => ({ method: "POST", path, body });
const patch = (path: string, body: object): Asked => ({ method: "PATCH", path, body });

/** By `METHOD path`, as the router has it. What is changed in PostgreSQL alone is not asked. */
export const CASES: ReadonlyMap<string, Case> = new Map<string, Case>([
  [`POST ${INVENTORY}/initialize`, (bench) => [initialize(bench, `${bench.productId}-more`)]],
  [
    `PATCH ${INVENTORY}/product/:productId`,
    (bench) => {
      const request = patch(`/product/${bench.productId}`, { name: "probed" });
      return [probe(bench, "amend", request, [["ATTRIBUTE", 0]])];
    },
  ],
  [
    `PATCH ${INVENTORY}/product/:productId/stock`,
    (bench) => {
      const path = `/product/${bench.productId}/stock`;
      const sale = patch(path, { quantity: -1, type: "SALE" });
      const restock = patch(path, { quantity: 4, type: "RESTOCK" });
      return [
        probe(bench, "adjust down", sale, [["SALE", 1]]),
        probe(bench, "adjust up", restock, [["RESTOCK", 4]]),
      ];
    },
  ],
  [
    `POST ${INVENTORY}/product/:productId/transfer`,
    (bench) => {
      const body = { from: HOME, to: "annex", quantity: 2 };
      const request = post(`/product/${bench.productId}/transfer`, body);
      return [probe(bench, "transfer", request, [["TRANSFER", 4]])];
    },
  ],
  [
    `POST ${INVENTORY}/product/:productId/reserve`,
    (bench) => [reserve(bench, 1), reserve(bench, 2, { standing: true })],
  ],
  [`POST ${INVENTORY}/reservations`, carts],
  [`POST ${INVENTORY}/product/:productId/sell`, (bench) => [sell(bench, randomId(8))]],
  [`POST ${INVENTORY}/product/:productId/return`, takeBack],
  [`POST ${INVENTORY}/product/:productId/waitlist`, joins],
  [`POST ${INVENTORY}/product/:productId/waitlist/leave`, leaves],
  [`POST ${INVENTORY}/reservation/:reservationId/confirm`, confirms],
  [`POST ${INVENTORY}/reservation/:reservationId/cancel`, cancels],
  [
    `POST ${INVENTORY}/reservation/:reservationId/extend`,
    async (bench) => {
      const request = post(`/reservation/${await held(bench)}/extend`, { minutes: 30 });
      return [probe(bench, "extend", request, [["EXTEND", 0]])];
    },
  ],
  [
    `POST ${INVENTORY}/reservation/:reservationId/owner`,
    async (bench) => {
      const body = { orderId: randomId(8) };
      const request = post(`/reservation/${await held(bench)}/owner`, body);
      // Of the hold that the answer names; the other one's release is for the laws about holds.
      return [probe(bench, "reassign", request, [["RESERVE", 2]])];
    },
  ],
  [
    `POST ${INVENTORY}/bulk/initialize`,
    (bench) => {
      const ids = [randomId(12), randomId(12)];
      const items = ids.map((id) => ({ productId: id, sku: `SKU-${id}`, initialStock: 3 }));
      return [bulk(bench, "initialize", items, ["INITIAL", 3])];
    },
  ],
  [
    `POST ${INVENTORY}/bulk/adjust`,
    (bench) => {
      const item = { productId: bench.productId, quantity: -2 };
      return [bulk(bench, "adjust", [item, item], ["ADJUSTMENT", 2])];
    },
  ],
  [`POST ${INVENTORY}/bulk/confirm`, (bench) => bulkEnd(bench, "confirm")],
  [`POST ${INVENTORY}/bulk/cancel`, (bench) => bulkEnd(bench, "cancel")],
  [`POST ${INVENTORY}/counts`, countUnits],
  [`POST ${INVENTORY}/incoming/:incomingId/receive`, receiveUnits],
  [`POST ${INVENTORY}/locations`, (bench) => [register(bench, randomId(12))]],
  [
    `PATCH ${INVENTORY}/locations/:location`,
    async (bench) => {
      const location = randomId(12);
      await settle(bench.caller, register(bench, location), bench.acknowledged);
      const request = patch(`/locations/${location}`, { priority: 7 });
      return [probe(bench, "amend a location", request, [["ATTRIBUTE", 0]])];
    },
  ],
  [`PUT ${INVENTORY}/limits/:limitId`, (bench) => [putLimit(bench, `probed-${randomId(12)}`)]],
  [
    `DELETE ${INVENTORY}/limits/:limitId`,
    async (bench) => {
      const limitId = `probed-${randomId(12)}`;
      await settle(bench.caller, putLimit(bench, limitId), bench.acknowledged);
      const request = { method: "DELETE", path: `/limits/${limitId}` } as const;
      return [probe(bench, "remove a limit", request, [["RECORD", 0]])];
    },
  ],
  [`POST ${INVENTORY}/campaigns`, (bench) => [plan(bench)]],
  [
    `PUT ${INVENTORY}/campaigns/:campaignId`,
    async (bench) => [plan(bench, { method: "PUT", path: await planned(bench) })],
  ],
  [
    `POST ${INVENTORY}/campaigns/:campaignId/stop`,
    async (bench) => {
      const request = post(`${await planned(bench)}/stop`);
      return [probe(bench, "stop a campaign", request, [["RECORD", 0]])];
    },
  ],
  [
    `DELETE ${INVENTORY}/campaigns/:campaignId`,
    async (bench) => {
      const request: Asked = { method: "DELETE", path: await planned(bench), body: {} };
      return [probe(bench, "remove a campaign", request, [["RECORD", 0]])];
    },
  ],
  [
    `POST ${INVENTORY}/cleanup-expired`,
    (bench) => [probe(bench, "clean up", post("/cleanup-expired"), [], { endsHold: true })],
  ],
]);

/** Makes products, holds and sales, and then the requests; nothing of these has been sent yet. */
export async function prepareProbes(
  installation: Pick<Bench, "caller" | "admin" | "servers">,
  acknowledged: Acknowledged[],
): Promise<Probe[]> {
  const { caller, admin, servers } = installation;
  const bench = { caller, admin, servers, productId: `probed-${randomId(8)}`, acknowledged };
  await settle(caller, initialize(bench, bench.productId), acknowledged);
  return (await Promise.all([...CASES.values()].map((make) => make(bench)))).flat();
}

function probe(
  { admin }: Bench,
  name: string,
  asked: Asked,
  effects: readonly Effect[],
  { needs = "redis", endsHold = false }: { needs?: Needs; endsHold?: boolean } = {},
): Probe {
  const request = { ...asked, token: admin, key: randomId(12) };
  return { name, needs, endsHold, request, requestId: randomId(16), effects };
}

function initialize(bench: Bench, productId: string): Probe {
  const body = { productId, sku: `SKU-${productId}`, initialStock: UNITS };
  return probe(bench, "initialize", post("/initialize", body), [["INITIAL", UNITS]]);
}

/** A product of nothing, of which nobody is ever offered any. */
async function soldOut(bench: Bench): Promise<string> {
  const productId = `${bench.productId}-out-${randomId(6)}`.toLowerCase();
  const body = { productId, sku: `SKU-${productId}`, initialStock: 0 };
  const made = probe(bench, "initialize", post("/initialize", body), [["INITIAL", 0]]);
  await settle(bench.caller, made, bench.acknowledged);
  return productId;
}

async function joins(bench: Bench): Promise<readonly Probe[]> {
  const path = `/product/${await soldOut(bench)}/waitlist`;
  return [probe(bench, "join", post(path, { orderId: randomId(8), quantity: 1 }), [["RECORD", 0]])];
}

async function leaves(bench: Bench): Promise<readonly Probe[]> {
  const path = `/product/${await soldOut(bench)}/waitlist`;
  const orderId = randomId(8);
  const joined = probe(bench, "join", post(path, { orderId, quantity: 1 }), [["RECORD", 0]]);
  await settle(bench.caller, joined, bench.acknowledged);
  return [probe(bench, "leave", post(`${path}/leave`, { orderId }), [["RECORD", 0]])];
}

function register(bench: Bench, location: string): Probe {
  const request = post("/locations", { location, name: "probed" });
  return probe(bench, "register a location", request, [["ATTRIBUTE", 0]]);
}

/** Of more than any probe asks for. */
function putLimit(bench: Bench, limitId: string): Probe {
  const body = { products: [bench.productId], maxUnits: 1_000_000 };
  const request = { method: "PUT", path: `/limits/${limitId}`, body } as const;
  return probe(bench, "put a limit", request, [["RECORD", 0]]);
}

const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });

function plan(
  bench: Bench,
  to: Pick<Asked, "method" | "path"> = { method: "POST", path: "/campaigns" },
): Probe {
  const [startsAt, endsAt] = ["2035-01-01T00:00:00Z", "2035-01-01T01:00:00Z"];
  const products = [{ productId: bench.productId, quantity: 1 }];
  const body = { name: "probed", location: HOME, startsAt, endsAt, products };
  return probe(bench, "plan a campaign", { ...to, body }, [["RECORD", 0]]);
}

async function planned(bench: Bench): Promise<string> {
  const { answer } = await settle(bench.caller, plan(bench), bench.acknowledged);
  return `/campaigns/${Planned.parse(answer.body).campaign.campaignId}`;
}

function reserve(bench: Bench, quantity: number, more: { standing?: true } = {}): Probe {
  const body = { quantity, orderId: randomId(8), ...more };
  const name = more.standing === true ? "standing hold" : "reserve";
  return probe(bench, name, post(`/product/${bench.productId}/reserve`, body), [
    ["RESERVE", quantity],
  ]);
}

/** The second one hears what there is: all that it asks for. */
function carts(bench: Bench): readonly Probe[] {
  const items = [{ productId: bench.productId, quantity: 3 }];
  const effects = [["RESERVE", 3]] as const;
  const body = { orderId: randomId(8), items };
  const other = { orderId: randomId(8), items, mode: "best_effort" };
  return [
    probe(bench, "cart", post("/reservations", body), effects),
    probe(bench, "best effort", post("/reservations", other), effects),
  ];
}

function sell(bench: Bench, orderId: string): Probe {
  const body = { quantity: 2, orderId };
  return probe(bench, "sell", post(`/product/${bench.productId}/sell`, body), [["SALE", 2]]);
}

/** Of what an order was sold, which the ledger says. */
async function takeBack(bench: Bench): Promise<readonly Probe[]> {
  const orderId = randomId(8);
  await settle(bench.caller, sell(bench, orderId), bench.acknowledged);
  const request = post(`/product/${bench.productId}/return`, {
    quantity: 1,
    orderId,
    disposition: "restock",
  });
  return [probe(bench, "return", request, [["RETURN", 1]], { needs: "whole ledger" })];
}

/** The id of a hold of two units. */
async function held(bench: Bench): Promise<string> {
  const { answer } = await settle(bench.caller, reserve(bench, 2), bench.acknowledged);
  return reservationIn(answer).reservationId;
}

const endsHold = { endsHold: true } as const;

async function confirms(bench: Bench): Promise<readonly Probe[]> {
  const late = post(`/reservation/${await expired(bench)}/confirm`, { onExpired: "reacquire" });
  const all = post(`/reservation/${await held(bench)}/confirm`);
  return [
    probe(bench, "confirm", all, [["SALE", 2]], endsHold),
    probe(bench, "late sale", late, [["SALE", 1]], endsHold),
  ];
}

async function cancels(bench: Bench): Promise<readonly Probe[]> {
  const all = post(`/reservation/${await held(bench)}/cancel`);
  const lines = [{ productId: bench.productId, quantity: 1 }];
  const part = post(`/reservation/${await held(bench)}/cancel`, { lines });
  return [
    probe(bench, "cancel", all, [["RELEASE", 2]], endsHold),
    probe(bench, "cancel of a part", part, [["RELEASE", 1]], endsHold),
  ];
}

/** The id of a hold that was due before this answers. */
async function expired({ servers, productId, acknowledged }: Bench): Promise<string> {
  await using stores = await openStoresOf(servers.redisUrl, servers.databaseUrl);
  const [hold] = await makeHolds(stores, { productId, count: 1, seconds: 1 }, acknowledged);
  if (!hold) throw new Error("no hold was made");
  await until(() => stores.store.msUntil(0, hold.expiresAt / 1_000) <= 0, {
    withinMs: EXPIRED_MS_MAX,
    what: "a hold is due",
  });
  return hold.reservationId;
}

/** Each item has the same effect. */
function bulk(bench: Bench, verb: string, items: readonly object[], effect: Effect): Probe {
  const isEnd = verb === "confirm" || verb === "cancel";
  const effects = items.map(() => effect);
  const request = post(`/bulk/${verb}`, { items });
  return probe(bench, `bulk ${verb}`, request, effects, { endsHold: isEnd });
}

async function bulkEnd(bench: Bench, verb: "confirm" | "cancel"): Promise<readonly Probe[]> {
  const ids = [await held(bench), await held(bench)];
  const items = ids.map((reservationId) => ({ reservationId }));
  return [bulk(bench, verb, items, [verb === "confirm" ? "SALE" : "RELEASE", 2])];
}

/** Of a product of its own: three units fewer than there were. */
async function countUnits(bench: Bench): Promise<readonly Probe[]> {
  const productId = `counted-${randomId(8)}`;
  await settle(bench.caller, initialize(bench, productId), bench.acknowledged);
  const row = { productId, quantity: UNITS - 3, countedAt: new Date().toISOString() };
  const request = post("/counts", { counts: [row], commit: true });
  return [probe(bench, "count", request, [["COUNT", 3]], { needs: "whole ledger" })];
}

const Expected = z.object({ incoming: z.object({ incomingId: z.string() }) });
const incomingIdIn = ({ body }: Answer): string => Expected.parse(body).incoming.incomingId;

/** A part of a lot, which PostgreSQL knows. */
async function receiveUnits(bench: Bench): Promise<readonly Probe[]> {
  const { caller, productId, acknowledged } = bench;
  const body = { productId, quantity: 9, expectedAt: "2030-01-01T00:00:00Z" };
  const noted = probe(bench, "expect", post("/incoming", body), []);
  const { answer } = await settle(caller, noted, acknowledged);
  const request = post(`/incoming/${incomingIdIn(answer)}/receive`, { quantity: 4 });
  return [probe(bench, "receive", request, [["RESTOCK", 4]], { needs: "ledger" })];
}

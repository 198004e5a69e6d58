/** Who waits for a product, on the model: one list in the order in which they joined. */
import { customerField } from "#inventory/limits";
import type { CustomerId, Location, OrderId, ProductId } from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";
import type { Waiter } from "#inventory/waitlist-ports";
import { recordKey, stockKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { recorded } from "#redis/recorded";
import { move, type Call } from "#model/call";
import { same } from "#model/same";
import { fieldsOf, textsOf, type SeenKey } from "#model/seen";
import { availableOf, seqOf, type ModelProduct, type ModelWaiter, type World } from "#model/world";
import type { MovementContext } from "#inventory/model";

export const lineOf = (world: World, productId: string): readonly ModelWaiter[] =>
  world.waiting.filter((waiter) => waiter.productId === productId);

export const waiterOf = (world: World, productId: string, owner: string): ModelWaiter | undefined =>
  lineOf(world, productId).find((waiter) => waiter.owner === owner);

/** As it is told. */
export const toldWaiter = (world: World, waiter: ModelWaiter): Waiter => {
  const { owner, generation, ...told } = waiter;
  return { ...told, reservationId: reservationIdOf(world.partition, owner, generation) };
};

const idOf = ({ productId, owner }: Pick<ModelWaiter, "productId" | "owner">): string =>
  `${productId}/${owner}`;

const json = (text: CustomerId | OrderId | null): string =>
  text === null ? "" : JSON.stringify(text);

const textOf = (waiter: ModelWaiter): string =>
  [
    1,
    waiter.generation,
    waiter.quantity,
    waiter.holdSeconds,
    waiter.joinedAt,
    waiter.joinedSeq,
    json(waiter.customerId),
    json(waiter.orderId),
  ].join("\t");

/** The movement that says that a place was written or removed. */
function record(
  call: Call,
  waiter: Pick<ModelWaiter, "productId" | "owner">,
  text: string | null,
  context: MovementContext,
): void {
  move(call, { type: "RECORD", product: null, location: recorded<Location>(""), context });
  const id = idOf(waiter);
  const kept = { kind: "waiting", id, text, seq: seqOf(call.world) } as const;
  call.records.set(`waiting/${id}`, () => kept);
}

export function joinLine(
  call: Call,
  waiter: Omit<ModelWaiter, "joinedAt" | "joinedSeq">,
  context: MovementContext,
): ModelWaiter {
  const { world } = call;
  const made = { ...waiter, joinedAt: call.now, joinedSeq: seqOf(world) + 1 };
  world.waiting.push(made);
  call.lined.add(waiter.productId);
  record(call, made, textOf(made), context);
  return made;
}

export function changePlace(call: Call, waiter: ModelWaiter, context: MovementContext): void {
  record(call, waiter, textOf(waiter), context);
}

export function leaveLine(call: Call, waiter: ModelWaiter, context: MovementContext): void {
  const { world } = call;
  world.waiting = world.waiting.filter((one) => one !== waiter);
  call.lined.add(waiter.productId);
  record(call, waiter, null, context);
}

/** Whether something was free of a product that somebody waits for, when it or its line last changed. */
export function noteFree(call: Call, changed: Iterable<ModelProduct>, looked: Set<string>): void {
  const { world } = call;
  const ids = new Set<string>([
    ...Array.from(changed, ({ productId }) => productId),
    ...call.lined,
  ]);
  for (const id of [...ids, ...looked]) {
    const product = world.products.get(id);
    const isFree = product !== undefined && availableOf(product) > 0;
    if (lineOf(world, id).length === 0) world.waited.delete(id);
    // A look that changes nothing, as one that waits for what is due, is found by the next one as well.
    else if (product && (ids.has(id) || !isFree)) world.waited.set(id, isFree ? 1 : 0);
  }
}

type Take = (key: string, type: string) => SeenKey;

export function compareWaitlist(world: World, take: Take): void {
  const { partition, waiting } = world;
  if (waiting.length === 0) return;
  const records = Object.fromEntries(waiting.map((waiter) => [idOf(waiter), textOf(waiter)]));
  same("who waits", fieldsOf(take(recordKey(partition, "waiting"), "hash")), records);
  const products = new Set<ProductId>(waiting.map(({ productId }) => productId));
  for (const productId of products) {
    const expected = lineOf(world, productId).flatMap((it) => [it.owner, String(it.joinedSeq)]);
    const line = textsOf(take(waitingKey(partition, productId), "zset"));
    same(`line of ${stockKey(partition, productId)}`, line, expected);
  }
  same(
    "products with a line",
    fieldsOf(take(waitedKey(partition), "zset")),
    Object.fromEntries([...world.waited].map(([id, score]) => [id, String(score)])),
  );
  const counts = new Map<string, number>();
  for (const { customerId } of waiting) {
    if (customerId === null) continue;
    const field = customerField(customerId);
    counts.set(field, (counts.get(field) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const expected = Object.fromEntries([...counts].map(([field, count]) => [field, String(count)]));
  same("places of customers", fieldsOf(take(waitsKey(partition), "hash")), expected);
}

/** offer on the model: what is free goes to the first in line, as a hold of its own. */
import * as fc from "fast-check";
import type { MovementContext } from "#inventory/model";
import type { OfferTo } from "#inventory/waitlist-ports";
import {
  decided,
  dueSecondAfter,
  expireHold,
  isDue,
  move,
  nowSecond,
  schedule,
  type Call,
  type Decision,
} from "#model/call";
import type { Plan } from "#model/plan";
import { knownProductOf, measure, places } from "#model/stock-taken";
import { leaveLine, lineOf } from "#model/waitlist";
import {
  availableOf,
  hasConfirmed,
  holdOf,
  isLive,
  type Hold,
  type ModelProduct,
  type ModelWaiter,
} from "#model/world";
import { soon } from "#test/store";

/** Named limits of one call: products, places that it ends, lines after which none is begun. */
const PRODUCTS_MAX = 32;
const OFFERS_MAX = 64;
const LINES_MAX = 400;

/** A step over a partition. Its call names no command, as that of expire does not. */
export const offers = (): fc.Arbitrary<Plan> =>
  fc
    .record({ index: fc.nat({ max: 63 }), to: fc.constantFrom<OfferTo>("freed", "freed", 0) })
    .map(({ index, to }) => {
      const told = `offer ${JSON.stringify({ partition: index, to })}`;
      return {
        verb: "offer",
        toString: () => told,
        prepare: ({ worlds, next }) => {
          const partition = index % worlds.length;
          return {
            requestId: `q${next()}`,
            told,
            submit: (_, waitlist) => waitlist.offer(partition, to, soon(120_000)),
            decide: null,
            operation: null,
            charge: null,
            otherwise: () => null,
            context: { actor: "test:model" },
            unsent: [{ offer: partition }],
          };
        },
      };
    });

interface Step {
  offered: number;
  left: number;
  lines: number;
  more: boolean;
  /** Units that the next one lacks may be due. */
  mayBeDue: boolean;
  readonly due: number[];
}

/** Each line of the call: the first is done, and the others are told to come again. */
export function decideOffers(call: Call, items: readonly string[]): readonly Decision[] {
  return items.map((to, i) => (i === 0 ? decideOffer(call, to) : ANOTHER));
}

const NOTHING = { offered: 0, left: 0, dueSeconds: [], damaged: [] };
const ANOTHER = { word: "idle", outcomes: [{ ...NOTHING, more: true, waited: 1 }] };

function decideOffer(call: Call, to: string): Decision {
  const { world } = call;
  const waited = world.waited.size;
  const passed = to === "freed" ? 0 : Number(to);
  const ids = [...world.waited]
    .filter(([, score]) => score === (to === "freed" ? 1 : 0))
    .map(([id]) => id)
    .toSorted()
    .slice(passed, passed + PRODUCTS_MAX);
  const more = ids.length === PRODUCTS_MAX;
  const step: Step = { offered: 0, left: 0, lines: 0, more, mayBeDue: false, due: [] };
  const isFull = () => step.offered + step.left >= OFFERS_MAX || step.lines >= LINES_MAX;
  for (const id of ids) {
    if (step.mayBeDue || isFull()) {
      step.more = true;
      break;
    }
    call.looked.add(id);
    const product = world.products.get(id);
    if (!product) throw new Error("somebody waits for a product that is not there");
    const most = Math.min(OFFERS_MAX, Math.max(0, availableOf(product)));
    const waiters = lineOf(world, id).slice(0, most);
    let at = 0;
    while (at < waiters.length && !isFull()) {
      const waiter = waiters[at];
      if (!waiter || !offer(call, product, waiter, step)) break;
      at += 1;
    }
    const isOver = at === waiters.length && availableOf(product) > 0;
    step.more ||= step.mayBeDue || (isOver && lineOf(world, id).length > 0);
  }
  const { offered, left, due } = step;
  if (step.mayBeDue && offered + left === 0) return decided("due");
  const told = { more: step.more, dueSeconds: [...new Set(due)], damaged: [], waited };
  const outcome = { offered, left, ...told };
  return { word: offered + left > 0 ? "offered" : "idle", outcomes: [outcome] };
}

const contextOf = (waiter: ModelWaiter, reason: string): MovementContext => {
  const { orderId, customerId } = waiter;
  return {
    actor: "system:waitlist",
    reason,
    reference: `waiting:${waiter.productId}`,
    ...(orderId === null ? {} : { orderId }),
    ...(customerId === null ? {} : { customerId }),
  };
};

/** Whether the next one has a turn. */
function offer(call: Call, product: ModelProduct, waiter: ModelWaiter, step: Step): boolean {
  const { world } = call;
  const part = (reason: string): boolean => {
    leaveLine(call, waiter, contextOf(waiter, reason));
    step.left += 1;
    return true;
  };
  const last = holdOf(world, waiter.owner);
  if (last && isDue(call, last)) expireHold(call, last);
  if (last && isLive(last)) return part("held");
  if (last && hasConfirmed(last)) return part("confirmed");
  const line = { productId: waiter.productId, quantity: waiter.quantity, location: null };
  const buyer = { customerId: waiter.customerId, createdAt: call.now };
  const { measured, short } = measure(call, [line], undefined, buyer, true);
  const [got] = measured;
  step.mayBeDue = short.length > 0 && world.swept < nowSecond(call);
  if (step.mayBeDue) return false;
  if (!got || got.units === 0) {
    return short.some(({ quota }) => quota !== undefined) && part("above_quota");
  }
  const { owner, generation, customerId, orderId } = waiter;
  const hold: Hold = {
    owner,
    generation,
    customerId,
    orderId,
    createdAt: call.now,
    dueSecond: dueSecondAfter(call.now, waiter.holdSeconds),
    leftAs: "cancelled",
    moves: [],
  };
  world.holds.push(hold);
  const context = contextOf(waiter, "offered");
  const taken = places(knownProductOf(world, product.productId), got);
  for (const { location, quantity } of taken) {
    move(call, { type: "RESERVE", product, location, reserved: quantity, hold, context });
  }
  schedule(call, hold);
  leaveLine(call, waiter, context);
  step.due.push(hold.dueSecond ?? 0);
  step.offered += 1;
  step.lines += taken.length;
  return true;
}

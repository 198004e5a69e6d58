/** join and leave on the model: an owner's place in the line of a product. */
import * as fc from "fast-check";
import { CART_SCOPE, ownerOf } from "#inventory/owner";
import type { InLine, JoinCommand, LeaveCommand, WaitingOwner } from "#inventory/waitlist-ports";
import {
  decided,
  done,
  expireHold,
  isDue,
  nowSecond,
  once,
  type Call,
  type Decision,
} from "#model/call";
import { shopper } from "#model/names";
import {
  amounts,
  knownProduct,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  type Scene,
  type Shape,
} from "#model/plan";
import { measure } from "#model/stock-taken";
import { changePlace, joinLine, leaveLine, lineOf, toldWaiter, waiterOf } from "#model/waitlist";
import {
  availableOf,
  hasConfirmed,
  holdOf,
  isLive,
  reservationOf,
  type Hold,
  type ModelWaiter,
} from "#model/world";

const choicesOf = (shape: Shape) => {
  return {
    product: productNumbers(shape),
    shopper: fc.nat({ max: shape.shoppers - 1 }),
    amount: amounts(shape),
    /** Of what is free: so that somebody must wait. */
    isMore: fc.constantFrom(true, true, true, false),
    seconds: fc.constantFrom(900, 900, 1, 60, 86_400),
    /** As somebody who waits already. */
    like: seldom(2, fc.constantFrom("same" as const, "same" as const, "another quantity" as const)),
  };
};

/** Few, so that somebody of them waits already. */
function whoOf(scene: Scene, index: number, who: number) {
  const productId = productAt(scene, index);
  const { customerId, orderId } = shopper(who);
  return { productId, owner: ownerOf(customerId, orderId, CART_SCOPE), customerId, orderId };
}

/** The path of the route has the product. */
const namedBy = ({ productId, owner }: WaitingOwner): string => `${productId} ${owner}`;

/** What is given is chosen so, the rest at random. */
export const joins = (shape: Shape, given: Partial<ReturnType<typeof choicesOf>> = {}) =>
  plans(
    "join",
    fc.record({ ...choicesOf(shape), ...given }),
    (scene, choice, base) => {
      const whose = whoOf(scene, choice.product, choice.shopper);
      const known = knownProduct(scene, whose.productId);
      const free = known ? Math.max(0, availableOf(known)) : 0;
      const waiters = scene.worlds.flatMap(({ waiting }) => waiting);
      const like = choice.like === null ? undefined : waiters[choice.shopper % waiters.length];
      const more = choice.like === "another quantity" ? 1 : 0;
      const quantity = unitsOf(choice.amount, free) + (choice.isMore ? Math.min(free, 1_000) : 0);
      const { context, ...common } = base(namedBy(like ?? whose));
      const command: JoinCommand = {
        ...common,
        context,
        productId: like?.productId ?? whose.productId,
        owner: like?.owner ?? whose.owner,
        customerId: like ? like.customerId : whose.customerId,
        orderId: like ? like.orderId : whose.orderId,
        generation: scene.generation(),
        quantity: like ? Math.min(like.quantity + more, 1_000_000_000) : Math.min(quantity, 1e9),
        holdSeconds: like && more === 0 ? like.holdSeconds : choice.seconds,
      };
      return {
        submit: (_, waitlist) => waitlist.join(command),
        decide: (call) => decideJoin(call, command),
      };
    },
    1,
  );

const leaveChoices = (shape: Shape) => {
  return {
    product: productNumbers(shape),
    shopper: fc.nat({ max: shape.shoppers - 1 }),
    /** One who does. */
    isWaiting: fc.constantFrom(true, true, true, false),
  };
};

/** What is given is chosen so, the rest at random. */
export const leaves = (shape: Shape, given: Partial<ReturnType<typeof leaveChoices>> = {}) =>
  plans(
    "leave",
    fc.record({ ...leaveChoices(shape), ...given }),
    (scene, choice, base) => {
      const waiters = scene.worlds.flatMap(({ waiting }) => waiting);
      const one = choice.isWaiting ? waiters[choice.shopper % waiters.length] : undefined;
      const { productId, owner } = one ?? whoOf(scene, choice.product, choice.shopper);
      const command: LeaveCommand = { ...base(productId), productId, owner };
      return {
        submit: (_, waitlist) => waitlist.leave(command),
        decide: (call) => decideLeave(call, command),
      };
    },
    1,
  );

const inLine = (call: Call, waiter: ModelWaiter): InLine => {
  const line = lineOf(call.world, waiter.productId);
  const told = toldWaiter(call.world, waiter);
  return {
    kind: "waiting",
    position: line.indexOf(waiter) + 1,
    waiting: line.length,
    waiter: told,
  };
};

function placed(call: Call, word: string, waiter: ModelWaiter): Decision {
  const outcome = inLine(call, waiter);
  return done(word, { ...outcome, replayed: false }, { ...outcome, replayed: true });
}

const offered = (call: Call, hold: Hold): Decision =>
  decided("held", { kind: "offered", reservation: reservationOf(call.world, hold) });

function decideJoin(call: Call, command: JoinCommand): Decision {
  const { world } = call;
  const { productId, owner, quantity, holdSeconds, context } = command;
  return once(call, command.operation, () => {
    const hold = holdOf(world, owner);
    if (hold && isDue(call, hold)) expireHold(call, hold);
    if (hold && isLive(hold)) return offered(call, hold);
    if (hold && hasConfirmed(hold)) {
      const reservation = reservationOf(world, hold);
      return decided("confirmed", { kind: "already_confirmed", reservation });
    }
    if (!world.products.has(productId)) return decided("unknown", { kind: "unknown_product" });
    const waiter = waiterOf(world, productId, owner);
    if (waiter) {
      const isSame = waiter.quantity === quantity && waiter.holdSeconds === holdSeconds;
      if (isSame) return placed(call, "waiting", waiter);
      waiter.quantity = quantity;
      waiter.holdSeconds = holdSeconds;
      changePlace(call, waiter, context);
      return placed(call, "changed", waiter);
    }
    const line = { productId, quantity, location: null };
    const buyer = { customerId: command.customerId, createdAt: call.now };
    const { measured, short } = measure(call, [line], undefined, buyer);
    if (short.length > 0 && world.swept < nowSecond(call)) return decided("due");
    const above = short.filter(({ quota }) => quota !== undefined);
    if (above.length > 0) return decided("above_quota", { kind: "above_quota", lines: above });
    if (short.length === 0) {
      return decided("available", { kind: "available", quantity: measured[0]?.units });
    }
    const { generation, customerId, orderId } = command;
    const asked = { productId, owner, generation, customerId, orderId, quantity, holdSeconds };
    return placed(call, "joined", joinLine(call, asked, context));
  });
}

function decideLeave(call: Call, command: LeaveCommand): Decision {
  const { world } = call;
  const { productId, owner, context } = command;
  return once(call, command.operation, () => {
    if (!world.products.has(productId)) return decided("unknown", { kind: "unknown_product" });
    const waiter = waiterOf(world, productId, owner);
    if (waiter) {
      leaveLine(call, waiter, context);
      const outcome = { kind: "left", waiting: lineOf(world, productId).length };
      return done("left", { ...outcome, replayed: false }, { ...outcome, replayed: true });
    }
    const hold = holdOf(world, owner);
    if (hold && isLive(hold) && !isDue(call, hold)) return offered(call, hold);
    return decided("absent", { kind: "absent", waiting: lineOf(world, productId).length });
  });
}

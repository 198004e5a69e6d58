/** reassign on the model: a hold's units go over to another owner's, in pairs of movements. */
import * as fc from "fast-check";
import { QUANTITY_MAX } from "#inventory/model";
import { CART_SCOPE, ownerOf } from "#inventory/owner";
import type { NewOwner, ReassignCommand, ReserveCommand } from "#inventory/ports";
import {
  decided,
  done,
  dueSecondAfter,
  expireHold,
  isDue,
  move,
  schedule,
  type Call,
  type Decision,
} from "#model/call";
import { shopper } from "#model/names";
import { fromEnd, fullest, holdsOf, plans, seldom, type Plan, type Shape } from "#model/plan";
import { sha1 } from "#model/seen";
import { knownProductOf } from "#model/stock-taken";
import { fillings } from "#model/verbs/adjust";
import { chosen, holdChoice, onHold, sums } from "#model/verbs/change-hold";
import { decideReserve } from "#model/verbs/reserve";
import { hasConfirmed, holdOf, isLive, linesOf, reservationOf, type Hold } from "#model/world";

/** Lines of the holds of new owners that one call looks at; its later items are told to come again. */
const LINES_MAX = 400;
/** Of each call, how many it has looked at. */
const seen = new WeakMap<Call, number>();

const choicesOf = ({ shoppers }: Pick<Shape, "shoppers">) => {
  return {
    ...holdChoice,
    shopper: fc.nat({ max: shoppers - 1 }),
    names: fc.constantFrom("both" as const, "both" as const, "customer" as const, "order" as const),
    longest: fc.constantFrom(86_400, 86_400, 900, 60, 1),
    /** To one whose order is sold, where there is one. */
    towards: seldom(2, fc.constant("sold" as const)),
    /** Whether nobody could tell who the new owner is, as of a hold that is gone. */
    isBlind: seldom(12, fc.constant(true)),
  };
};

export const reassigns = (
  shape: Pick<Shape, "shoppers">,
  given: Partial<ReturnType<typeof choicesOf>> = {},
): fc.Arbitrary<Plan> =>
  plans(
    "reassign",
    fc.record({ ...choicesOf(shape), ...given }),
    (scene, choice, base) => {
      const found = chosen(scene, choice);
      if (!found) return null;
      const { hold, reservationId, target, customerId, isSent } = found;
      const sold = holdsOf(scene)
        .map((one) => one.hold)
        .filter((one) => hasConfirmed(one) && ownerAfter(hold, one) === one.owner);
      const named = (choice.towards && fromEnd(sold, choice.shopper)) ?? shopper(choice.shopper);
      const asked = {
        customerId: choice.names === "order" ? null : named.customerId,
        orderId: choice.names === "customer" ? null : named.orderId,
      };
      // Who is nobody's can be named by nothing: then whose it is stays in part as it is.
      const to = asked.customerId === null && asked.orderId === null ? named : asked;
      if (to.customerId === null && to.orderId === null) return null;
      const owner = choice.isBlind === true ? null : ownerAfter(hold, to);
      const command: ReassignCommand = {
        ...base(reservationId),
        hold: target,
        customerId,
        to: { ...to, owner },
        generation: scene.generation(),
        holdSecondsMax: choice.longest,
      };
      return {
        submit: (store) => store.reassign(command),
        decide: isSent ? (call) => decideReassign(call, command) : null,
        unsent: isSent ? [] : [{ kind: "unknown_reservation" }],
      };
    },
    1,
  );

/** As many units of a product as a hold may have, for two owners; and one gives its own to the other. */
export function gathers({ shoppers }: Shape): fc.Arbitrary<Plan[]> {
  const who = fc.tuple(fc.nat({ max: shoppers - 1 }), fc.integer({ min: 1, max: shoppers - 1 }));
  return who
    .map(([one, further]) => [one, (one + further) % shoppers] as const)
    .chain(([one, other]) =>
      fc.tuple(fillings("there"), takesMost(one), takesMost(other), reassignsLast(one)),
    )
    .map((all) => [...all]);
}

/** Of the product of which there is most. */
const takesMost = (index: number): fc.Arbitrary<Plan> =>
  plans("reserve", fc.record({ shopper: fc.constant(index) }), (scene, choice, base) => {
    const { customerId, orderId } = shopper(choice.shopper);
    const full = fullest(scene)?.product;
    if (!full) return null;
    const owner = ownerOf(customerId, orderId, CART_SCOPE);
    const line = { productId: full.productId, quantity: QUANTITY_MAX, location: null };
    const command: ReserveCommand = {
      ...base(owner),
      owner,
      generation: scene.generation(),
      customerId,
      orderId,
      lines: [line],
      holdSeconds: 60,
      mode: "all_or_nothing",
      dryRun: false,
      adds: false,
    };
    return {
      submit: (store) => store.reserve(command),
      decide: (call) => decideReserve(call, command),
    };
  });

/** The last hold that was made. */
const reassignsLast = (index: number): fc.Arbitrary<Plan> =>
  reassigns(
    { shoppers: index + 1 },
    {
      shopper: fc.constant(index),
      towards: fc.constant(null),
      hold: fc.constant(0),
      which: fc.constant("live" as const),
      who: fc.constant("anybody" as const),
      whichever: fc.constant(null),
      names: fc.constant("both" as const),
      isBlind: fc.constant(null),
    },
  );

function ownerAfter(hold: Hold | null, to: Pick<NewOwner, "customerId" | "orderId">): string {
  const customerId = to.customerId ?? hold?.customerId ?? null;
  return ownerOf(customerId, to.orderId ?? hold?.orderId ?? null, CART_SCOPE);
}

function decideReassign(call: Call, command: ReassignCommand): Decision {
  const { world } = call;
  const { to } = command;
  const texts = [to.customerId, to.orderId].map((text) =>
    text === null ? "" : JSON.stringify(text),
  );
  const payload = sha1(texts.join("\x1f"));
  const { owner, generation } = command.hold;
  const earlier = (): Decision | null => {
    const kept = world.operations.get(`${owner}-${generation}`);
    return kept?.payload === payload ? decided("replayed", kept.replay) : null;
  };
  return onHold(call, command, (hold) => reassign(call, command, hold, payload), earlier);
}

function reassign(call: Call, command: ReassignCommand, hold: Hold, payload: string): Decision {
  const { world } = call;
  const { owner } = command.to;
  const refused = (word: string, kind: string, of: Hold, more: object = {}): Decision =>
    decided(word, { kind, ...more, reservation: reservationOf(world, of) });
  if (hold.dueSecond === null) return refused("standing", "standing", hold);
  if (owner === null) return decided("unknown", { kind: "unknown_reservation" });
  if (owner === hold.owner) return refused("held", "done", hold, { replayed: false });
  if (hasConfirmed(hold)) return refused("order_confirmed", "already_confirmed", hold);
  const last = holdOf(world, owner);
  if (last) {
    const lines = seen.get(call) ?? 0;
    if (lines >= LINES_MAX) return decided("again");
    seen.set(call, lines + linesOf(last).length);
    if (isDue(call, last)) expireHold(call, last);
    if (hasConfirmed(last)) return refused("order_confirmed", "already_confirmed", last);
  }
  const live = last && isLive(last) ? last : null;
  if (live?.dueSecond === null) return refused("standing", "standing", live);
  if (live && hasTooMany(live, hold)) {
    return refused("above_limit", "above_hold_limit", live, { limit: "units" });
  }
  const target = live ?? newHold(call, command, hold, owner);
  const moved = linesOf(hold).filter(({ held }) => held > 0);
  hold.leftAs = "reassigned";
  for (const { productId, location, held } of moved) {
    const common = {
      product: knownProductOf(world, productId),
      location,
      context: command.context,
    };
    move(call, { ...common, type: "RELEASE", reserved: -held, hold });
    move(call, { ...common, type: "RESERVE", reserved: held, hold: target });
  }
  if (live) prolong(call, live, hold.dueSecond, command.holdSecondsMax);
  else schedule(call, target);
  const outcome = { kind: "done", reservation: reservationOf(world, target), replayed: false };
  const decision = done("reassigned", outcome, { ...outcome, replayed: true });
  const key = `${hold.owner}-${hold.generation}`;
  world.operations.set(key, { payload, replay: decision.replay });
  return { ...decision, alsoUnder: { key, payload } };
}

/** Here no hold has more products or places than a cart may have. */
function hasTooMany(live: Hold, hold: Hold): boolean {
  const moved = linesOf(hold).filter(({ held }) => held > 0);
  const units = sums([...linesOf(live), ...moved].map(({ productId, held }) => [productId, held]));
  return moved.some(({ productId }) => (units.get(productId) ?? 0) > QUANTITY_MAX);
}

/** As an extension would, which never goes beyond the longest life. */
function prolong(call: Call, live: Hold, wanted: number, longest: number): void {
  const due = Math.min(wanted, dueSecondAfter(live.createdAt, longest));
  if (live.dueSecond === null || due <= live.dueSecond) return;
  live.dueSecond = due;
  schedule(call, live);
}

function newHold(call: Call, command: ReassignCommand, from: Hold, owner: string): Hold {
  const hold: Hold = {
    owner,
    generation: command.generation,
    customerId: command.to.customerId ?? from.customerId,
    orderId: command.to.orderId ?? from.orderId,
    createdAt: call.now,
    dueSecond: from.dueSecond,
    leftAs: "cancelled",
    moves: [],
  };
  call.world.holds.push(hold);
  return hold;
}

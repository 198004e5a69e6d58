/** confirm and cancel on the model: units of a hold are sold, or given back. */
import * as fc from "fast-check";
import type { ConfirmCommand } from "#inventory/ports";
import { move, type Call, type Decision } from "#model/call";
import { plans, seldom, type Plan, type Shape } from "#model/plan";
import { knownProductOf } from "#model/stock-taken";
import {
  chosen,
  draw,
  holdChoice,
  linesOfPart,
  onHold,
  partChoice,
} from "#model/verbs/change-hold";
import { sellExpired } from "#model/verbs/reacquire";

type Verb = "confirm" | "cancel";

const choicesOf = (verb: Verb, shape: Shape) => {
  return {
    ...holdChoice,
    part: partChoice(shape),
    /** Whether an expired hold shall be sold after all; of confirm alone. */
    reacquires: verb === "confirm" ? seldom(2, fc.constant(true)) : fc.constant(null),
  };
};

const ends = (
  verb: Verb,
  shape: Shape,
  narrower: Partial<ReturnType<typeof choicesOf>> = {},
): fc.Arbitrary<Plan> => {
  const choices = fc.record({ ...choicesOf(verb, shape), ...narrower });
  return plans(
    verb,
    choices,
    (scene, choice, base) => {
      const found = chosen(scene, choice);
      if (!found) return null;
      const { reservationId, target, customerId, isSent } = found;
      const command: ConfirmCommand = {
        ...base(reservationId),
        hold: target,
        customerId,
        lines: linesOfPart(scene, found, choice.part),
        ...(choice.reacquires === true ? { reacquireAs: scene.generation() } : {}),
      };
      return {
        submit: (store) => store[verb](command),
        decide: isSent ? (call) => decideEnd(call, verb, command) : null,
        unsent: isSent ? [] : [{ kind: "unknown_reservation" }],
      };
    },
    1,
  );
};

/** Of a hold that expired, whole, to be sold after all. */
export const reacquires = (shape: Shape) =>
  ends("confirm", shape, {
    hold: fc.constant(0),
    which: fc.constant("expired" as const),
    who: fc.constant("anybody" as const),
    whichever: fc.constant(null),
    part: fc.constant(null),
    reacquires: fc.constant(true),
  });

export const confirms = (shape: Shape) => ends("confirm", shape);
export const cancels = (shape: Shape) => ends("cancel", shape);

function decideEnd(call: Call, verb: Verb, command: ConfirmCommand): Decision {
  return onHold(
    call,
    command,
    (hold) =>
      draw(call, command, hold, (productId, location, units) => {
        const product = knownProductOf(call.world, productId);
        const common = { product, location, reserved: -units, hold, context: command.context };
        if (verb === "confirm") move(call, { ...common, type: "SALE", onHand: -units });
        else move(call, { ...common, type: "RELEASE" });
      }),
    (hold) => (verb === "confirm" ? sellExpired(call, command, hold) : null),
  );
}

/** confirm and cancel on the model: units of a hold are sold, or given back. */
import * as fc from "fast-check";
import type { EndCommand } from "#inventory/ports";
import { move, type Call, type Decision } from "#model/call";
import { plans, type Plan, type Shape } from "#model/plan";
import {
  chosen,
  draw,
  holdChoice,
  linesOfPart,
  onHold,
  partChoice,
} from "#model/verbs/change-hold";

const ends = (verb: "confirm" | "cancel", shape: Shape): fc.Arbitrary<Plan> => {
  const choices = fc.record({ ...holdChoice, part: partChoice(shape) });
  return plans(
    verb,
    choices,
    (scene, choice, base) => {
      const found = chosen(scene, choice);
      if (!found) return null;
      const { reservationId, customerId, isSent } = found;
      const command: EndCommand = {
        ...base(reservationId),
        reservationId,
        customerId,
        lines: linesOfPart(scene, found, choice.part),
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

export const confirms = (shape: Shape) => ends("confirm", shape);
export const cancels = (shape: Shape) => ends("cancel", shape);

function decideEnd(call: Call, verb: "confirm" | "cancel", command: EndCommand): Decision {
  return onHold(call, command, (hold) =>
    draw(call, command, hold, (productId, location, units) => {
      const product = call.world.products.get(productId);
      if (!product) throw new Error("a hold of no product");
      const common = { product, location, reserved: -units, hold, context: command.context };
      if (verb === "confirm") move(call, { ...common, type: "SALE", onHand: -units });
      else move(call, { ...common, type: "RELEASE" });
    }),
  );
}

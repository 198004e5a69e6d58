/** extend on the model: a hold is due later, never sooner, and never later than the longest life allows. */
import * as fc from "fast-check";
import type { ExtendCommand } from "#inventory/ports";
import { decided, dueSecondAfter, move, schedule, type Call, type Decision } from "#model/call";
import { plans } from "#model/plan";
import { chosen, doneWith, holdChoice, onHold } from "#model/verbs/change-hold";
import { linesOf } from "#model/world";

const choices = fc.record({
  ...holdChoice,
  seconds: fc.constantFrom(900, 1, 2, 60, 86_400),
  longest: fc.constantFrom(86_400, 86_400, 900, 60, 1),
});

export const extensions = () =>
  plans(
    "extend",
    choices,
    (scene, choice, base) => {
      const found = chosen(scene, choice);
      if (!found) return null;
      const { reservationId, target, customerId, isSent } = found;
      const command: ExtendCommand = {
        ...base(reservationId),
        hold: target,
        customerId,
        holdSeconds: choice.seconds,
        holdSecondsMax: choice.longest,
        // test/redis/extend.test.ts has those that are refused.
        extensionsMax: 0,
      };
      return {
        submit: (store) => store.extend(command),
        decide: isSent ? (call) => decideExtend(call, command) : null,
        unsent: isSent ? [] : [{ kind: "unknown_reservation" }],
      };
    },
    1,
  );

function decideExtend(call: Call, command: ExtendCommand): Decision {
  return onHold(call, command, (hold) => {
    if (hold.dueSecond === null) return decided("standing");
    const asked = dueSecondAfter(call.now, command.holdSeconds);
    const due = Math.min(asked, dueSecondAfter(hold.createdAt, command.holdSecondsMax));
    if (due <= hold.dueSecond) {
      // Nothing changed: a repeat is decided anew.
      const { word, outcomes } = doneWith(call.world, hold, command);
      return { word, outcomes };
    }
    hold.dueSecond = due;
    for (const { productId, location, held } of linesOf(hold)) {
      const product = call.world.products.get(productId);
      if (product && held > 0) {
        move(call, { type: "EXTEND", product, location, hold, context: command.context });
      }
    }
    schedule(call, hold);
    return doneWith(call.world, hold, command);
  });
}

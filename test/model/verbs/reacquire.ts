/** A confirm that comes after the expiry, on the model: a sale of its own, if the stock is there. */
import type { ConfirmCommand } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { decided, move, nowSecond, type Call, type Decision } from "#model/call";
import { knownProductOf, measure, places } from "#model/stock-taken";
import { doneWith, sums, wantedOf } from "#model/verbs/change-hold";
import { linesOf, reservationOf, type Hold } from "#model/world";

/** The request that the key of such a sale stands for: it has no other. */
const PAYLOAD = "0";

/** null where the hold is answered as it is: it was not asked for, or did not end that way. */
export function sellExpired(call: Call, command: ConfirmCommand, hold: Hold): Decision | null {
  const { world } = call;
  const { owner, generation } = splitReservationId(command.reservationId);
  if (command.reacquireAs === undefined) return null;
  const key = `${owner}-${generation}`;
  if (hold.generation !== generation) {
    const earlier = world.operations.get(key);
    return earlier ? decided("replayed", earlier.replay) : null;
  }
  if (reservationOf(world, hold).status !== "EXPIRED") return null;
  const had = sums(linesOf(hold).map(({ productId, released }) => [productId, released]));
  const wanted = wantedOf(command, had);
  if (!(wanted instanceof Map)) return wanted;
  const lines = [...had.keys()].flatMap((productId) => {
    const quantity = wanted.get(productId);
    return quantity === undefined ? [] : [{ productId, quantity, location: null }];
  });
  const { measured, short } = measure(call, lines, undefined);
  if (short.length > 0) {
    if (world.swept < nowSecond(call)) return decided("due");
    return decided("insufficient", { kind: "insufficient", lines: short });
  }
  const sale: Hold = {
    ...hold,
    generation: command.reacquireAs,
    createdAt: call.now,
    isReplaced: false,
    moves: [],
  };
  world.holds.push(sale);
  for (const line of measured) {
    const product = knownProductOf(world, line.line.productId);
    for (const { location, quantity } of places(product, line)) {
      const common = { product, location, hold: sale, context: command.context };
      move(call, { ...common, type: "SALE", onHand: -quantity });
    }
  }
  const decision = doneWith(world, sale);
  world.operations.set(key, { payload: PAYLOAD, replay: decision.replay });
  return { ...decision, alsoUnder: { key, payload: PAYLOAD } };
}

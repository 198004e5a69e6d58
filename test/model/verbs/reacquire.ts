/** A confirm that comes after the expiry, on the model: a sale of its own, if the stock is there. */
import type { ConfirmCommand } from "#inventory/ports";
import { linesText } from "#redis/lines";
import { sha1 } from "#model/seen";
import { decided, isJournalFull, move, nowSecond, type Call, type Decision } from "#model/call";
import { knownProductOf, measure, places } from "#model/stock-taken";
import { doneWith, sums, wantedOf } from "#model/verbs/change-hold";
import { linesOf, reservationOf, type Hold } from "#model/world";

/**
 * null where the hold is answered as it is: it was not asked for, or did not expire whole. What it
 * was sold as is what a repeat hears, whatever that one says of its own repeats.
 */
export function sellExpired(call: Call, command: ConfirmCommand, hold: Hold): Decision | null {
  const { world } = call;
  const { owner, generation } = command.hold;
  const key = `${owner}-${generation}`;
  const payload = sha1(linesText(command));
  if (hold.generation !== generation) {
    const earlier = world.operations.get(key);
    return earlier?.payload === payload ? decided("replayed", earlier.replay) : null;
  }
  const { endReason } = reservationOf(world, hold);
  if (command.reacquireAs === undefined || endReason !== "expired") return null;
  if (isJournalFull(call)) return decided("full", { fault: "journal_full" });
  const had = sums(linesOf(hold).map(({ productId, released }) => [productId, released]));
  const wanted = wantedOf(command, had);
  if (!(wanted instanceof Map)) return wanted;
  const lines = [...had.keys()].flatMap((productId) => {
    const quantity = wanted.get(productId);
    return quantity === undefined ? [] : [{ productId, quantity, location: null }];
  });
  const buyer = { customerId: hold.customerId, createdAt: call.now, isSale: true };
  const { measured, short, refused } = measure(call, lines, undefined, buyer);
  if (short.length > 0) {
    if (world.swept < nowSecond(call)) return decided("due");
    return refused;
  }
  const sale: Hold = {
    ...hold,
    generation: command.reacquireAs,
    createdAt: call.now,
    leftAs: "cancelled",
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
  const decision = doneWith(world, sale, command);
  world.operations.set(key, { payload, replay: decision.replay });
  return { ...decision, alsoUnder: { key, payload } };
}

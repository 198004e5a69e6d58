/** transfer on the model: units go from one location to another, in two movements. */
import * as fc from "fast-check";
import { campaignAt } from "#inventory/model";
import type { TransferCommand } from "#inventory/location-ports";
import { aboveLimit, decided, done, move, once, type Call, type Decision } from "#model/call";
import {
  amounts,
  fullest,
  knownProduct,
  locationAt,
  locationNumbers,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  type Shape,
} from "#model/plan";
import { levelsOf, onHandOf, productOf } from "#model/world";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    amount: amounts(shape),
    /** One of the product's levels mostly, where there is one. */
    from: fc.nat({ max: 127 }),
    isStrange: seldom(6, fc.constant(true)),
    /** null: the product's home, which may be full. */
    to: seldom(2, locationNumbers(shape)),
    expected: seldom(3, fc.constantFrom("right" as const, "wrong" as const)),
  });

export const transfers = (shape: Shape) => transfersOf(choices(shape));

/** Brings what can be moved from beside it to the fullest level that there is. */
export const overflows = () =>
  plans("transfer", fc.record({ from: fc.nat({ max: 3 }) }), (scene, { from: index }, base) => {
    const full = fullest(scene);
    const from = locationAt(scene, index);
    if (!full || from === undefined || from === full.location) return null;
    const { productId } = full.product;
    const command: TransferCommand = {
      ...base(productId),
      productId,
      from,
      to: full.location,
      quantity: 1,
      expectedQuantity: null,
    };
    return {
      submit: (store) => store.transfer(command),
      decide: (call) => decideTransfer(call, command),
    };
  });

const transfersOf = (chosen: ReturnType<typeof choices>) =>
  plans(
    "transfer",
    chosen,
    (scene, choice, base) => {
      const { product, amount, from: fromIndex, isStrange, to: toIndex, expected } = choice;
      const productId = productAt(scene, product);
      const known = knownProduct(scene, productId);
      const levels = known ? levelsOf(known) : new Map();
      const own = [...levels.keys()].filter((it) => campaignAt(it) === null);
      const from =
        isStrange === null && own.length > 0
          ? own[fromIndex % own.length]
          : locationAt(scene, fromIndex);
      const to = toIndex === null ? own[0] : locationAt(scene, toIndex);
      if (from === undefined || to === undefined || from === to) return null;
      const level = levels.get(from) ?? { onHand: 0, reserved: 0 };
      const command: TransferCommand = {
        ...base(productId),
        productId,
        from,
        to,
        quantity: unitsOf(amount, level.onHand - level.reserved),
        expectedQuantity:
          expected === null ? null : (known ? onHandOf(known) : 0) + (expected === "wrong" ? 1 : 0),
      };
      return {
        submit: (store) => store.transfer(command),
        decide: (call) => decideTransfer(call, command),
      };
    },
    1,
  );

function decideTransfer(call: Call, command: TransferCommand): Decision {
  const { from, to, quantity, expectedQuantity, context } = command;
  return once(call, command.operation, () => {
    const product = call.world.products.get(command.productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    if (expectedQuantity !== null && expectedQuantity !== onHandOf(product)) {
      const outcome = { kind: "expected_mismatch", product: productOf(product) };
      return decided("expected_mismatch", outcome);
    }
    const levels = levelsOf(product);
    const source = levels.get(from) ?? { onHand: 0, reserved: 0 };
    if (source.onHand - quantity < source.reserved) {
      return decided("below_reserved", { kind: "below_reserved", ...source });
    }
    const isNew = !levels.has(to);
    const above = aboveLimit(product, to, quantity);
    if (above) return above;
    if (isNew) call.amended.add(product);
    move(call, { type: "TRANSFER", product, location: from, onHand: -quantity, context });
    move(call, { type: "TRANSFER", product, location: to, onHand: quantity, context });
    const outcome = { kind: "transferred", product: productOf(product), replayed: false };
    return done("transferred", outcome, { ...outcome, replayed: true });
  });
}

/** sell on the model: units leave what is available for good, without a hold. */
import * as fc from "fast-check";
import type { SellCommand } from "#inventory/ports";
import { decided, done, move, nowSecond, once, type Call, type Decision } from "#model/call";
import { shopper } from "#model/names";
import {
  amounts,
  knownProduct,
  locationAt,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  type Shape,
} from "#model/plan";
import { measure, places } from "#model/stock-taken";
import { availableOf, onHandOf, productOf } from "#model/world";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    amount: amounts(shape),
    /** null: any, home first. */
    at: seldom(4, fc.nat({ max: 127 })),
    expected: seldom(4, fc.constantFrom("right" as const, "wrong" as const)),
    /** null: of no order. Two in three of the others have a customer, whom a limit counts. */
    order: fc.option(fc.nat({ max: 5 }), { freq: 3 }),
  });

/** Sales are few, and of one product fewer: few keys, or they would hardly meet again. */
const KEYS = 1;

export const sells = (shape: Shape) =>
  plans(
    "sell",
    choices(shape),
    (scene, { product, amount, at, expected, order }, base) => {
      const productId = productAt(scene, product);
      const known = knownProduct(scene, productId);
      const { context, ...common } = base(productId);
      const { orderId, customerId } =
        order === null ? { orderId: null, customerId: null } : shopper(order);
      const whose = {
        ...(orderId === null ? {} : { orderId }),
        ...(customerId === null ? {} : { customerId }),
      };
      const command: SellCommand = {
        ...common,
        context: { ...context, ...whose },
        customerId,
        productId,
        quantity: unitsOf(amount, known ? availableOf(known) : 0),
        location: at === null ? null : (locationAt(scene, at) ?? null),
        expectedQuantity:
          expected === null ? null : (known ? onHandOf(known) : 0) + (expected === "wrong" ? 1 : 0),
      };
      return {
        submit: (store) => store.sell(command),
        decide: (call) => decideSell(call, command),
      };
    },
    KEYS,
  );

function decideSell(call: Call, command: SellCommand): Decision {
  const { expectedQuantity, context } = command;
  return once(call, command.operation, () => {
    const product = call.world.products.get(command.productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    if (expectedQuantity !== null && expectedQuantity !== onHandOf(product)) {
      const outcome = { kind: "expected_mismatch", product: productOf(product) };
      return decided("expected_mismatch", outcome);
    }
    const buyer = { customerId: command.customerId, createdAt: call.now, isSale: true };
    const { measured, short, refused } = measure(call, [command], undefined, buyer);
    if (short.length > 0) {
      if (call.world.swept < nowSecond(call)) return decided("due");
      return refused;
    }
    const allocations = measured.flatMap((line) => places(product, line));
    for (const { location, quantity } of allocations) {
      move(call, { type: "SALE", product, location, onHand: -quantity, context });
    }
    const outcome = { kind: "sold", product: productOf(product), allocations, replayed: false };
    return done("sold", outcome, { ...outcome, replayed: true });
  });
}

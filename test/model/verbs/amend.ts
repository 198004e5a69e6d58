/** amend on the model: attributes change, stock does not; a movement says so. */
import * as fc from "fast-check";
import type { AmendCommand } from "#inventory/ports";
import { decided, done, move, once, type Call, type Decision } from "#model/call";
import { knownProduct, plans, productAt, productNumbers, seldom, type Shape } from "#model/plan";
import { attributes } from "#model/verbs/initialize";
import { homeOf, productOf } from "#model/world";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    changes: fc
      .record(attributes, { requiredKeys: [] })
      .map((changes) => (Object.keys(changes).length === 0 ? { name: "renamed" } : changes)),
    expected: seldom(3, fc.constantFrom("right" as const, "wrong" as const)),
  });

export const amends = (shape: Shape) =>
  plans("amend", choices(shape), (scene, { product, changes, expected }, base) => {
    const productId = productAt(scene, product);
    const seq = knownProduct(scene, productId)?.moves.at(-1)?.seq ?? 0;
    const command: AmendCommand = {
      ...base(productId),
      productId,
      changes,
      expectedSeq: expected === null ? null : seq + (expected === "wrong" ? 1 : 0),
    };
    return {
      submit: (store) => store.amend(command),
      decide: (call) => decideAmend(call, command),
    };
  });

function decideAmend(call: Call, command: AmendCommand): Decision {
  const { changes, expectedSeq, context } = command;
  return once(call, command.operation, () => {
    const product = call.world.products.get(command.productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    const before = productOf(product);
    if (expectedSeq !== null && expectedSeq !== before.seq) {
      return decided("expected_mismatch", { kind: "expected_mismatch", product: before });
    }
    const had = product.attributes.maxPerCustomer !== null;
    product.attributes = { ...product.attributes, ...changes };
    const has = product.attributes.maxPerCustomer !== null;
    if (had !== has) product.limitSince = has ? call.now + 1 : null;
    // What was made in this very millisecond came before it.
    if (has && !had) call.countsFrom = call.now + 1;
    call.amended.add(product);
    move(call, { type: "ATTRIBUTE", product, location: homeOf(product), context });
    const outcome = { kind: "amended", product: productOf(product), replayed: false };
    return done("amended", outcome, { ...outcome, replayed: true });
  });
}

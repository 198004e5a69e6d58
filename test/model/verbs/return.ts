/** return on the model: units of an order come back, as many as the ledger says were sold. */
import * as fc from "fast-check";
import { DISPOSITIONS, STOCK_MAX } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import type { ReturnCommand } from "#inventory/ports";
import { aboveLimit, decided, done, move, once, type Call, type Decision } from "#model/call";
import { hasRules, sinceOf } from "#model/limits";
import { shopper } from "#model/names";
import { campaignAt } from "#model/verbs/campaigns";
import {
  amounts,
  knownProduct,
  locationAt,
  locationNumbers,
  plans,
  productAt,
  productNumbers,
  seldom,
  unitsOf,
  worldOfProduct,
  type Shape,
} from "#model/plan";
import { homeOf, levelsOf, productOf, seqOf, type World } from "#model/world";

const choices = (shape: Shape) =>
  fc.record({
    product: productNumbers(shape),
    amount: amounts(shape),
    at: seldom(3, locationNumbers(shape)),
    disposition: fc.constantFrom(...DISPOSITIONS),
    order: fc.nat({ max: 3 }),
    /** How far behind the ledger's word is, in movements. */
    behind: fc.oneof(fc.constant(0), fc.nat({ max: 20 })),
    sold: fc.constantFrom(5, STOCK_MAX, STOCK_MAX, 1, 0),
    returned: fc.constantFrom(0, 1, 5),
    /** What the ledger says was sold before and since a limit of the product; null: it knows of no limit. */
    lots: seldom(2, fc.tuple(fc.nat({ max: 2 }), fc.constantFrom(0, 1, 3, 1_000))),
    back: fc.nat({ max: 3 }),
    /** Whether it says that the later ones were sold through a campaign. */
    campaign: seldom(2, fc.nat({ max: 63 })),
  });

export const returns = (shape: Shape) =>
  plans("return", choices(shape), (scene, choice, base) => {
    const productId = productAt(scene, choice.product);
    const { orderId, customerId } = shopper(choice.order);
    const known = knownProduct(scene, productId);
    const since = known ? sinceOf(known) : 0;
    const [before, after] = choice.lots ?? [0, 0];
    const found = choice.campaign === null ? null : campaignAt(scene, choice.campaign);
    const through = found ? { campaignId: found[1].campaignId } : {};
    const steps = [
      { at: Math.max(0, since - 1), units: before },
      { at: null, units: choice.back },
      { at: since, units: after, ...through },
    ].filter(({ units }) => units > 0);
    const isKnown = customerId !== null && choice.lots !== null;
    const limit = isKnown ? { limit: { customerId, steps } } : {};
    const { context, ...common } = base(productId);
    const { sold, returned } = choice;
    const seq = Math.max(0, seqOf(worldOfProduct(scene, productId)) - choice.behind);
    const command: ReturnCommand = {
      ...common,
      context: { ...context, ...(orderId === null ? {} : { orderId }) },
      productId,
      location: choice.at === null ? null : (locationAt(scene, choice.at) ?? null),
      quantity: unitsOf(choice.amount, sold - returned),
      disposition: choice.disposition,
      owner: ownerOf(null, orderId, productId),
      sales: { seq, sold, returned, ...limit },
    };
    return {
      submit: (store) => store.return(command),
      decide: (call) => decideReturn(call, command),
    };
  });

const wasSoldSince = ({ moves }: World, { productId, context, sales }: ReturnCommand): boolean =>
  moves.slice(sales.seq).some((later) => {
    const { orderId = null } = later.hold ?? later.context;
    const isOfOrder = orderId !== null && orderId === (context.orderId ?? null);
    return later.type === "SALE" && later.product?.productId === productId && isOfOrder;
  });

function decideReturn(call: Call, command: ReturnCommand): Decision {
  const { productId, quantity, owner, sales, disposition, context } = command;
  const { world } = call;
  return once(call, command.operation, () => {
    const product = world.products.get(productId);
    if (!product) return decided("unknown", { kind: "unknown_product" });
    // Another return since then: the ledger's sums may lack it.
    if (sales.seq < (world.returns.get(owner) ?? 0)) return decided("moved");
    // Or another sale, which a limit would count before what comes back.
    if (hasRules(world, product, call.now) && wasSoldSince(world, command)) {
      return decided("moved");
    }
    const { sold } = sales;
    if (sales.returned + quantity > sold) {
      return decided("exceeds", { kind: "exceeds_sold", sold, returned: sales.returned });
    }
    const location = command.location ?? homeOf(product);
    const levels = levelsOf(product);
    const isNew = !levels.has(location);
    const above = aboveLimit(product, location, quantity);
    if (above) return above;
    if (isNew) call.amended.add(product);
    const { limit } = sales;
    const back = limit ? { back: limit } : {};
    move(call, { type: "RETURN", product, location, onHand: quantity, context, ...back });
    world.returns.set(owner, seqOf(world));
    if (disposition === "scrap") {
      move(call, { type: "ADJUSTMENT", product, location, onHand: -quantity, context });
    }
    const returned = sales.returned + quantity;
    const outcome = { kind: "returned", product: productOf(product), sold, returned };
    return done("returned", { ...outcome, replayed: false }, { ...outcome, replayed: true });
  });
}

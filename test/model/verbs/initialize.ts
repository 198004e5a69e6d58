/** initialize on the model: a product comes to be with its first movement. */
import * as fc from "fast-check";
import { type Location, QUANTITY_MAX, STOCK_MAX, type Attributes } from "#inventory/model";
import type { InitializeCommand } from "#inventory/ports";
import { decided, done, move, once, type Call, type Decision } from "#model/call";
import { PRINTABLE_TEXTS, skuOf } from "#model/names";
import {
  locationAt,
  plans,
  productAt,
  productNumbers,
  seldom,
  worldOfProduct,
  type Scene,
  type Shape,
} from "#model/plan";
import { productOf } from "#model/world";

const THRESHOLDS = [10, 0, 1, STOCK_MAX] as const;

/** Each attribute that may be named, at its limits. */
export const attributes = {
  name: fc.constantFrom(null, ...PRINTABLE_TEXTS),
  price: fc.constantFrom(null, 0, 0.01, 19.99, 1_234_567, 999_999_999.99),
  lowStockThreshold: fc.constantFrom(...THRESHOLDS),
  reorderPoint: fc.constantFrom(...THRESHOLDS),
  reorderQuantity: fc.constantFrom(...THRESHOLDS),
  safetyStock: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, 5, STOCK_MAX) },
  ),
  maxPerCustomer: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 4, arbitrary: fc.constantFrom(3, 8, 20, QUANTITY_MAX) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, STOCK_MAX) },
  ),
};

export const initialStocks = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(5, 0, 1, 20, 100, 1_000) },
  { weight: 3, arbitrary: fc.constantFrom(1_000_000_000, STOCK_MAX - 1, STOCK_MAX) },
);

/** A product is made once: few keys, or they would hardly meet again. */
const KEYS = 1;

/** In a rich world nothing is missing: of a cart with many lines one would have it refused. */
const PLENTIFUL = {
  sku: fc.constant(null),
  initialStock: fc.constant(100_000_000),
  safetyStock: fc.constant(0),
  maxPerCustomer: fc.constant(null),
};

const choices = (shape: Shape, product: fc.Arbitrary<number>) =>
  fc.record({
    product,
    /** null: the product's own. */
    sku: seldom(4, fc.nat({ max: 7 })),
    initialStock: initialStocks,
    at: fc.nat({ max: shape.locations - 1 }),
    ...attributes,
    ...(shape.isRich ? PLENTIFUL : {}),
  });

export const initializes = (shape: Shape) => initializesOf(shape, productNumbers(shape));

/** Of products by number: a run begins with some. */
export const initializesOf = (shape: Shape, numbers: fc.Arbitrary<number>) =>
  plans(
    "initialize",
    choices(shape, numbers),
    (scene, { product, sku, at, ...more }, base) => {
      const productId = productAt(scene, product);
      const location = locationAt(scene, at);
      if (location === undefined) return null;
      const command: InitializeCommand = {
        ...more,
        ...base(productId),
        productId,
        sku: skuOf(sku ?? product % scene.shape.products),
        location,
      };
      const claim = claimed(scene, command);
      if (claim === null) return null;
      return {
        submit: (store) => store.initialize(command),
        decide: claim.mayRun ? (call) => decideInitialize(call, command) : null,
        unsent: claim.unsent,
      };
    },
    KEYS,
  );

/** What comes of its SKU: null where another command of the step makes that a race of its own. */
function claimed(scene: Scene, { productId, sku }: InitializeCommand) {
  // A product that is there claims nothing.
  const isThere = worldOfProduct(scene, productId).products.has(productId);
  if (isThere) return { mayRun: true, unsent: [] };
  const other = scene.step.skus.get(sku);
  if (other !== undefined && other !== productId) return null;
  scene.step.skus.set(sku, productId);
  const holder = scene.claims.get(sku);
  if (holder === undefined || holder === productId) return { mayRun: true, unsent: [] };
  // Its holder is looked at between two scripts: nothing else may move it meanwhile.
  if (scene.step.size > 1) return null;
  const product = worldOfProduct(scene, holder).products.get(holder);
  const taken = {
    kind: "sku_taken",
    productId: holder,
    product: product ? productOf(product) : null,
  };
  // A claim of nobody is taken over once it is old; which it is, the store decides.
  if (!product) return { mayRun: true, unsent: [taken] };
  const isHolders = product.attributes.sku === sku;
  return { mayRun: !isHolders, unsent: isHolders ? [taken] : [] };
}

export function decideInitialize(call: Call, command: InitializeCommand): Decision {
  const { productId, initialStock, location, context, operation, deadline: _, ...named } = command;
  const attributesNamed: Attributes = named;
  return once(call, operation, () => {
    const existing = call.world.products.get(productId);
    if (existing) return decided("exists", { kind: "exists", product: productOf(existing) });
    const product = {
      productId,
      attributes: attributesNamed,
      moves: [],
      gone: new Set<Location>(),
      registry: call.world.registry,
    };
    call.world.products.set(productId, product);
    call.amended.add(product);
    move(call, { type: "INITIAL", product, location, onHand: initialStock, context });
    const outcome = { kind: "initialized", product: productOf(product), replayed: false };
    return done("initialized", outcome, { ...outcome, replayed: true });
  });
}

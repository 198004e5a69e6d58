/** What contract C takes and answers. Fields it does not know are ignored, as they were before. */
import { z } from "zod";
import { ProblemBody } from "#http/wire/answers";
import { Cursor, ProductId } from "#http/wire/fields";
import { Location, OrderId, Quantity, StockCount } from "#inventory/model";

/** Its ids are numbers, and come as texts in a path: either form means the same product. */
const Id = z
  .union([z.int().min(0), z.string()], "must be a text or a whole number below 2^53")
  .transform(String);

export const ProductParam = z.object({ productId: ProductId });

export const ListQuery = z.object({ cursor: Cursor.optional() });

/** Of reserve, release and deduct. */
export const MoveBody = z.object({
  quantity: Quantity,
  /** Not given, or null: the hold is the product's own. */
  orderId: Id.pipe(OrderId).nullish(),
});

export const QuantityBody = z.object({ quantity: StockCount });

export const AddBody = z.object({
  productId: Id.pipe(ProductId),
  quantity: StockCount,
  location: Location.nullish(),
});

const Units = z.int().min(0);
const ITEM = {
  /** A number where it is one below 2^53. */
  productId: z.union([z.string(), z.int()]),
  quantity: Units,
  reserved: Units,
  location: z.string(),
};

export const ItemAnswer = z.strictObject(ITEM).meta({ id: "EurekaItem" });
export type ItemAnswer = Readonly<z.output<typeof ItemAnswer>>;

export const ReservedAnswer = z.strictObject({ ...ITEM, available: Units });

/** A product as the product service has it. */
const ServiceProduct = z.looseObject({ name: z.string() });
export const ListAnswer = z.array(z.strictObject({ ...ITEM, product: ServiceProduct.optional() }));

export const InfoAnswer = z.strictObject({
  service: z.string(),
  instanceId: z.string(),
  version: z.string(),
});

/** Contract A's problems; those of stock say how much of it there is. */
export const ErrorBody = z
  .strictObject({
    ...ProblemBody.shape,
    available: z.int().min(0).optional(),
    reserved: z.int().min(0).optional(),
  })
  .meta({ id: "EurekaError" });

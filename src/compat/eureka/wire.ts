/** What contract C takes. Fields it does not know are ignored, as the service it replaces did. */
import { z } from "zod";
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

/** What contract B takes. Fields it does not know are ignored, as the service it replaces did. */
import { z } from "zod";
import { Cursor, Price, ProductId } from "#http/wire/fields";
import { Quantity, StockCount, Text } from "#inventory/model";

export const ProductParam = z.object({ product_id: ProductId });

export const ListQuery = z.object({ cursor: Cursor.optional() });

/** Of reserve and replenish. */
export const QuantityBody = z.object({ quantity: Quantity });

/** Fields whose numbers may have a fraction; all others are whole. */
export const DECIMALS: ReadonlySet<PropertyKey> = new Set(["price"]);

export const CreateBody = z.object({
  product_id: ProductId,
  name: Text,
  quantity: StockCount,
  price: Price,
});

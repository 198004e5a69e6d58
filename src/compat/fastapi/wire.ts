/** What contract B takes and answers. Fields it does not know are ignored, as they were before. */
import { z } from "zod";
import { Cursor, Price, ProductId } from "#http/wire/fields";
import { TAKEN_NAMES } from "#inventory/initialize";
import { Quantity, STOCK_STATUSES, StockCount, Text } from "#inventory/model";

export const ProductParam = z.object({ product_id: ProductId });

export const ListQuery = z.object({ cursor: Cursor.optional() });

/** Of reserve and replenish. */
export const QuantityBody = z.object({ quantity: Quantity });

/** Fields whose numbers may have a fraction; all others are whole. */
export const DECIMALS: ReadonlySet<PropertyKey> = new Set(["price"]);

export const CreateBody = z.object({
  product_id: ProductId.refine((id) => !TAKEN_NAMES.has(id), "is a word of ours and names nothing"),
  name: Text,
  quantity: StockCount,
  price: Price,
});

const Units = z.int().min(0);
const Time = z.iso.datetime({ precision: 3 });
const NAMED = { product_id: z.string(), name: z.string() };

export const ProductAnswer = z.strictObject({
  ...NAMED,
  quantity: Units,
  price: z.number().min(0),
});
export type ProductAnswer = z.output<typeof ProductAnswer>;

export const ListAnswer = z.strictObject({ count: Units, products: z.array(ProductAnswer) });

export const CreatedAnswer = z.strictObject({ message: z.string(), product: ProductAnswer });

export const StatusAnswer = z.strictObject({
  ...NAMED,
  quantity: Units,
  status: z.enum(STOCK_STATUSES),
  timestamp: Time,
});
export type StatusAnswer = z.output<typeof StatusAnswer>;

export const ReservedAnswer = z.strictObject({
  ...NAMED,
  previous_quantity: Units,
  reserved_quantity: Units,
  remaining_quantity: Units,
  timestamp: Time,
});
export type ReservedAnswer = z.output<typeof ReservedAnswer>;

export const ReplenishedAnswer = z.strictObject({
  ...NAMED,
  previous_quantity: Units,
  replenished_quantity: Units,
  new_quantity: Units,
  timestamp: Time,
});
export type ReplenishedAnswer = z.output<typeof ReplenishedAnswer>;

const Detail = z.strictObject({
  type: z.string(),
  loc: z.array(z.union([z.string(), z.int()])).readonly(),
  msg: z.string(),
  input: z.unknown(),
});
export type Detail = Readonly<z.output<typeof Detail>>;

/** Of every refusal. */
export const ErrorBody = z
  .strictObject({ detail: z.union([z.string(), z.array(Detail)]) })
  .meta({ id: "FastapiError" });

/** Answers about counts. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { bulkOf } from "#http/wire/answers";
import { MOVEMENT_TYPES } from "#inventory/model";

const Counted = z.strictObject({
  productId: z.string(),
  location: z.string(),
  countedAt: Time,
  counted: Units,
  expected: z.int(),
  delta: z.int(),
  moved: z.array(z.strictObject({ type: z.enum(MOVEMENT_TYPES), quantity: z.int() })).readonly(),
  totalStock: Units,
  reservedStock: Units,
});

export const CountsAnswer = bulkOf(Counted).extend({ committed: z.boolean() });

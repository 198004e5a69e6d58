/** Refusals in contract C's words: contract A's problems, whose `error` is what its callers read. */
import { z } from "zod";
import type { Contract } from "#http/contract";
import { Problem } from "#http/problem";
import { refusal } from "#http/reply";
import { createValidators, refusalOf } from "#http/validate";
import { Fault } from "#inventory/faults";

const BAD_REQUEST = 400;

/** Contract A's answer, except that too little stock is no conflict here. */
export const word: Contract["word"] = ({ code, message, members, headers }, c) => {
  const answer = refusal(c, code, message, members, headers);
  if (code !== "insufficient_stock") return answer;
  return { ...answer, status: BAD_REQUEST, body: { ...answer.body, status: BAD_REQUEST } };
};

/** Validators of paths, queries and bodies; a path that names no possible product has none. */
export const { validate } = createValidators((issues, input, target) => {
  if (target === "param") return unknownItem();
  return worded(issues, input, null);
});

/** Of the call that adds stock: what it must have has words of its own when it is missing. */
export const { validate: validateAdded } = createValidators((issues, input) =>
  worded(issues, input, "ProductId and quantity are required"),
);

export const unknownItem = (): Problem =>
  new Problem("product_not_found", "Inventory item not found");

/** What contract C has no words for is worded as in contract A, by the field's name. */
function worded(issues: readonly z.core.$ZodIssue[], input: unknown, whenMissing: string | null) {
  const refused = refusalOf(issues, input);
  const message = ownWords(Sent.parse(input), whenMissing);
  if (message === null || !(refused instanceof Fault)) return refused;
  return new Fault("validation_failed", message, { errors: [...refused.errors] });
}

/** The two fields as they came, whatever they are. */
const Sent = z
  .object({ productId: z.unknown().optional(), quantity: z.unknown().optional() })
  .catch({});

function ownWords({ productId, quantity }: z.output<typeof Sent>, whenMissing: string | null) {
  const isLacking = isMissing(productId) || isMissing(quantity);
  if (isLacking && whenMissing !== null) return whenMissing;
  return typeof quantity === "number" && quantity < 0 ? "Quantity cannot be negative" : null;
}

const isMissing = (value: unknown): boolean => value === undefined || value === null;

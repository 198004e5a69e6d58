/** How many units there are, where a source says it in several fields. */
import { type FieldName, type Fields } from "#import/fields";
import type { Held, RowError } from "#import/rows";

/** Units on hand, held ones among them; `held` is null where the source does not count them. */
export type Stock = { readonly onHand: unknown; readonly held: Held | null } | RowError;

const COUNTS: readonly FieldName[] = ["onHand", "available", "reserved"];

/**
 * What a record says of its stock. Where it says one thing twice, or the sum and its parts, they
 * must agree: what does not add up is for a person to decide, not for an import.
 */
export function stockOf(fields: Fields): Stock {
  for (const field of COUNTS) {
    const error = contradiction(fields, field);
    if (error !== null) return error;
  }
  const [total, available] = [fields.get("onHand"), fields.get("available")];
  const reserved = fields.get("reserved");
  const held =
    typeof reserved === "number" ? { units: reserved, field: fields.nameOf("reserved") } : null;
  if (available === undefined) return { onHand: total, held };
  if (typeof available !== "number") return notNumber(fields, "available");
  const units = held?.units ?? 0;
  const sum = available + units;
  const safety = fields.get("safetyStock") ?? 0;
  const parts = `${fields.nameOf("available")} ${available} + ${fields.nameOf("reserved")} ${units}`;
  const field = fields.nameOf("onHand");
  if (total === undefined) {
    if (safety === 0) return { onHand: sum, held };
    const reason = `is missing: ${parts} may or may not have the safety stock of ${shown(safety)}`;
    return { field, reason };
  }
  // Units that are kept as safety stock are neither free nor held.
  const free = Math.max(0, Number(total) - units - Number(safety));
  if (total === sum || (safety !== 0 && available === free)) return { onHand: total, held };
  return { field, reason: `is ${fields.text("onHand")}, but ${parts} is ${sum}` };
}

/** Why what a record says of one count is none, or two. */
function contradiction(fields: Fields, field: FieldName): RowError | null {
  const [first, ...others] = fields.all(field);
  if (first === undefined) return null;
  const other = others.find(({ value }) => value !== first.value);
  if (other !== undefined) {
    const reason = `is ${shown(other.value)}, but ${first.name} is ${shown(first.value)}`;
    return { field: other.name, reason };
  }
  if (field !== "reserved" || typeof first.value === "number") return null;
  return notNumber(fields, field);
}

const notNumber = (fields: Fields, field: FieldName): RowError => {
  return { field: fields.nameOf(field), reason: "must be a number" };
};

const shown = (value: unknown): string => JSON.stringify(value) ?? "";

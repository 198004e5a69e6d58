/** How many units there are, where a source says it in several fields. */
import { type Fields } from "#import/fields";

export type Stock =
  { readonly onHand: unknown } | { readonly field: string; readonly reason: string };

/**
 * Units on hand, held ones among them. Where the source has its sum and its parts, they must agree:
 * what does not add up is for a person to decide, not for an import.
 */
export function onHandOf(fields: Fields): Stock {
  const [total, available] = [fields.get("onHand"), fields.get("available")];
  const reserved = fields.get("reserved") ?? 0;
  if (available === undefined) return { onHand: total };
  if (typeof available !== "number") {
    return { field: fields.nameOf("available"), reason: "must be a number" };
  }
  if (typeof reserved !== "number") {
    return { field: fields.nameOf("reserved"), reason: "must be a number" };
  }
  const sum = available + reserved;
  // Units that are kept as safety stock are neither.
  const mayDiffer = fields.get("safetyStock") !== undefined;
  if (total === undefined) return { onHand: sum };
  if (total === sum || mayDiffer) return { onHand: total };
  const parts = `${fields.nameOf("available")} ${available} + ${fields.nameOf("reserved")} ${reserved}`;
  return {
    field: fields.nameOf("onHand"),
    reason: `is ${fields.text("onHand")}, but ${parts} is ${sum}`,
  };
}

/** Units in holds; null where the source does not count them. */
export function heldOf(fields: Fields): number | null {
  const reserved = fields.get("reserved");
  return typeof reserved === "number" ? reserved : null;
}

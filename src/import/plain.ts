/** A product in plain fields, as JSON and CSV have it. */
import { attributesOf, fieldsOf, textOfId, type Fields } from "#import/fields";
import { holdRow, productRow, refused, type Place, type Row } from "#import/rows";
import { heldOf, onHandOf } from "#import/stock";

interface Plain {
  readonly heldBy: string | null;
  readonly onIgnored: (field: string) => void;
}

/** The product of a record, and the hold on what it counts as held. */
export function plainRows(
  at: Place,
  record: Iterable<readonly [string, unknown]>,
  { heldBy, onIgnored }: Plain,
): readonly Row[] {
  const fields = fieldsOf(record);
  for (const name of fields.ignored) onIgnored(name);
  const levels = levelsOf(fields);
  if (!Array.isArray(levels)) return [refused(at, levels.field, levels.reason)];
  const reserved = fields.get("reserved");
  if (reserved !== undefined && typeof reserved !== "number") {
    return [refused(at, fields.nameOf("reserved"), "must be a number")];
  }
  const held = heldOf(fields);
  const attributes = attributesOf(fields);
  const product = productRow(at, { values: attributes, levels, held, nameOf: fields.nameOf });
  if (product.kind !== "product" || held === null || held === 0) return [product];
  if (heldBy === null) return [refused(at, fields.nameOf("reserved"), NOBODYS(held))];
  const productId = textOfId("productId", fields.get("productId"));
  const values = { productId, orderId: heldBy, quantity: held };
  const nameOf = (field: string) => fields.nameOf(field === "quantity" ? "reserved" : field);
  const hold = holdRow(at, { sourceId: null, values, expiresAt: null, nameOf });
  return hold.kind === "hold" ? [product, hold] : [hold];
}

const NOBODYS = (held: number): string =>
  `${held} units are held and the file does not say for whom: end these holds first, ` +
  "or hold them for one order with --held-by ORDER";

type Levels = { readonly location: unknown; readonly onHand: unknown }[];

function levelsOf(fields: Fields): Levels | { field: string; reason: string } {
  const total = onHandOf(fields);
  if ("reason" in total) return total;
  const listed = fields.get("locations");
  if (listed === undefined) return [{ location: fields.get("location"), onHand: total.onHand }];
  const field = fields.nameOf("locations");
  if (!Array.isArray(listed)) return { field, reason: "must be a list" };
  if (listed.length === 0) return [{ location: undefined, onHand: total.onHand }];
  const levels: Levels = [];
  for (const entry of listed) {
    const isObject = typeof entry === "object" && entry !== null;
    const level = fieldsOf(Object.entries(isObject ? entry : {}));
    levels.push({ location: level.get("location"), onHand: level.get("onHand") });
  }
  const sum = levels.reduce((units, { onHand }) => units + Number(onHand), 0);
  if (total.onHand === undefined || total.onHand === sum) return levels;
  return {
    field,
    reason: `sum up to ${sum}, but ${fields.nameOf("onHand")} is ${fields.text("onHand")}`,
  };
}

/** A product in plain fields, as JSON and CSV have it. */
import { attributesOf, fieldsOf, textOfId, type Fields } from "#import/fields";
import { ofProduct, productRow, refused } from "#import/rows";
import type { Held, Place, Row, RowError } from "#import/rows";
import { stockOf } from "#import/stock";

/** The product of a record, or of one of its locations. */
export function plainRow(
  at: Place,
  record: Iterable<readonly [string, unknown]>,
  onIgnored: (field: string) => void,
): Row {
  const fields = fieldsOf(record);
  for (const name of fields.ignored) onIgnored(name);
  const attributes = attributesOf(fields);
  const stock = levelsOf(fields);
  if ("reason" in stock) {
    const productId = textOfId("productId", fields.get("productId"));
    return ofProduct(refused(at, stock.field, stock.reason), productId);
  }
  return productRow(at, { values: attributes, ...stock, nameOf: fields.nameOf });
}

interface Levels {
  readonly levels: readonly { readonly location: unknown; readonly onHand: unknown }[];
  readonly held: Held | null;
}

/** What there is at each location, which must be what the record has of them all. */
function levelsOf(fields: Fields): Levels | RowError {
  const total = stockOf(fields);
  if ("reason" in total) return total;
  const { onHand, held } = total;
  const listed = fields.get("locations");
  if (listed === undefined) {
    return { levels: [{ location: fields.get("location"), onHand }], held };
  }
  const field = fields.nameOf("locations");
  if (!Array.isArray(listed)) return { field, reason: "must be a list" };
  if (listed.length === 0) return { levels: [{ location: undefined, onHand }], held };
  const levels: { location: unknown; onHand: unknown }[] = [];
  let heldThere: number | null = null;
  for (const [index, entry] of listed.entries()) {
    const isObject = typeof entry === "object" && entry !== null;
    const level = fieldsOf(Object.entries(isObject ? entry : {}));
    const stock = stockOf(level);
    const where = `of location ${index + 1}`;
    if ("reason" in stock) return { field, reason: `${where}: ${stock.field} ${stock.reason}` };
    const units = stock.held?.units ?? null;
    if (units !== null && (units < 0 || units > Number(stock.onHand))) {
      const there = `but there are ${level.text("onHand")} units`;
      return { field, reason: `${where}: ${stock.held?.field ?? ""} is ${units}, ${there}` };
    }
    if (units !== null) heldThere = (heldThere ?? 0) + units;
    levels.push({ location: level.get("location"), onHand: stock.onHand });
  }
  const sum = levels.reduce((units, level) => units + Number(level.onHand), 0);
  if (onHand !== undefined && onHand !== sum) {
    const whole = `${fields.nameOf("onHand")} is ${fields.text("onHand")}`;
    return { field, reason: `sum up to ${sum}, but ${whole}` };
  }
  if (held !== null && heldThere !== null && held.units !== heldThere) {
    return { field, reason: `hold ${heldThere}, but ${held.field} is ${held.units}` };
  }
  return { levels, held: held ?? (heldThere === null ? null : { units: heldThere, field }) };
}

/**
 * The three tables of the DynamoDB service: `data/*.json.gz` of an export to S3, and what
 * `aws dynamodb scan` prints. Which table an item is of shows in its attributes.
 */
import { attributesOf, fieldsOf, momentOf, textOfId, type Fields } from "#import/fields";
import { jsonObjects } from "#import/json-objects";
import { holdRow, ofProduct, productRow, refused } from "#import/rows";
import type { Place, Row, Source } from "#import/rows";
import { stockOf } from "#import/stock";

/** Of a hold that takes stock until it is due. */
const LIVE = new Set(["active", "pending", "reserved"]);
const ENDED = new Set(["confirmed", "cancelled", "canceled", "expired", "released", "completed"]);
const MOVEMENT_TYPES = new Set(["initial", "restock", "sale", "return", "adjustment"]);

/** Rows of all files, in their order. */
export const dynamodb: Source = async function* ({ files, now, onBytes, onIgnored }) {
  for (const file of files) {
    for await (const object of jsonObjects(file, onBytes)) {
      if (object.kind !== "object") yield object;
      else yield rowOf(object.at, object.value, now, onIgnored);
    }
  }
};

function rowOf(
  at: Place,
  line: ReadonlyMap<string, unknown>,
  now: number,
  onIgnored: (field: string) => void,
): Row {
  const item = line.get("Item");
  const attributes = isRecord(item) ? new Map(Object.entries(item)) : line;
  const plain: [string, unknown][] = [];
  for (const [name, typed] of attributes) {
    const value = plainOf(typed);
    if (value === NOT_TYPED) return refused(at, name, 'is no DynamoDB value, such as {"S":"…"}');
    plain.push([name, value]);
  }
  const fields = fieldsOf(plain);
  switch (tableOf(fields)) {
    case "movement":
      return { kind: "history", at };
    case "reservation":
      return reservationRow(at, fields, now);
    case "product":
      for (const name of fields.ignored) onIgnored(name);
      return inventoryRow(at, fields);
    case null:
      return refused(at, "", "is no item of the inventory, reservation or movement table");
  }
}

function tableOf(fields: Fields): "product" | "reservation" | "movement" | null {
  const has = (...names: Parameters<Fields["get"]>) => fields.get(...names) !== undefined;
  if (has("movementId") || MOVEMENT_TYPES.has(fields.text("type").toLowerCase())) {
    return "movement";
  }
  if (has("reservationId") || has("orderId")) return "reservation";
  return has("productId") || has("onHand") || has("available") ? "product" : null;
}

function inventoryRow(at: Place, fields: Fields): Row {
  const stock = stockOf(fields);
  const values = attributesOf(fields);
  if ("reason" in stock) {
    return ofProduct(refused(at, stock.field, stock.reason), values["productId"]);
  }
  const level = { location: fields.get("location"), onHand: stock.onHand };
  return productRow(at, { values, levels: [level], held: stock.held, nameOf: fields.nameOf });
}

function reservationRow(at: Place, fields: Fields, now: number): Row {
  const status = (fields.text("status") || "active").toLowerCase();
  if (ENDED.has(status)) return { kind: "history", at };
  if (!LIVE.has(status)) return refused(at, fields.nameOf("status"), `is unknown: ${status}`);
  const expiresAt = momentOf(fields.get("expiresAt"));
  if (!Number.isFinite(expiresAt)) {
    return refused(at, fields.nameOf("expiresAt"), "must say when this hold is due");
  }
  if (expiresAt <= now) return { kind: "history", at };
  const values = {
    productId: textOfId("productId", fields.get("productId")),
    orderId: textOfId("orderId", fields.get("orderId")),
    customerId: textOfId("customerId", fields.get("customerId")),
    quantity: fields.get("onHand"),
    location: fields.get("location"),
  };
  const sourceId = fields.text("reservationId") || null;
  const nameOf = (field: string) => fields.nameOf(field === "quantity" ? "onHand" : field);
  return holdRow(at, { sourceId, values, expiresAt, through: "inventory", nameOf });
}

const NOT_TYPED = Symbol("no DynamoDB value");

/** The value of `{"N":"5"}` and its like; lists and maps hold nothing that is ours. */
function plainOf(typed: unknown): unknown {
  if (!isRecord(typed)) return NOT_TYPED;
  const [[type, value] = ["", null], ...more] = Object.entries(typed);
  if (more.length > 0) return NOT_TYPED;
  switch (type) {
    case "S":
    case "BOOL":
      return value;
    case "N":
      return typeof value === "string" && NUMBER.test(value) ? Number(value) : NOT_TYPED;
    case "NULL":
    case "L":
    case "M":
    case "SS":
    case "NS":
    case "B":
    case "BS":
      return null;
    default:
      return NOT_TYPED;
  }
}

const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

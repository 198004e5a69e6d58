/** Statements that list movements: the filters that were given, over spans of seq. */
import type { MovementFilter, MovementOrder, MovementSpan } from "#inventory/ledger-ports";
import type { MovementType } from "#inventory/model";
import { numberColumn } from "#postgres/columns";

/** What holds and sales write; every other type has an index. The same types stand in migration 8. */
const HOT_TYPES: ReadonlySet<MovementType> = new Set([
  "RESERVE",
  "SALE",
  "RELEASE",
  "EXPIRE",
  "EXTEND",
]);
const BY_HAND = "type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')";

const COLUMNS = `
  partition, seq, epoch, type, product_id AS "productId", location,
  on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
  reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
  reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
  actor, reason, reference, request_id AS "requestId",
  (extract(epoch FROM at) * 1000)::bigint AS at`;

/** Spans come as three arrays of numbers, in this order. */
const SPANS = "unnest($1::integer[], $2::bigint[], $3::bigint[]) AS span (partition, first, last)";
const IN_SPAN = "seq BETWEEN span.first AND span.last";

/** A statement and its parameters. Nothing of a caller is ever part of the text. */
export interface Statement {
  readonly text: string;
  readonly parameters: (string | number)[];
}

/**
 * Whether some index leads to what is asked for; without one, each movement of the spans is looked
 * at. Of the types that are rare, the rows are found without a look at the others.
 */
export function isIndexed({ productId, orderId, types }: MovementFilter): boolean {
  return productId !== null || orderId !== null || isByHand(types);
}

const isByHand = (types: MovementFilter["types"]): boolean =>
  types !== null && types.every((type) => !HOT_TYPES.has(type));

/** The first `limit` movements of the spans that the filter lets pass, in that order. */
export function listStatement(
  filter: MovementFilter,
  spans: readonly MovementSpan[],
  order: MovementOrder,
  limit: number,
): Statement {
  const parameters: (string | number)[] = [
    numberColumn(spans, ({ partition }) => partition),
    numberColumn(spans, ({ first }) => first),
    numberColumn(spans, ({ last }) => last),
    limit,
  ];
  const given = (value: string | number): string => `$${parameters.push(value)}`;
  const conditions = conditionsOf(filter, given);
  const way = order === "newest" ? "DESC" : "ASC";
  const rows = (where: readonly string[]): string => {
    const all = [...where, IN_SPAN, ...conditions].join(" AND ");
    return `LATERAL (SELECT * FROM movements WHERE ${all} ORDER BY seq ${way} LIMIT $4)`;
  };
  return { text: textOf(sourceOf(filter, rows, given), way), parameters };
}

function textOf(source: string, way: string): string {
  return `SELECT ${COLUMNS} FROM (SELECT movement.* FROM ${source} AS movement) AS movement
    ORDER BY movement.at ${way}, partition ${way}, seq ${way} LIMIT $4`;
}

/**
 * The movements of a request: its own, or those of the items of a bulk call, which have `#` and a
 * number behind its id. By bytes, `$` is what follows `#`.
 */
const ofRequest = (id: string): string =>
  `(request_id COLLATE "C" = ${id}::text OR (request_id COLLATE "C" > ${id}::text || '#'
    AND request_id COLLATE "C" < ${id}::text || '$'))`;

/** Where the rows come from: the order's, what a request did by hand, those of the product's levels, or all of the spans. */
function sourceOf(
  { orderId, productId, requestId, types }: MovementFilter,
  rows: (where: readonly string[]) => string,
  given: (value: string) => string,
): string {
  const few =
    orderId !== null
      ? `order_id = ${given(orderId)}`
      : requestId !== null && isByHand(types)
        ? `${BY_HAND} AND ${ofRequest(given(requestId))}`
        : null;
  if (few !== null) {
    // Of its own, so that no plan walks the spans and hopes to meet one of them soon.
    const own = `WITH own AS MATERIALIZED (SELECT * FROM movements WHERE ${few})`;
    const all = rows(["partition = span.partition"]).replace("FROM movements", "FROM own");
    return `(${own} SELECT found.* FROM ${SPANS}, ${all} AS found)`;
  }
  if (productId !== null) {
    // A product lives in one partition, so that its own order is that of seq.
    const ofLevel = ["product_id = levels.product_id", "location = levels.location"];
    return `(SELECT found.* FROM ${SPANS}
      JOIN levels ON levels.product_id = ${given(productId)} AND levels.partition = span.partition,
      ${rows(ofLevel)} AS found)`;
  }
  return `(SELECT found.* FROM ${SPANS}, ${rows(["partition = span.partition"])} AS found)`;
}

function conditionsOf(filter: MovementFilter, given: (value: string) => string): string[] {
  const { types } = filter;
  const equal = [
    ["product_id", filter.productId],
    ["location", filter.location],
    ["customer_id", filter.customerId],
    ["reservation_id", filter.reservationId],
    ["actor", filter.actor],
    ["reference", filter.reference],
  ] as const;
  const conditions = equal.flatMap(([column, value]) =>
    value === null ? [] : [`${column} = ${given(value)}`],
  );
  if (filter.requestId !== null) conditions.push(ofRequest(given(filter.requestId)));
  if (types === null) return conditions;
  // Named once more in the words of the partial index, for the planner to see it.
  const byHand = isByHand(types) ? [BY_HAND] : [];
  return [...conditions, `type = ANY(${given(`{${types.join(",")}}`)}::text[])`, ...byHand];
}

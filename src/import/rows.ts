/** What every source is read into: rows that the service would take, and rows that it would not. */
import { z } from "zod";
import { InitializeBody, ReserveBody } from "#http/wire/bodies";
import { fieldErrorsOf } from "#http/wire/field-errors";
import { ProductId } from "#http/wire/fields";

/** Where a row stands: a person must find it. */
export interface Place {
  readonly file: string;
  /** Counted from 1; of a row of several lines, its first. */
  readonly line: number;
  /** Counted from 1 where the file is one list: all of it may be one line. */
  readonly item?: number;
}

/** As a person finds it. */
export function placeOf({ file, line, item }: Place): string {
  return item === undefined ? `${file}:${line}` : `${file}:${line} (row ${item})`;
}

/** What is wrong with one field, in the words of the source. */
export interface RowError {
  /** As the source calls it; empty where the whole row is meant. */
  readonly field: string;
  readonly reason: string;
}

/** Units at one location; null is the product's only one, which the source does not name. */
export interface SourceLevel {
  readonly location: string | null;
  readonly onHand: number;
}

export interface SourceProduct {
  /** Of POST /initialize, with the first level's stock. */
  readonly body: z.output<typeof InitializeBody>;
  /** At least one; those behind the first are added afterwards. */
  readonly levels: readonly SourceLevel[];
  /** What the source counts as held; null where it does not say. */
  readonly held: Held | null;
}

export interface Held {
  readonly units: number;
  /** The source's name of the field that counts them. */
  readonly field: string;
}

/** The contracts whose callers can end what is held: each keeps its holds apart from the others. */
export const THROUGH = ["inventory", "eureka", "nestjs"] as const;
export type Through = (typeof THROUGH)[number];

export interface SourceHold {
  /** The source's own id of it, for the report; null where it has none. */
  readonly sourceId: string | null;
  readonly productId: string;
  /** null: the product's own, which contract C alone has. */
  readonly orderId: string | null;
  readonly customerId: string | null;
  readonly quantity: number;
  readonly location: string | null;
  /** Epoch milliseconds; null for a standing hold. */
  readonly expiresAt: number | null;
  readonly through: Through;
}

export type Row =
  | { readonly kind: "product"; readonly at: Place; readonly product: SourceProduct }
  | { readonly kind: "hold"; readonly at: Place; readonly hold: SourceHold }
  /** Over and done: an ended hold, a movement. It stays in the export. */
  | { readonly kind: "history"; readonly at: Place }
  | {
      readonly kind: "refused";
      readonly at: Place;
      readonly errors: readonly RowError[];
      /** Whose stock it would have been, where that can be read: the product's other rows go too. */
      readonly productId?: string;
    };

/** One of the files, as a source reads it. */
export interface Reading {
  readonly files: readonly string[];
  /** Epoch milliseconds: holds that were due before are history. */
  readonly now: number;
  /** The order that units are held for where a source only counts them. */
  readonly heldBy: string | null;
  /** How they are held. */
  readonly through: Through;
  /** Named tables of a dump. */
  readonly tables: ReadonlyMap<string, string>;
  /** Told of bytes that were read, for progress. */
  readonly onBytes: (bytes: number) => void;
  /** Told of a field that means nothing here. */
  readonly onIgnored: (field: string) => void;
}

/** A source: reads all its files from the beginning, each time it is asked. */
export type Source = (reading: Reading) => AsyncGenerator<Row>;

/** The run cannot go on, through nobody's row: the message is for the terminal. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

export type RefusedRow = Extract<Row, { kind: "refused" }>;

export function refused(at: Place, field: string, reason: string): RefusedRow {
  return { kind: "refused", at, errors: [{ field, reason }] };
}

/** The same row, which belongs to a product even where it is refused. */
export function ofProduct(row: Row, productId: unknown): Row {
  return row.kind === "refused" && typeof productId === "string" ? { ...row, productId } : row;
}

const HoldFields = ReserveBody.pick({ quantity: true, location: true, customerId: true }).extend({
  orderId: ReserveBody.shape.orderId.nullable(),
});

const HeldProduct = z.object({ productId: ProductId });

/** What a source knows of a product, before anybody has looked at it. */
export interface ProductFields {
  readonly values: Readonly<Record<string, unknown>>;
  readonly levels: readonly { readonly location: unknown; readonly onHand: unknown }[];
  readonly held: Held | null;
  /** The source's name of one of our fields. */
  readonly nameOf: (field: string) => string;
}

/** Checks a product by the rules of the service itself. Without a SKU, its id is its SKU. */
export function productRow(at: Place, { values, levels, held, nameOf }: ProductFields): Row {
  const [first, ...others] = levels;
  const given = {
    ...values,
    sku: values["sku"] ?? values["productId"],
    initialStock: first?.onHand,
    location: first?.location,
  };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const input = Object.fromEntries(present);
  const body = InitializeBody.safeParse(input);
  // An id that stands for the SKU too is wrong once.
  const isSkuGiven = values["sku"] !== undefined;
  const errors = (body.success ? [] : issuesOf(body.error, input, nameOf)).filter(
    ({ field }) => isSkuGiven || field !== "sku",
  );
  const more: SourceLevel[] = [];
  for (const level of others) {
    const checked = Level.safeParse(level);
    if (checked.success) more.push(checked.data);
    else errors.push(...issuesOf(checked.error, level, nameOf));
  }
  const names = new Set(levels.map(({ location }) => location));
  if (names.size < levels.length) {
    errors.push({ field: nameOf("location"), reason: "names one location twice" });
  }
  if (held !== null) errors.push(...heldErrors(held, levels));
  if (!body.success || errors.length > 0) {
    return ofProduct({ kind: "refused", at, errors }, values["productId"]);
  }
  const { location = null, initialStock: onHand } = body.data;
  const product = { body: body.data, levels: [{ location, onHand }, ...more], held };
  return { kind: "product", at, product };
}

/** No more can be held than is there. */
function heldErrors({ units, field }: Held, levels: ProductFields["levels"]): RowError[] {
  if (!Number.isSafeInteger(units) || units < 0) {
    return [{ field, reason: "must be a whole number, 0 or more" }];
  }
  const onHand = levels.reduce((sum, level) => sum + Number(level.onHand), 0);
  return units > onHand ? [{ field, reason: `is ${units}, but there are ${onHand} units` }] : [];
}

const Level = z.object({
  location: InitializeBody.shape.location.unwrap(),
  onHand: InitializeBody.shape.initialStock,
});

export interface HoldFields {
  readonly sourceId: string | null;
  readonly values: Readonly<Record<string, unknown>>;
  readonly expiresAt: number | null;
  readonly through: Through;
  readonly nameOf: (field: string) => string;
}

/** Checks a hold by the rules of the service itself. */
export function holdRow(at: Place, hold: HoldFields): Row {
  const { sourceId, values, expiresAt, through, nameOf } = hold;
  const { productId, ...rest } = values;
  const present = Object.entries(rest).filter(([, value]) => value !== undefined);
  const input = Object.fromEntries(present);
  const given = HoldFields.safeParse(input);
  const id = HeldProduct.safeParse({ productId });
  const errors = [
    ...(id.success ? [] : issuesOf(id.error, { productId }, nameOf)),
    ...(given.success ? [] : issuesOf(given.error, input, nameOf)),
  ];
  if (!id.success || !given.success) return { kind: "refused", at, errors };
  const { orderId, customerId = null, quantity, location = null } = given.data;
  const owned = { sourceId, productId: id.data.productId, orderId, customerId };
  return { kind: "hold", at, hold: { ...owned, quantity, location, expiresAt, through } };
}

/** In the words of the API, and the names of the source. */
function issuesOf(
  { issues }: z.ZodError,
  input: unknown,
  nameOf: (field: string) => string,
): RowError[] {
  return fieldErrorsOf(issues, input).map(({ path, message }) => {
    return { field: nameOf(path), reason: message };
  });
}

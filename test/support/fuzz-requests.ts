/** Requests made from an OpenAPI document alone: what it describes, and what it forbids. */
import * as fc from "fast-check";
import { z } from "zod";
import type { ApiDocument, ApiOperation } from "#test/documented";

/** Who sends it: a role, nobody, or somebody whose token is none. */
export const SENDERS = ["admin", "service", "customer", "nobody", "forger"] as const;
export type Sender = (typeof SENDERS)[number];

export interface FuzzRequest {
  /** The operation that it is meant for: `POST /reserve`. */
  readonly operation: string;
  readonly method: string;
  readonly template: string;
  readonly sender: Sender;
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none. A text goes out as it is. */
  readonly body: unknown;
  /** What was done to it after it was valid; null: nothing. */
  readonly harm: Harm | null;
}

type Harm = Readonly<{ kind: "replace" | "remove" | "add" | "repeat"; at: number; value: unknown }>;

/** Stands for a value that an answer brought, by the name that it had there. */
export class Known {
  readonly name: string;
  readonly index: number;
  readonly otherwise: unknown;

  constructor(name: string, index: number, otherwise: unknown) {
    this.name = name;
    this.index = index;
    this.otherwise = otherwise;
  }
}

const Schema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
});
type Schema = z.output<typeof Schema>;

const ITEMS_MAX = 4;
const LENGTH_MAX = 24;
const INDEX_MAX = 1_000;
/** Few keys, so that they meet again. */
const KEYS = 60;

/** Values that break something somewhere else. */
const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e-7,
  0x3b9aca01,
  0xe8d4a51001,
  2 ** 53,
  1e308,
  -0,
  "",
  " ",
  "5",
  "1e3",
  "0x10",
  "null",
  "true",
  "__proto__",
  "constructor",
  "..",
  ".",
  "{p0}",
  "p0:x",
  "*",
  "%00",
  "a/b",
  "a\0b",
  "\ud800",
  "‮",
  "👩‍👩‍👧",
  "é",
  "'; --",
  "x".repeat(300),
  "\n",
  "=1+1",
  "<script>",
  "${7*7}",
  "cart",
  "﻿",
  [],
  {},
  [[]],
  [null],
  { a: { b: [1] } },
  { length: 3 },
];
const GARBAGE = ["", "{", "nul", '{"a":1,}', "[1", '"text"', "42", "\u0000", "{}{}", "[]", "é"];
const IF_MATCH = ["*", '"1"', '"7"', 'W/"1"', "", '"', "1", '"1", "2"', '"99999999999999999"'];
const ODD_KEYS = ["", " ", "k".repeat(129), "k".repeat(128), "k\u00ff", "k:1"];
/** None that is taken: two requests of one name look like one effect twice. */
const ODD_NAMES = ["", "a b", "k".repeat(129), "k\u00ff"];
const TYPES = ["application/json", "application/json; charset=utf-8", "text/plain", ""];

/** Every request there may be; the more a call takes, the more often it is asked. */
export function requestsOf(document: ApiDocument): fc.Arbitrary<FuzzRequest> {
  const all = Object.entries(document.paths).flatMap(([template, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({
      weight: 1 + operation.parameters.length + (operation.requestBody === undefined ? 0 : 3),
      arbitrary: requestOf(document, template, method.toUpperCase(), operation),
    })),
  );
  return fc.oneof(...all);
}

const Parameter = z.object({ name: z.string(), in: z.string(), schema: z.unknown() });

function requestOf(
  document: ApiDocument,
  template: string,
  method: string,
  operation: ApiOperation,
): fc.Arbitrary<FuzzRequest> {
  const known = operation.parameters.flatMap((given) => Parameter.safeParse(given).data ?? []);
  const shared = new Set(operation.parameters.map(({ $ref }) => String($ref).split("/").at(-1)));
  const fieldsIn = (place: string) =>
    Object.fromEntries(
      known
        .filter((parameter) => parameter.in === place)
        .map(({ name, schema }) => [name, valueOf(schema, name, document)]),
    );
  const json = operation.requestBody?.content["application/json"]?.schema;
  const body = json === undefined ? fc.constant(undefined) : valueOf(json, "", document);
  const isOptional = operation.requestBody?.required === false;
  const header = (name: string, weight: number, value: fc.Arbitrary<string>) =>
    shared.has(name)
      ? fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: value })
      : fc.constant(undefined);
  const keys = fc.oneof(
    { weight: 8, arbitrary: fc.nat(KEYS).map((n) => `key-${n}`) },
    { weight: 1, arbitrary: fc.constantFrom(...ODD_KEYS) },
  );
  return fc.record({
    operation: fc.constant(`${method} ${template}`),
    method: mostly(fc.constant(method), fc.constantFrom("HEAD", "OPTIONS", "PUT", "DELETE", "GET")),
    template: fc.constant(template),
    sender: mostly(fc.constant("admin" as const), fc.constantFrom(...SENDERS), 3),
    params: fc.record(fieldsIn("path")),
    query: fc.record(fieldsIn("query"), { requiredKeys: [] }),
    headers: fc
      .record({
        "idempotency-key": header("IdempotencyKey", 9, keys),
        "if-match": header("IfMatch", 12, fc.constantFrom(...IF_MATCH)),
        "if-none-match": header("IfNoneMatch", 3, fc.constantFrom(...IF_MATCH)),
        "content-type": mostly(fc.constant("application/json"), fc.constantFrom(...TYPES), 30),
        "x-request-id": mostly(fc.constant(undefined), fc.constantFrom(...ODD_NAMES)),
      })
      .map(withoutMissing),
    body: mostly(
      isOptional ? fc.option(body, { nil: undefined }) : body,
      fc.constantFrom(...GARBAGE),
      30,
    ),
    harm: mostly(fc.constant(null), harms(), 2),
  });
}

function mostly<One, Other>(one: fc.Arbitrary<One>, other: fc.Arbitrary<Other>, weight = 40) {
  return fc.oneof({ weight, arbitrary: one }, { weight: 1, arbitrary: other });
}

function harms(): fc.Arbitrary<Harm> {
  return fc.record({
    kind: fc.constantFrom("replace", "replace", "replace", "remove", "add", "repeat"),
    at: fc.nat(INDEX_MAX),
    value: mostly(fc.constantFrom(...HOSTILE), fc.jsonValue(), 6),
  });
}

function withoutMissing(
  headers: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

/** Values that a JSON schema describes; those of a name that answers bring are mostly theirs. */
function valueOf(described: unknown, name: string, document: ApiDocument): fc.Arbitrary<unknown> {
  const schema = Schema.parse(described);
  if (schema.$ref !== undefined) {
    const shared = document.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
    return valueOf(shared, name, document);
  }
  const choice = schema.anyOf ?? schema.allOf;
  if (choice !== undefined) return fc.oneof(...choice.map((one) => valueOf(one, name, document)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return fc.jsonValue();
  return fc.oneof(...types.map((type) => ofType(type, schema, name, document)));
}

function ofType(type: string, schema: Schema, name: string, document: ApiDocument) {
  switch (type) {
    case "string":
      return fc
        .tuple(fc.nat(INDEX_MAX), textOf(schema))
        .map(([index, text]): unknown => new Known(name, index, text));
    case "integer":
      return wholeOf(schema);
    case "number":
      return fc.oneof(wholeOf(schema), fc.constantFrom(0.5, 19.99, 0.000001));
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const { items, minItems = 0, maxItems = ITEMS_MAX } = schema;
      const lengths = { minLength: minItems, maxLength: Math.min(maxItems, ITEMS_MAX) };
      return fc.array(valueOf(items, name, document), lengths);
    }
    case "object": {
      const { properties = {}, required = [] } = schema;
      const fields = Object.entries(properties).map(([field, property]) => [
        field,
        // What may be left out mostly is, or nothing rare would ever be whole.
        required.includes(field)
          ? valueOf(property, field, document)
          : mostly(fc.constant(undefined), valueOf(property, field, document), 4),
      ]);
      const Fields = z.record(z.string(), z.custom<fc.Arbitrary<unknown>>());
      return fc.record(Fields.parse(Object.fromEntries(fields)));
    }
    default:
      throw new Error(`the document has a type ${type} that the fuzzer does not know`);
  }
}

/** Mostly small ones, for stock is; and the ends of what is allowed. */
function wholeOf({ minimum = -(2 ** 31), maximum = 2 ** 31 }: Schema): fc.Arbitrary<number> {
  const inside = (n: number): number => Math.min(maximum, Math.max(minimum, n));
  return fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 20 }).map(inside) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 5_000 }).map(inside) },
    { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) },
  );
}

function textOf({ pattern, minLength = 0, maxLength = LENGTH_MAX }: Schema): fc.Arbitrary<string> {
  const lengths = { minLength, maxLength: Math.min(maxLength, LENGTH_MAX) };
  // What it cannot make by the pattern is one of printable characters.
  if (pattern === undefined || pattern.includes("\\p{")) {
    return fc.oneof(fc.string(lengths), fc.string({ ...lengths, unit: "grapheme" }));
  }
  return fc.stringMatching(new RegExp(pattern, "u"));
}

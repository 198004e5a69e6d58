/** Whether answers are those that an OpenAPI document promises, by nothing but the document. */
import { z } from "zod";

/** The parts of a document that tests look at. */
export const ApiDocument = z.looseObject({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        tags: z.array(z.string()),
        security: z.array(z.unknown()),
        parameters: z.array(z.record(z.string(), z.unknown())),
        requestBody: z
          .object({
            required: z.boolean(),
            content: z.record(z.string(), z.object({ schema: z.unknown() })),
          })
          .optional(),
        responses: z.record(
          z.string(),
          z.object({
            description: z.string(),
            headers: z.record(z.string(), z.object({ $ref: z.string() })),
            content: z.record(z.string(), z.object({ schema: z.unknown() })).optional(),
          }),
        ),
      }),
    ),
  ),
  components: z.looseObject({
    schemas: z.record(z.string(), z.unknown()),
    headers: z.record(z.string(), z.looseObject({ required: z.boolean(), schema: z.unknown() })),
  }),
});
export type ApiDocument = z.output<typeof ApiDocument>;
export type ApiOperation = ApiDocument["paths"][string][string];

/** Some answer, as it came. */
export interface SomeAnswer {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What the document does not promise of an answer; null where it promises all of it. */
export type Documented = (answer: SomeAnswer) => string | null;

/**
 * Answers to paths and methods that the document does not name are no matter of it. `carried` are more
 * headers that it may be silent of.
 */
export function documentedBy(
  document: ApiDocument,
  carried: ReadonlySet<string> = new Set(),
): Documented {
  const find = operationFinder(document);
  const schemas = new Map<unknown, z.ZodType>();
  const zodFor = (schema: unknown): z.ZodType => {
    const known = schemas.get(schema) ?? zodOf(schema, document);
    schemas.set(schema, known);
    return known;
  };
  return ({ method, path, status, headers, text }) => {
    const operation = find(method, path);
    if (operation === null) return null;
    const response = operation.responses[status];
    if (response === undefined) return `${status} is not documented`;
    const silent = (name: string): boolean => CARRIED.has(name) || carried.has(name);
    const wrong = wrongHeader(document, response.headers, headers, zodFor, silent);
    if (wrong !== null) return `${status} ${wrong}`;
    if (response.content === undefined || method === "HEAD") {
      return text === "" ? null : `${status} has a body`;
    }
    const [type = ""] = (headers.get("content-type") ?? "").split(";");
    const content = response.content[type];
    if (content === undefined) return `${status} is not documented as ${type}`;
    const body = /[/+]json$/.test(type) ? jsonOf(text) : text;
    const parsed = zodFor(content.schema).safeParse(body);
    if (!parsed.success) return `${status} is another body: ${z.prettifyError(parsed.error)}`;
    const { code } = Coded.safeParse(body).data ?? {};
    const isNamed = code === undefined || response.description.includes(`\`${code}\``);
    return isNamed ? null : `${status} is not documented for ${code}`;
  };
}

/** What every answer may say of how it is read, kept and carried; the document is silent of it. */
const CARRIED: ReadonlySet<string> = new Set([
  "allow",
  "cache-control",
  "connection",
  "content-length",
  "content-security-policy",
  "content-type",
  "date",
  "referrer-policy",
  "transfer-encoding",
  "vary",
  "x-content-type-options",
]);

/** Whether headers that must be there are, and none is there that is not documented. */
function wrongHeader(
  { components }: ApiDocument,
  documented: ApiOperation["responses"][string]["headers"],
  headers: Headers,
  zodFor: (schema: unknown) => z.ZodType,
  silent: (name: string) => boolean,
): string | null {
  const known = new Set<string>();
  for (const [name, { $ref }] of Object.entries(documented)) {
    known.add(name.toLowerCase());
    const header = components.headers[$ref.replace("#/components/headers/", "")];
    if (header === undefined) return `has a header that is nowhere: ${$ref}`;
    const value = headers.get(name);
    if (value === null && header.required) return `lacks the header ${name}`;
    const isOne = value === null || zodFor(header.schema).safeParse(value).success;
    if (!isOne) return `has another header ${name}: ${value}`;
  }
  const more = [...headers.keys()].filter(
    (name) => !known.has(name) && !silent(name) && !name.startsWith("access-control-"),
  );
  return more.length === 0 ? null : `has headers that are not documented: ${more.join(", ")}`;
}

const Coded = z.object({ code: z.string() });

/** The operation of a call: literal paths come before those with parameters, as in the router. */
export function operationFinder({ paths }: ApiDocument) {
  const templates = Object.entries(paths)
    .map(([template, operations]) => {
      const pattern = template.replaceAll(/[.]/g, "\\$&").replaceAll(/\{\w+\}/g, "[^/]+");
      return { path: new RegExp(`^${pattern}$`), template, operations };
    })
    .toSorted((one, other) => one.template.split("{").length - other.template.split("{").length);
  return (method: string, pathAndQuery: string): ApiOperation | null => {
    const [path = ""] = pathAndQuery.split("?");
    const name = method === "HEAD" ? "get" : method.toLowerCase();
    const match = templates.find((known) => known.path.test(path));
    return match?.operations[name] ?? null;
  };
}

/** A JSON schema of the document, with the shared shapes that it refers to. */
function zodOf(schema: unknown, { components }: ApiDocument): z.ZodType {
  const whole = { allOf: [schema], $defs: components.schemas };
  const text = JSON.stringify(whole).replaceAll('"#/components/schemas/', '"#/$defs/');
  return z.fromJSONSchema(z.record(z.string(), z.any()).parse(JSON.parse(text)));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

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
            headers: z.record(z.string(), z.unknown()),
            content: z.record(z.string(), z.object({ schema: z.unknown() })).optional(),
          }),
        ),
      }),
    ),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});
export type ApiDocument = z.output<typeof ApiDocument>;
export type ApiOperation = ApiDocument["paths"][string][string];

/** Headers that an answer has where there is something to say. */
const SOMETIMES = new Set(["Idempotency-Replayed", "Preference-Applied"]);

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

/** Answers to paths and methods that the document does not name are no matter of it. */
export function documentedBy(document: ApiDocument): Documented {
  const find = operationFinder(document);
  const bodies = new Map<unknown, z.ZodType>();
  const bodyOf = (schema: unknown): z.ZodType => {
    const known = bodies.get(schema) ?? zodOf(schema, document);
    bodies.set(schema, known);
    return known;
  };
  return ({ method, path, status, headers, text }) => {
    const operation = find(method, path);
    if (operation === null) return null;
    const response = operation.responses[status];
    if (response === undefined) return `${status} is not documented`;
    for (const name of Object.keys(response.headers)) {
      const isSometimes = SOMETIMES.has(name);
      if (!isSometimes && !headers.has(name)) return `${status} lacks the header ${name}`;
    }
    if (response.content === undefined || method === "HEAD") {
      return text === "" ? null : `${status} has a body`;
    }
    const [type = ""] = (headers.get("content-type") ?? "").split(";");
    const content = response.content[type];
    if (content === undefined) return `${status} is not documented as ${type}`;
    const body = type.endsWith("json") ? jsonOf(text) : text;
    const parsed = bodyOf(content.schema).safeParse(body);
    if (!parsed.success) return `${status} is another body: ${z.prettifyError(parsed.error)}`;
    const { code } = Coded.safeParse(body).data ?? {};
    const isNamed = code === undefined || response.description.includes(`\`${code}\``);
    return isNamed ? null : `${status} is not documented for ${code}`;
  };
}

const Coded = z.object({ code: z.string() });

/** The operation of a call: literal paths come before those with parameters, as in the router. */
function operationFinder({ paths }: ApiDocument) {
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

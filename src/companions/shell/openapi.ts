/** The OpenAPI 3.1 document of a companion, made from its routes. */
import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { JSON_TYPE, type Described } from "#companions/shell/route";
import { jsonSchemas, type SchemaOf } from "#lib/json-schemas";

type Json = Readonly<Record<string, unknown>>;

export interface DocumentOptions {
  /** Its name in words for a person, as `Service registry`. */
  readonly name: string;
  readonly version: string;
  readonly routes: readonly Described[];
  /** Where an error is told in a body. */
  readonly errorField?: "error" | "message";
}

const DESCRIPTION =
  "A status that is not listed is not answered, but for 500, which is a mistake of ours.";

export function documentOf(options: DocumentOptions): Json {
  const { name, version, routes, errorField = "error" } = options;
  const { schemas, schemaOf } = jsonSchemas();
  const refusal = z
    .looseObject({ [errorField]: z.string(), requestId: z.string().optional() })
    .meta({ id: "Refusal" });
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = {
      operationId: [route.method.toLowerCase(), ...(path.match(/\w+/g) ?? [])].join("-"),
      tags: [name],
      summary: route.summary,
      ...(route.notes === "" ? {} : { description: route.notes }),
      security: route.scheme === null ? [] : [{ [route.scheme]: [] }],
      parameters: parametersOf(route, schemaOf),
      ...bodyOf(route, schemaOf),
      responses: responsesOf(route, refusal, schemaOf),
    };
  }
  return {
    openapi: "3.1.1",
    info: { title: name, version, description: DESCRIPTION, license: LICENSE },
    tags: [{ name }],
    paths,
    components: {
      schemas,
      headers: Object.fromEntries(
        Object.entries(HEADERS).map(([header, { about, isSometimes }]) => [
          componentOf(header),
          { description: about, required: isSometimes !== true, schema: TEXT },
        ]),
      ),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        basic: { type: "http", scheme: "basic" },
        signature: { type: "apiKey", in: "header", name: "webhook-signature" },
      },
    },
  };
}

const LICENSE = { name: "MIT", identifier: "MIT" };
const TEXT = { type: "string" };

const HEADERS: Readonly<Record<string, { readonly about: string; readonly isSometimes?: true }>> = {
  "X-Request-Id": { about: "Finds this request in our logs." },
  "Retry-After": { about: "Seconds until it is worth trying again." },
  "WWW-Authenticate": { about: "How to say who calls." },
  Link: { about: "Where the next rows are; absent behind the last.", isSometimes: true },
  Location: { about: "Where what was made is found." },
};
/** Names of components have no hyphens here. */
const componentOf = (header: string): string => header.replaceAll("-", "");

const Properties = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).default([]),
});

function parametersOf({ path, query, keyed }: Described, schemaOf: SchemaOf): readonly Json[] {
  const inPath = Array.from(path.matchAll(/:(\w+)/g), ([, name]) => {
    return { name, in: "path", required: true, schema: TEXT };
  });
  const { properties, required } = Properties.parse(query === null ? {} : schemaOf(query, "input"));
  const inQuery = Object.entries(properties).map(([name, schema]) => {
    return { name, in: "query", required: required.includes(name), schema };
  });
  const key = { ...TEXT, minLength: 1, maxLength: 128 };
  const description = "Names this change: a repeat with the same body does it no second time.";
  const header = { name: "Idempotency-Key", in: "header", required: false };
  return [...inPath, ...inQuery, ...(keyed ? [{ ...header, description, schema: key }] : [])];
}

function bodyOf({ body, types }: Described, schemaOf: SchemaOf): Json {
  if (body === null) return {};
  const schema = schemaOf(body, "input");
  const content = Object.fromEntries(types.map((type) => [type, { schema }]));
  return { requestBody: { required: true, content } };
}

const MediaType = z.object({ contentMediaType: z.string().default(JSON_TYPE) });

function responsesOf(route: Described, refusal: z.ZodType, schemaOf: SchemaOf): Json {
  const { answers, refused, headers } = route;
  const response = (status: string, body: z.ZodType | null, more: readonly string[], why = "") => {
    const schema = body === null ? null : schemaOf(body, "output");
    const type = schema === null ? "" : MediaType.parse(schema).contentMediaType;
    const named = ["X-Request-Id", ...more].map((name) => {
      return [name, { $ref: `#/components/headers/${componentOf(name)}` }];
    });
    return {
      description: why === "" ? (STATUS_CODES[status] ?? status) : why,
      headers: Object.fromEntries(named),
      ...(schema === null ? {} : { content: { [type]: { schema } } }),
    };
  };
  const told = Object.entries(answers).map(([status, body]) => {
    return [status, response(status, body, Number(status) < 300 ? headers : [])];
  });
  const not = Object.entries(refused).map(([status, why]) => {
    const later = status === "429" || status === "503" ? ["Retry-After"] : [];
    const who = status === "401" ? ["WWW-Authenticate"] : [];
    return [status, response(status, refusal, [...later, ...who], why)];
  });
  return Object.fromEntries([...not, ...told]);
}

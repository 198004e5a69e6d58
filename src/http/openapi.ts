/**
 * The OpenAPI 3.1 document of what is mounted, made from the routes themselves: requests from the
 * schemas that check them, answers from those that the routes name, refusals from the contract's
 * own words.
 */
import { STATUS_CODES } from "node:http";
import { Context } from "hono";
import { z } from "zod";
import { jsonSchemas, type SchemaOf } from "#lib/json-schemas";
import type { Contract } from "#http/contract";
import type { EdgeEnv } from "#http/env";
import type { ProblemCode } from "#http/problem";
import { DURABILITY_LEVELS } from "#inventory/durability";
import { checksOf, codesOf } from "#http/route-refusals";
import type { Route } from "#http/routes/route";

/** Some JSON of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** A contract and its routes, as they are served. */
export interface Mounted {
  readonly contract: Pick<Contract, "name" | "word" | "errorBody" | "headers">;
  readonly routes: readonly Route[];
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Json;
  readonly tags: readonly Json[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Json;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Json[];
  readonly parameters: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
}

const DESCRIPTION = [
  "Every call that this process serves, tagged by its contract.",
  "A status that is not listed is not answered, but for 500, which is a mistake of ours.",
  "A change may be repeated under its `Idempotency-Key`: it happens once.",
].join(" ");

/** Makes the document. `version` is that of the service. */
export function documentOf(mounted: readonly Mounted[], version: string): OpenApiDocument {
  const { schemas, schemaOf } = jsonSchemas();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { contract, routes } of mounted) {
    for (const route of routes) {
      const path = templateOf(route.path);
      const operations = (paths[path] ??= {});
      operations[route.method.toLowerCase()] = operationOf(contract, route, schemaOf);
    }
  }
  return {
    openapi: "3.1.1",
    info: { title: "Holdfast", version, description: DESCRIPTION, license: LICENSE },
    tags: [...new Set(mounted.map(({ contract }) => contract.name))].map((name) => ({ name })),
    paths,
    components: { schemas, headers: headerComponents(), ...COMPONENTS },
  };
}

const LICENSE = { name: "MIT", identifier: "MIT" };

const text = { type: "string" };
const COMPONENTS = {
  securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
  parameters: {
    IdempotencyKey: headerOf("Idempotency-Key", {
      description: "Names this change: a repeat with the same body hears the first answer again.",
      schema: { ...text, minLength: 1, maxLength: 128 },
    }),
    LastEventId: headerOf("Last-Event-ID", {
      description: "Of a stream: the `id` of the last event that was heard; instead of `after`.",
      schema: text,
    }),
    IfMatch: headerOf("If-Match", {
      description: "An ETag that the thing must still have.",
      schema: text,
    }),
    IfNoneMatch: headerOf("If-None-Match", {
      description: "ETags that the caller has; 304 if one of them still holds.",
      schema: text,
    }),
    Prefer: headerOf("Prefer", {
      description:
        "`durability=replica` or `durability=ledger`: wait for that level, at most until the deadline.",
      schema: text,
    }),
  },
};

/** Headers of answers, besides those that say how to read and keep any answer. */
const HEADERS: Readonly<Record<string, Json>> = {
  "X-Request-Id": { description: "Finds this request in our logs.", schema: text },
  "X-Correlation-ID": { description: "The caller's, else that of the request.", schema: text },
  "Retry-After": { description: "Seconds until it is worth trying again.", schema: text },
  RateLimit: {
    description: "What is left of each quota, where requests are counted; on other answers, too.",
    schema: { ...text, examples: ['"customer";r=42;t=6'] },
  },
  "RateLimit-Policy": {
    description: "The quotas: requests, and the seconds in which they come back.",
    schema: { ...text, examples: ['"customer";q=100;w=10'] },
  },
  "WWW-Authenticate": { description: "A bearer token is asked for.", schema: text },
  ETag: { description: "The version, for If-Match and If-None-Match.", schema: text },
  "Idempotency-Replayed": {
    description: "An earlier answer again; absent from a first one.",
    schema: { ...text, const: "true" },
  },
  Durability: {
    description: "How durable is what this answer tells: the level that was reached.",
    schema: { ...text, enum: DURABILITY_LEVELS },
  },
  "Preference-Applied": {
    description: "The preference that was met; absent where the level was not reached.",
    schema: { ...text, enum: DURABILITY_LEVELS.map((level) => `durability=${level}`) },
  },
  Link: { description: "Where the next rows are; absent behind the last.", schema: text },
  Location: { description: "Where what was asked for is found.", schema: text },
  "Ledger-Lag": {
    description: "Movements that the ledger lacked; absent where it had all.",
    schema: { ...text, pattern: "^[1-9][0-9]*$" },
  },
  "Content-Disposition": { description: "Under which name to keep it.", schema: text },
};

/** Which are there only when there is something to say. */
const SOMETIMES: ReadonlySet<string> = new Set([
  "Idempotency-Replayed",
  "Link",
  "Ledger-Lag",
  "Preference-Applied",
  "RateLimit",
  "RateLimit-Policy",
]);

function headerOf(name: string, more: Json): Json {
  return { name, in: "header", required: false, ...more };
}

/** `/a/:b` as `/a/{b}`. */
function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
}

function operationOf(contract: Mounted["contract"], route: Route, schemaOf: SchemaOf): Operation {
  const { method, path, summary } = route;
  const body = checksOf(route).find(({ target }) => target === "json");
  const words = path.match(/\w+/g) ?? [];
  return {
    operationId: [contract.name, method.toLowerCase(), ...words].join("-"),
    tags: [contract.name],
    summary,
    ...admittanceOf(route),
    parameters: parametersOf(route, schemaOf),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: Object.fromEntries(
              [body.schema, ...(body.text === undefined ? [] : [body.text])].map((one) => {
                const schema = schemaOf(one, "input");
                return [MediaType.parse(schema).contentMediaType ?? JSON_TYPE, { schema }];
              }),
            ),
          },
        }),
    responses: responsesOf(contract, route, schemaOf),
  };
}

/** What to know of it, and who may call it. An empty requirement means that it may be called without a token too. */
function admittanceOf({
  notes,
  roles,
  guarded,
}: Route): Pick<Operation, "description" | "security"> {
  const only = (who: readonly string[]): string => `the role ${who.join(" or ")}.`;
  const told = (who: string) => ({ description: `${notes} ${who}`.trim() });
  if (roles !== "public") return { ...told(`For ${only(roles)}`), security: [{ bearer: [] }] };
  if (guarded === null) return { ...told("For everybody."), security: [] };
  const who = `For everybody; with \`${guarded.query}\` for ${only(guarded.roles)}`;
  return { ...told(who), security: [{}, { bearer: [] }] };
}

const JSON_TYPE = "application/json";

function parametersOf(route: Route, schemaOf: SchemaOf): Json[] {
  const checks = checksOf(route);
  const inPath = new Map(
    Array.from(route.path.matchAll(/:(\w+)/g), ([, name = ""]): [string, Json] => [
      name,
      { name, in: "path", required: true, schema: text },
    ]),
  );
  const inQuery: Json[] = [];
  for (const { target, schema } of checks) {
    if (target === "json") continue;
    const { properties, required = [] } = ObjectSchema.parse(schemaOf(schema, "input"));
    for (const [name, property] of Object.entries(properties)) {
      if (target === "param") {
        inPath.set(name, { name, in: "path", required: true, schema: property });
      } else {
        const { description, ...own } = property;
        const about = description === undefined ? {} : { description };
        const isRequired = required.includes(name);
        inQuery.push({ name, in: "query", required: isRequired, ...about, schema: own });
      }
    }
  }
  const shared = [
    ...(route.mutation ? ["IdempotencyKey", "Prefer"] : []),
    ...(route.streams ? ["LastEventId"] : []),
    ...(route.conditional ? ["IfMatch"] : []),
    ...(304 in route.answers ? ["IfNoneMatch"] : []),
  ].map((name) => ({ $ref: `#/components/parameters/${name}` }));
  return [...inPath.values(), ...inQuery, ...shared];
}

const ObjectSchema = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  required: z.array(z.string()).optional(),
});

const MediaType = z.object({ contentMediaType: z.string().optional() });

interface Response {
  readonly codes: ProblemCode[];
  /** Schemas by media type. */
  readonly bodies: Map<string, unknown[]>;
  /** In small letters, those that the contract's words carry. */
  readonly headers: Set<string>;
}

/** By status; one that is answered and refused with may have either body. */
function responsesOf(contract: Mounted["contract"], route: Route, schemaOf: SchemaOf) {
  const responses: Record<string, Response> = {};
  const at = (status: number | string) =>
    (responses[status] ??= { codes: [], bodies: new Map(), headers: new Set() });
  const put = (status: number | string, type: string, schema: unknown): void => {
    const { bodies } = at(status);
    const known = bodies.get(type) ?? [];
    const isKnown = known.some((other) => Bun.deepEquals(other, schema));
    bodies.set(type, isKnown ? known : [...known, schema]);
  };
  for (const [status, body] of Object.entries(route.answers)) {
    at(status);
    for (const one of body === null ? [] : [body].flat()) {
      const schema = schemaOf(one, "output");
      const { contentMediaType = JSON_TYPE } = MediaType.parse(schema);
      put(status, contentMediaType, schema);
    }
  }
  for (const code of codesOf(route)) {
    const { status, headers } = contract.word({ code, message: "" }, someContext());
    put(status, headers?.["content-type"] ?? JSON_TYPE, schemaOf(contract.errorBody, "output"));
    const response = at(status);
    response.codes.push(code);
    for (const name of Object.keys(headers ?? {})) response.headers.add(name.toLowerCase());
  }
  return Object.fromEntries(
    Object.entries(responses).map(([status, { codes, bodies, headers }]) => [
      status,
      {
        description:
          codes.length > 0
            ? codes.map((code) => `\`${code}\``).join(", ")
            : (STATUS_CODES[status] ?? status),
        headers: headersOf(contract, route, Number(status), headers),
        ...(bodies.size === 0 ? {} : { content: contentOf(bodies) }),
      },
    ]),
  );
}

function contentOf(bodies: ReadonlyMap<string, readonly unknown[]>): Json {
  const entries = [...bodies].map(([type, schemas]) => {
    const [only] = schemas;
    return [type, { schema: schemas.length === 1 ? only : { anyOf: schemas } }];
  });
  return Object.fromEntries(entries);
}

function headersOf(
  contract: Mounted["contract"],
  route: Route,
  status: number,
  worded: ReadonlySet<string>,
): Json {
  const isDone = status < 300;
  const isVersioned = route.conditional || 304 in route.answers || route.headers.includes("ETag");
  const everywhere = Object.keys(contract.headers?.(someContext(), "") ?? {});
  const there = new Set([...worded, ...everywhere.map((name) => name.toLowerCase())]);
  const applies: Readonly<Record<string, boolean>> = {
    "X-Request-Id": true,
    "Retry-After": status === 429 || status === 503,
    RateLimit: status === 429,
    "RateLimit-Policy": status === 429,
    "WWW-Authenticate": status === 401,
    ETag: status === 304 || (isDone && isVersioned),
    "Idempotency-Replayed": isDone && route.mutation,
    Durability: isDone && route.mutation,
    "Preference-Applied": isDone && route.mutation,
    Link: isDone && route.headers.includes("Link"),
    Location: isDone && route.headers.includes("Location"),
    "Ledger-Lag": isDone && route.headers.includes("Ledger-Lag"),
    "Content-Disposition": isDone && route.headers.includes("Content-Disposition"),
  };
  const names = Object.keys(HEADERS).filter(
    (name) => applies[name] === true || there.has(name.toLowerCase()),
  );
  return Object.fromEntries(
    names.map((name) => [name, { $ref: `#/components/headers/${componentOf(name)}` }]),
  );
}

/** Names of components have no hyphens here. */
const componentOf = (header: string): string => header.replaceAll("-", "");

function headerComponents(): Json {
  const entries = Object.entries(HEADERS).map(([name, header]) => [
    componentOf(name),
    { ...header, required: !SOMETIMES.has(name) },
  ]);
  return Object.fromEntries(entries);
}

/** A contract words a refusal to somebody; its status and type are the same for everybody. */
function someContext(): Context<EdgeEnv> {
  const c = new Context<EdgeEnv>(new Request("http://document.invalid/"));
  const nothing = { caller: null, operation: null, level: null, asked: null };
  const uncounted = { charge: null, counting: null, isInside: false, heldBackMs: 0 };
  const state = { requestId: "", deadline: 0, headers: {}, ...nothing, ...uncounted };
  c.set("request", state);
  return c;
}

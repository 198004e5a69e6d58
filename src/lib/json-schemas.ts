/** JSON Schemas of what the routes take and answer, for the OpenAPI document. */
import { z } from "zod";

/** JSON Schema of what goes in or comes out; its shared shapes are components. */
export type SchemaOf = (schema: z.ZodType, io: "input" | "output") => unknown;

/** Schemas with an id become components; everything else stands where it is used. Each is made once. */
export function jsonSchemas(): {
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly schemaOf: SchemaOf;
} {
  const schemas: Record<string, unknown> = {};
  const made = { input: new Map<z.ZodType, unknown>(), output: new Map<z.ZodType, unknown>() };
  const make = (schema: z.ZodType, io: "input" | "output"): unknown => {
    const json = JSON.stringify(
      z.toJSONSchema(schema, { io, override: io === "input" ? withDefault : () => undefined }),
    );
    const shared = json.replaceAll('"#/$defs/', '"#/components/schemas/');
    const { $schema: _, $defs, ...rest } = RootSchema.parse(JSON.parse(shared));
    Object.assign(schemas, $defs);
    return rest;
  };
  return {
    schemas,
    schemaOf(schema, io) {
      const known = made[io].get(schema) ?? make(schema, io);
      made[io].set(schema, known);
      return known;
    },
  };
}

const RootSchema = z.looseObject({ $defs: z.record(z.string(), z.unknown()).default({}) });

/** Of what is read from text, zod leaves out what it is without one. */
function withDefault({
  zodSchema,
  jsonSchema,
}: {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (zodSchema instanceof z.ZodDefault) jsonSchema["default"] = zodSchema.def.defaultValue;
}

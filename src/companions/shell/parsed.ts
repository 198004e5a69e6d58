import { z } from "zod";
import { Refused } from "#companions/shell/app";

/** What was given, read by the schema; refused as 400 with the field that is wrong. */
export function parsed<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...unknown.slice(0, 1)].join(".");
  const message = unknown.length > 0 ? "is not known" : (issue?.message ?? "is wrong");
  throw new Refused(400, `${field === "" ? "the body" : field}: ${message}`, { field });
}

/** A number that stands in a query. */
export const whole = (name: string, least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `${name} must be a whole number`)
    .transform(Number)
    .refine(
      (number) => number >= least && number <= most,
      `${name} must be from ${least} to ${most}`,
    );

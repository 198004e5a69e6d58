import type { z } from "zod";
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

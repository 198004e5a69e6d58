/** What callers sent, read by a schema: whatever is wrong names its field. */
import { z } from "zod";
import { Refused } from "#companions/shell/app";

/** What was given, read by the schema; refused as 400 with the field that is wrong. */
export function parsed<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const odd = oddity(given);
  if (odd !== null) throw wrong(odd.field, odd.why);
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...unknown.slice(0, 1)].join(".");
  const message = unknown.length > 0 ? "is not known" : (issue?.message ?? "is wrong");
  throw wrong(field, message);
}

const wrong = (field: string, message: string): Refused =>
  new Refused(400, `${field === "" ? "the body" : field}: ${message}`, { field });

/** The character that no text of PostgreSQL has. */
export const NUL = "\0";
/** What is nested deeper is no body of ours: an order's items are at 3. */
const DEPTH_MAX = 16;

/** What no schema of ours looks for, and nothing behind them can keep; null: there is none. */
function oddity(
  given: unknown,
  path: readonly string[] = [],
): { readonly field: string; readonly why: string } | null {
  const field = path.join(".");
  if (path.length > DEPTH_MAX) return { field, why: "is nested too deep" };
  const hasNul = { field, why: "must be without the character U+0000" };
  if (typeof given === "string") {
    if (given.includes(NUL)) return hasNul;
    return given.isWellFormed() ? null : { field, why: "must be without half a character" };
  }
  if (typeof given !== "object" || given === null) return null;
  for (const [name, value] of Object.entries(given)) {
    const found = name.includes(NUL) ? hasNul : oddity(value, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}

/** A number that stands in a query. */
export const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .refine((number) => number >= least && number <= most, `must be from ${least} to ${most}`);

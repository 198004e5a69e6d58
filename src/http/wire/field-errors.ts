/** What a schema refuses, field by field, in contract A's words. */
import type { z } from "zod";
import type { FieldError } from "#inventory/faults";

/** More than anyone reads; a body may have thousands of wrong fields. */
const ERRORS_MAX = 20;

/** Each field that is wrong, once, so that it reads on after its name. */
export function fieldErrorsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  target: "param" | "query" | "json" = "json",
): FieldError[] {
  return firstOfEach(
    issues.flatMap((issue) => {
      // What stands in a query several times comes as a list.
      const isTwice = target === "query" && Array.isArray(valueAt(input, issue.path));
      if (!isTwice || issue.path.length === 0) return fieldErrors(issue, input);
      return [{ path: pathText(issue.path), message: "must be given once" }];
    }),
  );
}

/**
 * What a value that fits no form of a union lacks of the one that it is meant for: of the first whose type it
 * has. The issue itself where it is of none.
 */
export function unfolded(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.find((form) => !form.some(isOfAnotherType));
  return meant?.map((one) => ({ ...one, path: [...issue.path, ...one.path] })) ?? [issue];
}

const isOfAnotherType = ({ code, path }: z.core.$ZodIssue): boolean =>
  path.length === 0 && (code === "invalid_type" || code === "invalid_value");

/** An empty text is also not printable: once is enough. */
function firstOfEach(errors: readonly FieldError[]): FieldError[] {
  const first = new Map<string, FieldError>();
  for (const error of errors) {
    if (!first.has(error.path)) first.set(error.path, error);
  }
  return [...first.values()].slice(0, ERRORS_MAX);
}

function fieldErrors(issue: z.core.$ZodIssue, input: unknown): FieldError[] {
  const path = pathText(issue.path);
  if (issue.code !== "unrecognized_keys") return [{ path, message: words(issue, input) }];
  return issue.keys.map((key) => ({
    path: pathText([...issue.path, key]),
    message: "is not a field of this call",
  }));
}

/** What is wrong, so that it reads on after the name of the field. */
function words(issue: z.core.$ZodIssue, input: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      if (valueAt(input, issue.path) === undefined) return "is required";
      return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case "too_small":
      if (issue.origin === "string") return "must not be empty";
      return `must ${issue.origin === "array" ? "have" : "be"} at least ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `must have at most ${issue.maximum} characters`;
      return `must be at most ${issue.maximum}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return issue.message;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  array: "a list",
  object: "an object",
};

/** What stands at this path of some JSON; undefined where there is nothing. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null) return undefined;
    return Reflect.get(value, key);
  }, input);
}

/** `items[0].quantity`; empty for the body itself. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

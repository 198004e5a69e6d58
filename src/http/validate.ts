/** zod at the door: the one wrapper round @hono/zod-validator. It throws, so that types stay whole. */
import { zValidator } from "@hono/zod-validator";
import type { Handler, MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { EdgeEnv } from "#http/env";
import { Problem } from "#http/problem";
import { fieldErrorsOf, pathText, unfolded } from "#http/wire/field-errors";
import { Fault } from "#inventory/faults";

type CheckedInput<Where extends string, Value> = {
  in: { [Name in Where]: unknown };
  out: { [Name in Where]: Value };
};

/** `params` of a zod issue that stands for a code of its own instead of `validation_failed`. */
export const RESERVED_ID = { code: "reserved_id" } as const;

/** What is checked of a request. */
export type Target = "param" | "query" | "json";

/** What is thrown for what a schema refuses; `input` is the whole of what was checked. */
export type RefusalOf = (
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  target: Target,
) => Error;

/** What a validator checks, for the documents. */
export interface Checked {
  readonly target: Target;
  readonly schema: z.ZodType;
  /** Whether a request without it is refused. */
  readonly required: boolean;
  /** Whether a body that is sent as anything but JSON is refused for that alone. */
  readonly jsonOnly: boolean;
  /** What may be sent instead of JSON: a text whose schema says `contentMediaType`. */
  readonly text?: z.ZodType;
}

const noted = new WeakMap<object, Checked>();

/** What this handler checks, if it is a validator of ours. */
export function checkedBy(handler: Handler<EdgeEnv>): Checked | undefined {
  return noted.get(handler);
}

type Check<Where extends Target, Schema extends z.ZodType> = MiddlewareHandler<
  EdgeEnv,
  string,
  CheckedInput<Where, z.output<Schema>>
>;

/** No schema of ours waits for anything; zod's other way costs a request several turns of promises. */
const SYNCHRONOUS = {
  validationFunction: (schema: z.ZodType, value: unknown) => schema.safeParse(value),
};

/** Validators that refuse in a contract's own way. */
export function createValidators(refuse: RefusalOf) {
  /** Checks path parameters, the query, or a body: one that is not sent as JSON counts as `{}`. */
  function validate<Schema extends z.ZodType, Where extends Target>(
    target: Where,
    schema: Schema,
  ): Check<Where, Schema> {
    // Its results are known by their schema's type, which no caller here needs to have named.
    const any: z.ZodType = schema;
    const check: MiddlewareHandler<EdgeEnv> = zValidator(
      target,
      any,
      (result) => {
        if (!result.success) throw refuse(result.error.issues, result.data, target);
      },
      SYNCHRONOUS,
    );
    const required = target === "json" && !schema.safeParse({}).success;
    noted.set(check, { target, schema, required, jsonOnly: false });
    return check;
  }

  /** Checks a body that must be there: throws `json_required` and `malformed_json` as well. */
  function validateBody<Schema extends z.ZodType>(
    schema: Schema,
    types = "application/json",
  ): Check<"json", Schema> {
    const check = validate("json", schema);
    const checkBody: typeof check = async (c, next) => {
      if (isJson(c.req.header("content-type"))) return check(c, next);
      if ((await c.req.text()) === "")
        throw new Problem("malformed_json", "a JSON body is required");
      throw new Problem("json_required", `the body must be sent as ${types}`);
    };
    noted.set(checkBody, { target: "json", schema, required: true, jsonOnly: true });
    return checkBody;
  }

  /** `validateBody` of a body that may as well be CSV, which `read` makes the same of. */
  function validateBodyOrCsv<Schema extends z.ZodType>(
    schema: Schema,
    text: z.ZodType,
    read: (csv: string) => Promise<z.output<Schema> & object>,
  ): Check<"json", Schema> {
    const check = validateBody(schema, "application/json or text/csv");
    const checkBody: typeof check = async (c, next) => {
      if (!/^text\/csv *(;|$)/i.test(c.req.header("content-type") ?? "")) return check(c, next);
      c.req.addValidatedData("json", await read(await c.req.text()));
      return next();
    };
    noted.set(checkBody, { target: "json", schema, required: true, jsonOnly: true, text });
    return checkBody;
  }

  /** Checks a body that may be missing, which is the same as `{}`. */
  function validateOptionalBody<Schema extends z.ZodType<object>>(
    schema: Schema,
  ): Check<"json", Schema> {
    const check = validate("json", schema);
    const absent = schema.parse({});
    const checkBody: typeof check = async (c, next) => {
      if ((await c.req.text()) === "") {
        c.req.addValidatedData("json", absent);
        return next();
      }
      if (!isJson(c.req.header("content-type"))) throw jsonRequired();
      return check(c, next);
    };
    noted.set(checkBody, { target: "json", schema, required: false, jsonOnly: true });
    return checkBody;
  }

  return { validate, validateBody, validateBodyOrCsv, validateOptionalBody };
}

/** Those of contract A: they throw `validation_failed` with every field that is wrong. */
export const { validate, validateBody, validateOptionalBody } = createValidators(refusalOf);

function isJson(contentType: string | undefined): boolean {
  if (contentType === "application/json") return true;
  return /^application\/json *(;|$)/i.test(contentType ?? "");
}

function jsonRequired(): Problem {
  return new Problem("json_required", "the body must be sent as application/json");
}

/** In contract A's words. */
export function refusalOf(
  found: readonly z.core.$ZodIssue[],
  input: unknown,
  target: Target = "json",
): Error {
  const issues = found.flatMap(unfolded);
  const tooMany = issues.find(
    (issue) => issue.code === "too_big" && issue.origin === "array" && !isMistaken(issue, issues),
  );
  if (tooMany?.code === "too_big") {
    const most = `${pathText(tooMany.path)} takes at most ${tooMany.maximum} items`;
    return new Problem("too_many_items", most);
  }
  const errors = fieldErrorsOf(issues, input, target);
  const message = errors.map((error) => `${error.path} ${error.message}`.trim()).join("; ");
  if (issues.every(isReserved)) return new Problem("reserved_id", message, { members: { errors } });
  return new Fault("validation_failed", message, { errors });
}

/** A list where a text belongs is also longer than that text may be. */
function isMistaken({ path }: z.core.$ZodIssue, issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.some(
    (other) => other.code === "invalid_type" && pathText(other.path) === pathText(path),
  );
}

function isReserved(issue: z.core.$ZodIssue): boolean {
  return issue.code === "custom" && issue.params?.["code"] === RESERVED_ID.code;
}

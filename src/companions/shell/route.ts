/**
 * Routes of a companion as data: the router and the OpenAPI document read the same list, and what is
 * sent is read by the schema that the document shows.
 */
import type { z } from "zod";
import { jsonOf, type ShellContext } from "#companions/shell/app";
import type { Caller, Demand, Role } from "#companions/shell/caller";
import { parsed } from "#companions/shell/parsed";

export type Method = "GET" | "POST" | "PUT" | "DELETE";
/** What an answer may say beside its body, besides what all of them do. */
export type Header = "Link" | "Location";

/** What the document tells of a call. */
export interface Described {
  readonly method: Method;
  readonly path: string;
  /** What the call does, in one line. */
  readonly summary: string;
  /** What else a caller should know of it; empty where there is nothing. */
  readonly notes: string;
  /** null: it is for everybody. */
  readonly scheme: Scheme | null;
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  /** Media types in which the body may come. */
  readonly types: readonly string[];
  /** Whether it takes an `Idempotency-Key`. */
  readonly keyed: boolean;
  /** Bodies by status; null: none. A schema may say `contentMediaType`; others are JSON. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly headers: readonly Header[];
  /** With which statuses it refuses, and why. */
  readonly refused: Readonly<Record<number, string>>;
}

export interface ShellRoute extends Described {
  readonly handle: (c: ShellContext) => Promise<Response>;
}

/**
 * How a caller says who it is: by a token of the users service, by HTTP's basic authentication, or, a
 * service to another, by a signature of what it sends.
 */
export type Scheme = "bearer" | "basic" | "signature";

/** Who may call. */
export interface By<Who> {
  readonly scheme: Scheme | null;
  /** Answers who calls, or refuses. */
  readonly admit: (c: ShellContext) => Promise<Who>;
}
export const EVERYBODY: By<null> = { scheme: null, admit: () => Promise.resolve(null) };
export const byRole = (demand: Demand, roles: readonly Role[]): By<Caller> => {
  return { scheme: "bearer", admit: (c) => demand(c, roles) };
};

/** What a call takes, and how that is read. */
export interface Takes<Sent> extends Pick<Described, "query" | "body" | "types"> {
  readonly read: (c: ShellContext) => Promise<Sent>;
}
const NO_BODY = { body: null, types: [] };
/** What else stands in a query is not looked at. */
export const NOTHING: Takes<null> = {
  ...NO_BODY,
  query: null,
  read: () => Promise.resolve(null),
};
export function inQuery<Schema extends z.ZodType>(schema: Schema): Takes<z.output<Schema>> {
  const read = async (c: ShellContext) => parsed(schema, c.req.query());
  return { ...NO_BODY, query: schema, read };
}
export function inBody<Schema extends z.ZodType>(schema: Schema): Takes<z.output<Schema>> {
  const read = async (c: ShellContext) => parsed(schema, await jsonOf(c));
  return { query: null, body: schema, types: [JSON_TYPE], read };
}
/** As OAuth has it, and as everything else here does. */
export function formOrJson<Schema extends z.ZodType>(schema: Schema): Takes<z.output<Schema>> {
  const read = async (c: ShellContext) => {
    const isForm = (c.req.header("content-type") ?? "").startsWith(FORM_TYPE);
    if (!isForm) return parsed(schema, await jsonOf(c));
    return parsed(schema, Object.fromEntries(new URLSearchParams(await c.req.text())));
  };
  return { query: null, body: schema, types: [FORM_TYPE, JSON_TYPE], read };
}
export const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

interface Given<Who, Sent> extends Pick<Described, "method" | "path" | "summary" | "answers"> {
  readonly notes?: string;
  readonly by: By<Who>;
  readonly takes: Takes<Sent>;
  readonly keyed?: boolean;
  readonly headers?: readonly Header[];
  /** Besides what follows from who may call it and what it takes. */
  readonly refused?: Readonly<Record<number, string>>;
  /** Whether it needs no other server: then it never says that one is away. */
  readonly isAlone?: boolean;
  readonly handle: (c: ShellContext, sent: Sent, who: Who) => Promise<Response> | Response;
}

/** Who calls is asked for first, then what was sent is read, then it is done. */
export function route<Who, Sent>(given: Given<Who, Sent>): ShellRoute {
  const { by, takes, handle, notes = "", keyed = false, headers = [], isAlone = false } = given;
  const { method, path, summary, answers } = given;
  const hasBody = takes.body !== null;
  const refused = {
    ...(hasBody || takes.query !== null ? { 400: "What was sent is wrong." } : {}),
    ...(hasBody ? { 413: "The body is too long." } : {}),
    ...(by.scheme === null ? {} : { 401: "Who calls is not known." }),
    ...(by.scheme === "bearer" ? { 403: "Who calls may not do it." } : {}),
    ...(isAlone ? {} : { 503: "A server that this one needs is away." }),
    ...given.refused,
  };
  return {
    method,
    path,
    summary,
    notes,
    scheme: by.scheme,
    query: takes.query,
    body: takes.body,
    types: takes.types,
    keyed,
    answers,
    headers,
    refused,
    async handle(c) {
      const who = await by.admit(c);
      return await handle(c, await takes.read(c), who);
    },
  };
}

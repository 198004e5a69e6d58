/** Routes are data: the router, the authorisation matrix and the documents read the same list. */
import type { Handler } from "hono";
import type { z } from "zod";
import type { EdgeContext, EdgeEnv } from "#http/env";
import type { ProblemCode } from "#http/problem";
import type { Answer } from "#http/reply";
import type { Streams } from "#http/streams";
import { ROLES, type Caller, type Deps, type Role } from "#inventory/context";
import { CustomerId } from "#inventory/model";
import type { Metrics } from "#lib/metrics";

export interface Readiness {
  readonly status: "healthy" | "degraded" | "unavailable";
  /** Why it is not healthy, in words for an operator. */
  readonly reasons: readonly string[];
}

export interface Health {
  readonly readiness: () => Readiness;
  /** True from the first reason to stop: new work is refused with `stopping`. */
  readonly stopping: () => boolean;
}

/** What some contracts tell of the world round this process. */
export interface Surroundings {
  /** By which a service registry knows this process; only once it serves. */
  readonly instanceId: () => string;
  readonly version: string;
  /** Of these products, what the product service says, as soon as it does; it never rejects. */
  readonly productsOf: (productIds: readonly string[]) => Promise<ReadonlyMap<string, object>>;
}

/** What routes are made from. */
export interface Edge {
  readonly deps: Deps;
  readonly metrics: Pick<Metrics, "render">;
  /** Bearer token of /metrics, demanded of everybody; null: loopback peers only. */
  readonly metricsToken: string | null;
  readonly health: Health;
  /** The OpenAPI document of all that is mounted, as JSON; made when it is first asked for. */
  readonly document: () => string;
  /** Whether it is for everybody, or for admins. */
  readonly docsPublic: boolean;
  /** Whether contracts that know no authentication take changes from everybody. */
  readonly takesAnonymous: boolean;
  readonly surroundings: Surroundings;
  /** Where the feed's streams are open. */
  readonly eventStreams: Streams;
  /** For how many ms this header need not be verified again; rejects when it does not hold any more. */
  readonly holdsFor: (authorization: string | undefined) => Promise<number>;
  /** Words and logs what a verb threw: for a call whose other items go on. */
  readonly worded: (error: unknown, c: EdgeContext) => Answer;
}

/**
 * A body as the documents have it: JSON, a text whose schema says `contentMediaType`, or none;
 * several where the caller may choose.
 */
export type AnswerBody = z.ZodType | readonly z.ZodType[] | null;

/**
 * What successes may say beside their body: a version, where the next rows are, how old it is, and
 * under which name to keep it.
 */
export type AnswerHeader = "ETag" | "Link" | "Location" | "Ledger-Lag" | "Content-Disposition";

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** What the call does, in one line. */
  readonly summary: string;
  /** What else a caller should know of it; empty where there is nothing. */
  readonly notes: string;
  /** What it answers, by status, where it does not refuse in its contract's words. */
  readonly answers: Readonly<Record<number, AnswerBody>>;
  /** Headers of its successes, besides those that its other members imply. */
  readonly headers: readonly AnswerHeader[];
  /** Codes that it refuses with, besides those that its other members and validators imply. */
  readonly refusals: readonly ProblemCode[];
  readonly roles: "public" | readonly Role[];
  /** A query of a public route that is not for everybody; null where there is none. */
  readonly guarded: { readonly query: string; readonly roles: readonly Role[] } | null;
  /** In whose name a public route changes something; null where it changes nothing. */
  readonly anonymous: Caller | null;
  /** Whether it changes something, hence takes an `Idempotency-Key`. */
  readonly mutation: boolean;
  /** Whether what it changes is in PostgreSQL alone, so that its answer is durable as the ledger is. */
  readonly inLedgerAlone: boolean;
  /** Whether it takes `If-Match`. */
  readonly conditional: boolean;
  /** Whether it takes lists, hence larger bodies. */
  readonly bulk: boolean;
  /** Whether it takes files, hence the largest bodies. */
  readonly file: boolean;
  /** Whether it waits when its caller asks it to: that is not slow. */
  readonly waits: boolean;
  /** Whether it may answer with server-sent events, hence takes `Last-Event-ID`. */
  readonly streams: boolean;
  /** Whether it answers while the process stops. */
  readonly whileStopping: boolean;
  /**
   * When a request is counted where requests are limited: before it, beside what only reads, on the
   * way of the one command that it sends to Redis, or not at all.
   */
  readonly counted: "ahead" | "beside" | "with_its_command" | "never";
  /** Validators, then the handler. */
  readonly handlers: readonly Handler<EdgeEnv>[];
}

type Optional =
  | "notes"
  | "headers"
  | "refusals"
  | "guarded"
  | "anonymous"
  | "mutation"
  | "inLedgerAlone"
  | "conditional"
  | "bulk"
  | "file"
  | "waits"
  | "streams"
  | "whileStopping"
  | "counted";

const COMMON: Pick<Route, Optional> = {
  notes: "",
  headers: [],
  refusals: [],
  guarded: null,
  anonymous: null,
  mutation: false,
  inLedgerAlone: false,
  conditional: false,
  bulk: false,
  file: false,
  waits: false,
  streams: false,
  whileStopping: false,
  counted: "ahead",
};

export const ADMIN: readonly Role[] = ["admin"];
export const STAFF: readonly Role[] = ["admin", "service"];
export const ANY_ROLE: readonly Role[] = ROLES;

/** A route with what most of them have in common filled in. */
export function route(given: Omit<Route, Optional> & Partial<Pick<Route, Optional>>): Route {
  return { ...COMMON, ...given };
}

/** Who may change something through a contract that knows no authentication. */
export function openTo(
  { takesAnonymous }: Edge,
  contract: string,
): Pick<Route, "roles" | "anonymous" | "mutation"> {
  if (!takesAnonymous) return { roles: STAFF, anonymous: null, mutation: true };
  const subject = CustomerId.parse(`anonymous@${contract}`);
  return { roles: "public", anonymous: { role: "service", subject }, mutation: true };
}

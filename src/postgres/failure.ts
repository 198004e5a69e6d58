/** What a failed statement means for its caller. */
import postgres from "postgres";
import { Fault } from "#inventory/faults";

/**
 * `unavailable`: the server's or the connection's state; the same statement may pass later.
 * `data`: a value that PostgreSQL will never take. `bug`: anything else.
 */
export type FailureKind = "unavailable" | "data" | "bug";

/** Connections and shutdown, serialization, resources, locks, timeouts, read-only, disk, sign-in. */
const UNAVAILABLE = /^(08|57P0|57014|40001|40P01|53|55P03|25006|58|28|3D000)/;
const REFUSED_SIGN_IN = /^(28|3D000)/;
/** Values out of range or shape, broken constraints, rows or statements over a limit. */
const DATA = /^(22|23|54)/;
/** Codes of the driver and the system when there is no connection. */
const NO_CONNECTION = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|FailedToOpen)/;

/** Keys that can only be taken when the cursor and the rows disagree: no row is at fault. */
const KEYS_OF_THE_CURSOR = /^(movements_\d+|quarantine)_pkey$/;

export function kindOfFailure(error: unknown): FailureKind {
  if (error instanceof Fault) return error.code === "ledger_unavailable" ? "unavailable" : "bug";
  const code = codeOf(error);
  if (code === null) return "bug";
  if (NO_CONNECTION.test(code) || UNAVAILABLE.test(code)) return "unavailable";
  if (!DATA.test(code)) return "bug";
  return error instanceof postgres.PostgresError ? kindOfRefusal(error) : "bug";
}

/** A server that is there, and does not take this user, password or database. */
export function isRefusedSignIn(error: unknown): boolean {
  return REFUSED_SIGN_IN.test(codeOf(error) ?? "");
}

/** The error a caller shall see: Fault `ledger_unavailable`, or the error as it is. */
export function asFault(error: unknown): Error {
  if (error instanceof Fault) return error;
  if (kindOfFailure(error) === "unavailable") {
    return new Fault("ledger_unavailable", "the ledger cannot be reached", { cause: error });
  }
  return error instanceof Error ? error : new Error("a statement failed", { cause: error });
}

/** One line for an operator: code, constraint and message; never a statement's values. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const constraint = error instanceof postgres.PostgresError ? error.constraint_name : undefined;
  return [codeOf(error), constraint, error.message].filter((part) => part).join(" ");
}

function kindOfRefusal(error: postgres.PostgresError): FailureKind {
  // "no partition of relation": the range of seq is not made yet, which is nobody's data.
  if (error.code === "23514" && !error.constraint_name) return "unavailable";
  if (error.code === "23505" && KEYS_OF_THE_CURSOR.test(error.constraint_name ?? "")) return "bug";
  return "data";
}

function codeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/**
 * Faults: the caller's mistake or a dependency away. An expected answer is an outcome, not a fault;
 * a bug is any other error. One class and a closed list, so that every transport can word them all.
 */
const FAULTS = {
  /** Redis came back behind what was acknowledged, or a rebuild runs. */
  partition_fenced: { retryable: true },
  redis_unavailable: { retryable: true },
  ledger_unavailable: { retryable: true },
  /** The journal reached its configured size because the drain is behind. */
  journal_full: { retryable: true },
  /** A named queue is full. */
  overloaded: { retryable: true },
  stopping: { retryable: true },
  /** A customer or an address has made as many requests as it may. */
  rate_limited: { retryable: true },
  /** Sent, but the answer did not arrive by the deadline: repeat under the same identity. */
  outcome_unknown: { retryable: true },
  role_required: { retryable: false },
  cart_spans_partitions: { retryable: false },
  validation_failed: { retryable: false },
} as const;

export type FaultCode = keyof typeof FAULTS;

/** One field of a request that does not hold, with the path of the field. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly retryable: boolean;
  /** The fields at fault; only for `validation_failed`. */
  readonly errors: readonly FieldError[];

  constructor(
    code: FaultCode,
    message: string,
    options?: ErrorOptions & { errors?: FieldError[] },
  ) {
    super(message, options);
    this.code = code;
    this.retryable = FAULTS[code].retryable;
    this.errors = options?.errors ?? [];
  }
}

/** What a line of the log says of it: a Fault is expected and has no stack to look at. */
export function factsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Fault)) return { error };
  const { code, message, cause } = error;
  return { code, reason: cause instanceof Error ? `${message} (${cause.message})` : message };
}

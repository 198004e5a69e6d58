/** How durable an answer is: the levels, and what is needed to reach those above the first two. */

/** Weakest first: in memory, on Redis's disk, with a replica of Redis, in PostgreSQL. */
export const DURABILITY_LEVELS = ["memory", "disk", "replica", "ledger"] as const;
export type DurabilityLevel = (typeof DURABILITY_LEVELS)[number];

/** Whether the first level promises more than the second. */
export function isAbove(level: DurabilityLevel, other: DurabilityLevel): boolean {
  return DURABILITY_LEVELS.indexOf(level) > DURABILITY_LEVELS.indexOf(other);
}

/**
 * Where a partition stood when Redis answered a command. Whatever the command changed, or had
 * changed when it was sent before, has no higher seq in that epoch or an earlier one.
 */
export interface Receipt {
  readonly partition: number;
  readonly epoch: number;
  readonly seq: number;
}

/** What is known of the present, and what can be waited for. */
export interface Durability {
  /** The least that every answer should mean. */
  readonly floor: DurabilityLevel;
  /** What Redis's answer means by itself, as its settings are at the moment. */
  readonly base: () => "memory" | "disk";
  /**
   * Waits until everything that was answered with these receipts has reached `wanted`, at most
   * until the deadline. Answers the level that was reached; it never rejects.
   */
  reach(
    wanted: DurabilityLevel,
    receipts: readonly Receipt[],
    deadline: number,
  ): Promise<DurabilityLevel>;
}

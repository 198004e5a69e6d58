/** What stands beside the records of who waits, made from them: for a rebuild and a comparison. */
import { customerField } from "#inventory/limits";
import type { Waiter } from "#inventory/waitlist-ports";
import { decodeWaiter, splitWaiterId, type WaiterId } from "#redis/waiting-record";

export interface DerivedWaitlist {
  /** Product → owner → seq at which it joined. */
  readonly lines: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Hash of a customer → places that it has. */
  readonly waits: ReadonlyMap<string, number>;
  /** Ids of records that nobody can read. */
  readonly unreadable: readonly string[];
}

/** `records`: id and text of each. */
export function derivedWaitlist(
  partition: number,
  records: Iterable<readonly [string, string]>,
): DerivedWaitlist {
  const lines = new Map<string, Map<string, number>>();
  const waits = new Map<string, number>();
  const unreadable: string[] = [];
  for (const [id, text] of records) {
    const of = splitWaiterId(id);
    const waiter = of && read(partition, of, text);
    if (of === null || waiter === null) {
      unreadable.push(id);
      continue;
    }
    const line = lines.get(of.productId) ?? new Map<string, number>();
    lines.set(of.productId, line);
    line.set(of.owner, waiter.joinedSeq);
    if (waiter.customerId === null) continue;
    const field = customerField(waiter.customerId);
    waits.set(field, (waits.get(field) ?? 0) + 1);
  }
  return { lines, waits, unreadable };
}

function read(partition: number, of: WaiterId, text: string): Waiter | null {
  try {
    return decodeWaiter(partition, of, text);
  } catch {
    return null;
  }
}

/** What the journal must say of a call. */
import type { Crossing } from "#inventory/event-ports";
import type { JournalEntry } from "#inventory/ports";
import type { Call } from "#model/call";
import { availableOf, movementOf, productOf, reservationOf, seqOf, type Move } from "#model/world";

/** The journal entry that a call must have left. */
export function entryOf(
  call: Call,
  first: number,
  kept: readonly (readonly [key: string, text: string])[],
): JournalEntry {
  const { world, amended, registered } = call;
  const moves = world.moves.slice(first);
  const holds = new Set(moves.flatMap(({ hold }) => hold ?? []));
  return {
    epoch: world.epoch,
    seq: seqOf(world),
    movements: moves.map((move) => movementOf(world, move)),
    reservations: Array.from(holds, (hold) => reservationOf(world, hold)),
    products: Array.from(amended, productOf),
    locations: Array.from(registered).flatMap((location) => world.registry.get(location) ?? []),
    operations: kept.map(([key, text]) => ({ key, text, seq: seqOf(world) })),
    crossings: crossingsOf(call, moves),
    records: Array.from(call.records.values(), (record) => record()),
  };
}

/** Products in the order in which the call first moved them, where it left another grade. */
function crossingsOf({ grades, now: at }: Call, moves: readonly Move[]): Crossing[] {
  const moved = new Set(moves.flatMap(({ product }) => product ?? []));
  return Array.from(moved).flatMap((product) => {
    const own = moves.filter((move) => move.product === product);
    const before = grades.get(product);
    const kind = own.at(-1)?.grade;
    if (!before || !kind || kind === before) return [];
    const other = own.findLast(({ grade }) => grade !== kind);
    const seq = own.find((move) => move.seq > (other?.seq ?? 0))?.seq ?? 0;
    const units = Math.max(0, availableOf(product));
    return { seq, kind, productId: product.productId, units, at };
  });
}

/** expire on the model: what is due is released, in the order in which it became due. */
import * as fc from "fast-check";
import { expireHold, isDue, nowSecond, type Call, type Decision } from "#model/call";
import type { Plan } from "#model/plan";
import { holdOf, linesOf } from "#model/world";

/** Named limits of one call: entries read, lines after which none is begun, seconds looked at. */
const ENTRIES_MAX = 128;
const LINES_MAX = 400;
const WINDOW_SECONDS = 500;

/** A step over a partition. Its call names no command: the store also runs it by itself. */
export const expires = (): fc.Arbitrary<Plan> =>
  fc.nat({ max: 63 }).map((index) => {
    const told = `expire ${JSON.stringify({ partition: index })}`;
    return {
      verb: "expire",
      toString: () => told,
      prepare: ({ worlds, next }) => {
        const partition = index % worlds.length;
        return {
          requestId: `q${next()}`,
          told,
          submit: (store) => store.expire(partition),
          decide: null,
          operation: null,
          charge: null,
          otherwise: () => null,
          context: { actor: "test:model" },
          unsent: [{ expire: partition }],
        };
      },
    };
  });

/**
 * `sweptAfter` is how far the script says that it looked: how far one call looks is its own
 * affair within its limits, what it does there is not.
 */
export function decideExpire(call: Call, sweptAfter: number): Decision {
  const { world } = call;
  const before = world.swept;
  const entries = world.due
    .filter(({ second }) => second <= Math.min(sweptAfter + 1, nowSecond(call)))
    .toSorted((a, b) => a.second - b.second)
    .slice(0, ENTRIES_MAX);
  const isFull = entries.length === ENTRIES_MAX;
  // Entries of the second after those it has swept are dealt with only where a limit cut it short.
  const isCut = isFull || reachesLines(call, entries);
  const dealt = new Set(isCut ? entries : entries.filter(({ second }) => second <= sweptAfter));
  let expired = 0;
  let lines = 0;
  for (const entry of entries) {
    if (!dealt.has(entry)) continue;
    if (lines >= LINES_MAX) {
      dealt.delete(entry);
      continue;
    }
    const hold = holdOf(world, entry.owner);
    if (!hold || hold.dueSecond !== entry.second || !isDue(call, hold)) continue;
    lines += linesOf(hold).length;
    expired += 1;
    expireHold(call, hold);
  }
  world.due = world.due.filter((entry) => !dealt.has(entry));
  world.swept = sweptAfter;
  const forgotten = world.due.filter(({ second }) => second <= sweptAfter);
  if (forgotten.length > 0) throw new Error(`swept past ${JSON.stringify(forgotten)}`);
  if (sweptAfter < before || sweptAfter > nowSecond(call)) throw new Error("swept is out of range");
  const more = sweptAfter < nowSecond(call);
  if (more && !isCut && sweptAfter - before < WINDOW_SECONDS) throw new Error("swept too little");
  return { word: "expired", outcomes: [{ expired, more }] };
}

function reachesLines(call: Call, entries: Call["world"]["due"]): boolean {
  const owners = new Set(entries.map(({ owner }) => owner));
  let lines = 0;
  for (const owner of owners) {
    const hold = holdOf(call.world, owner);
    if (hold && isDue(call, hold)) lines += linesOf(hold).length;
  }
  return lines >= LINES_MAX;
}

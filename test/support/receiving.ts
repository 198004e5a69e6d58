/** Receipts of expected stock that are interrupted, over real servers. */
import type { RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { IncomingId } from "#inventory/incoming-ports";
import { CustomerId } from "#inventory/model";
import { receive, type ReceiveDeps } from "#inventory/receive";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { operation } from "#test/commands";
import { soon, startExpecting } from "#test/expecting";

/** Where a process may end. */
export const ENDS = ["before Redis", "behind Redis", "before it is noted"] as const;
export type End = (typeof ENDS)[number];

type Adjust = ReceiveDeps["store"]["adjust"];

export const killed = () => Promise.reject(new Error("killed"));
/** Redis surely took nothing. */
const refusal = () => Promise.reject(new Fault("redis_unavailable", "away"));

export async function startReceiving() {
  const all = await startExpecting();
  const { store, incoming, sql } = all.stores;
  const base = (): ReceiveDeps => ({ store, incoming, clock: processClock });

  const withAdjust = (adjust: Adjust): ReceiveDeps => ({
    ...base(),
    store: new Proxy(store, {
      get: (target, name) => {
        if (name === "adjust") return adjust;
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    }),
  });

  /** As it is for who ends before it asks the store, or before it hears of it, or notes it. */
  function ended(when: End): ReceiveDeps {
    if (when === "before Redis") return withAdjust(killed);
    if (when === "behind Redis") {
      return withAdjust(async (command) => {
        await store.adjust(command);
        return killed();
      });
    }
    const settle = () => Promise.reject(new Fault("ledger_unavailable", "away"));
    return { ...base(), incoming: { ...incoming, settle } };
  }

  const contextOf = (key: string | null): RequestContext => ({
    caller: { role: "admin", subject: CustomerId.parse("ada") },
    requestId: randomId(8),
    operation: key === null ? null : operation(key),
    deadline: soon(),
  });

  /** So long ago that a worker takes them up. */
  const age = (incomingId: IncomingId) => sql`
    UPDATE incoming_receipts SET claimed_at = now() - interval '1 minute'
    WHERE incoming_id = ${incomingId}`;

  /** Copies of one call; the first one is with Redis until it is told what comes of it. */
  async function startCopies() {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const there = Promise.withResolvers<void>();
    const told = Promise.withResolvers<"refused" | "adjusted">();
    const waiting = withAdjust(async (command) => {
      there.resolve();
      return (await told.promise) === "refused" ? refusal() : store.adjust(command);
    });
    const heard = receive(waiting, contextOf(key), incomingId, null).then(
      ({ kind }) => kind,
      (error: unknown) => (error instanceof Fault ? error.code : error),
    );
    await there.promise;
    const another = (deps = base()) => receive(deps, contextOf(key), incomingId, null);
    const refused = () => another(withAdjust(refusal));
    const somebodyElse = () => receive(base(), contextOf(null), incomingId, null);
    return { productId, incomingId, tell: told.resolve, heard, another, refused, somebodyElse };
  }

  return { ...all, base, withAdjust, ended, contextOf, age, startCopies };
}

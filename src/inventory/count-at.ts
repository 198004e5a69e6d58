/**
 * Counts of an earlier instant. Somebody counted, then units moved, then the count arrives: what was
 * wrong at that instant is put right today, and what moved since is kept, as are live holds.
 *
 * The n-th count of a level is one operation, whoever makes it: two that know the same earlier
 * counts cannot both put the same difference right, for Redis takes the first and refuses the other,
 * which then asks the ledger again. So a count is also known by its level, instant and quantity
 * however often it is sent: what the ledger has of it is answered again.
 */
import { hash } from "node:crypto";
import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import type { EarlierCount, LevelSince, Moved } from "#inventory/count-ports";
import { Fault } from "#inventory/faults";
import { limitOf, type LevelLimit } from "#inventory/level-limit";
import type { Location, Product, ProductId } from "#inventory/model";
import type { Operation, Position } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

/** What was counted at an instant, which is epoch milliseconds by Redis's clock. */
export interface CountAt {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  readonly quantity: number;
  readonly countedAt: number;
}

export interface CountAtInput extends Grounds {
  readonly counts: readonly CountAt[];
  /** Without it nothing changes: the answer tells what would. */
  readonly commit: boolean;
}

/** What a count found. `delta` is what was counted less what was expected at that instant. */
export interface Found {
  readonly location: Location;
  readonly expected: number;
  readonly delta: number;
  readonly moved: readonly Moved[];
  /** Units at that location once the difference is put right, and those of them that are held. */
  readonly onHand: number;
  readonly reserved: number;
}

export type CountAtOutcome =
  | { readonly kind: "found"; readonly found: Found; readonly replayed: boolean }
  /** Counts of that location as it stands; nothing was changed. */
  | { readonly kind: "below_reserved"; readonly found: Found }
  | { readonly kind: "above_limit"; readonly limit: LevelLimit; readonly found: Found }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "not_yet_created"; readonly createdAt: number }
  | { readonly kind: "not_kept" }
  | { readonly kind: "future" }
  /** A count of a later instant is known: it says more. */
  | { readonly kind: "counted_since" }
  /** An earlier row of the same call is about the same level. */
  | { readonly kind: "twice" }
  | { readonly kind: "key_reused" }
  /** What was thrown for this row alone. */
  | { readonly kind: "failed"; readonly error: unknown };

type CountDeps = Pick<Deps, "store" | "ledger" | "clock">;
type KeyOf = (index: number) => Operation | null;

/** A clock of who counted may be this much ahead of Redis's. */
const COUNT_AHEAD_MS_MAX = 5_000;
const KEY_HEX_DIGITS = 32;
const PAYLOAD_HEX_DIGITS = 16;
/** How the reason of a count names its instant; postgres/statements/levels-since.sql reads it. */
const REASON = /^counted at \S+: (\d+), (-?\d+) expected by movement \d+$/;

interface Row extends CountAt {
  readonly index: number;
  readonly location: Location;
  readonly product: Product;
  /** The last count of the level when this one was tried; null where it was not. */
  readonly tried: number | null;
}

/**
 * Tells, or puts right, what was wrong. Answers in the order asked. Rejects with `ledger_unavailable`
 * while the ledger is away or behind, for then nobody knows what was there.
 */
export async function countAt(
  deps: CountDeps,
  ctx: RequestContext,
  input: CountAtInput,
  keyOf: KeyOf = () => null,
): Promise<readonly CountAtOutcome[]> {
  const outcomes: (CountAtOutcome | Row)[] = await rowsOf(deps, ctx, input.counts);
  for (;;) {
    const rows = outcomes.filter(isRow);
    if (rows.length === 0) break;
    const known = await sinceThen(deps, ctx.deadline, rows);
    await Promise.all(
      rows.map(async (row, place) => {
        const since = known[place];
        if (since === undefined) throw new Error("the ledger answered for fewer levels than asked");
        const run = { ctx, input, operation: keyOf(row.index) };
        outcomes[row.index] = await countRow(deps, run, row, since).catch(
          (error: unknown): CountAtOutcome => ({ kind: "failed", error }),
        );
      }),
    );
  }
  return outcomes.flatMap((outcome) => (isRow(outcome) ? [] : [outcome]));
}

const isRow = (outcome: CountAtOutcome | Row): outcome is Row => "product" in outcome;

/** What can be said without the ledger; the others are rows, each of a level of its own. */
async function rowsOf(
  { store }: CountDeps,
  { deadline }: RequestContext,
  counts: readonly CountAt[],
): Promise<(CountAtOutcome | Row)[]> {
  const ids = counts.map(({ productId }) => productId);
  const products = await store.products(ids, deadline);
  const levels = new Set<string>();
  return counts.map((count, index) => {
    const product = products[index] ?? null;
    if (product === null) return { kind: "unknown_product" };
    const { productId, countedAt } = count;
    const location = count.location ?? product.home;
    const level = `${productId}\n${location}`;
    if (levels.has(level)) return { kind: "twice" };
    levels.add(level);
    const aheadMs = store.msUntil(store.partitionOf(productId), countedAt / 1_000);
    if (aheadMs > COUNT_AHEAD_MS_MAX) return { kind: "future" };
    const { createdAt } = product;
    if (countedAt < createdAt) return { kind: "not_yet_created", createdAt };
    return { ...count, index, location, product, tried: null };
  });
}

/** What the ledger knows of them, all of it: behind, or from a backup, it knows nothing. */
async function sinceThen(
  deps: CountDeps,
  deadline: number,
  rows: readonly Row[],
): Promise<readonly LevelSince[]> {
  const { store, ledger } = deps;
  const lag = await waitForLedger(deps, deadline);
  if (lag > 0) throw unsure(`the ledger is ${lag} movements behind`);
  const positions = new Map<number, Position>();
  for (const at of await store.positions(deadline)) positions.set(at.partition, at);
  const levels = rows.map(({ productId, location, countedAt: at }) => ({
    productId,
    location,
    at,
  }));
  const known = await ledger.since(levels, deadline);
  for (const [place, { seq }] of known.entries()) {
    const productId = rows[place]?.productId;
    const at = productId && positions.get(store.partitionOf(productId));
    if (at && seq < at.drained) throw unsure("the ledger has lost movements");
  }
  return known;
}

const unsure = (why: string): Fault =>
  new Fault("ledger_unavailable", `${why}: what was there is not known`);

interface Run {
  readonly ctx: RequestContext;
  readonly input: CountAtInput;
  readonly operation: Operation | null;
}

/** The row itself where another count came first: it is asked of the ledger again. */
async function countRow(
  { store }: CountDeps,
  { ctx, input, operation }: Run,
  row: Row,
  since: LevelSince,
): Promise<CountAtOutcome | Row> {
  if (since.unsure) throw unsure("a movement of the product is in quarantine");
  const earlier = since.same && replayOf(row, since.same);
  if (earlier && input.commit) return { kind: "found", found: earlier, replayed: true };
  if (since.hasLater) return { kind: "counted_since" };
  if (!since.kept) return { kind: "not_kept" };

  const { productId, location, quantity, countedAt, product } = row;
  const expected = since.moved.reduce((sum, { quantity: units }) => sum - units, since.onHand);
  const delta = quantity - expected;
  const found: Found = {
    location,
    expected,
    delta,
    moved: since.moved,
    ...levelOf(product, location),
  };
  if (!input.commit) {
    // The rules of the script that would put it right, in its order.
    const onHand = found.onHand + delta;
    if (onHand < found.reserved) return { kind: "below_reserved", found };
    const limit = limitOf(product, location, delta);
    if (limit !== null) return { kind: "above_limit", limit, found };
    return { kind: "found", found: { ...found, onHand }, replayed: false };
  }
  const isNews = row.tried !== since.lastCount;
  const iso = new Date(countedAt).toISOString();
  const reason = `counted at ${iso}: ${quantity}, ${expected} expected by movement ${since.seq}`;
  const nth = operationOf([productId, location, since.lastCount], [iso, quantity]);
  const requestId = `${ctx.requestId}#${row.index}`;
  const outcome = await store.adjust({
    ...commandBase({ ...ctx, requestId }, { ...input, reason }),
    operation: operation === null ? nth : { ...operation, also: nth },
    productId,
    location,
    delta,
    type: "COUNT",
    expectedQuantity: null,
    expectedSeq: null,
  });
  switch (outcome.kind) {
    case "adjusted": {
      const after = levelOf(outcome.product, location);
      // Another copy of it was quicker: it is answered as the ledger has it.
      if (outcome.replayed && isNews) return { ...row, tried: since.lastCount };
      return { kind: "found", found: { ...found, ...after }, replayed: outcome.replayed };
    }
    case "key_reused":
      // By another count, which the ledger has by now; else by another body under the caller's key.
      return isNews ? { ...row, tried: since.lastCount } : outcome;
    case "below_reserved":
      return {
        kind: "below_reserved",
        found: { ...found, onHand: outcome.onHand, reserved: outcome.reserved },
      };
    case "above_limit":
      return { kind: "above_limit", limit: outcome.limit, found };
    case "unknown_product":
      return outcome;
    case "expected_mismatch":
      throw new Error("a count that expects no version was answered expected_mismatch");
  }
}

/** The answer that this very count had, whoever sent it; null where another quantity was counted. */
function replayOf({ location, quantity }: Row, same: EarlierCount): Found | null {
  const [, counted, expected] = REASON.exec(same.reason) ?? [];
  if (counted !== String(quantity) || expected === undefined) return null;
  const { moved, onHandBefore, onHandAfter, reservedAfter } = same;
  const delta = onHandAfter - onHandBefore;
  const after = { onHand: onHandAfter, reserved: reservedAfter };
  return { location, expected: Number(expected), delta, moved, ...after };
}

function levelOf({ levels }: Product, location: Location): Pick<Found, "onHand" | "reserved"> {
  const level = levels.find((known) => known.location === location);
  return { onHand: level?.onHand ?? 0, reserved: level?.reserved ?? 0 };
}

/** No `Idempotency-Key` leads to it. */
function operationOf(
  level: readonly (string | number)[],
  what: readonly (string | number)[],
): Operation {
  const digest = (text: string, digits: number) => hash("sha256", text).slice(0, digits);
  return {
    key: digest(`count ${JSON.stringify(level)}`, KEY_HEX_DIGITS),
    payload: digest(JSON.stringify(what), PAYLOAD_HEX_DIGITS),
  };
}

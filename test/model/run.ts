/**
 * One run: commands go through the store to a real Redis, and the same ones through the model.
 * After each step (one command, or several of the same turn, which share batches) are compared:
 * - every line that a script answered, by its first word, in the order in which Redis ran them;
 * - every outcome or fault that the store gave, whole;
 * - the whole keyspace, read by one script call: every key, its type, its time to live, its value
 *   and that there is no other; of the journal the entries that are new.
 */
import type { Redis } from "ioredis";
import type { CampaignId } from "#inventory/campaigns";
import { Fault } from "#inventory/faults";
import type { JournalEntry, StockStore } from "#inventory/ports";
import type { Charge } from "#inventory/rates";
import type { Waitlist } from "#inventory/waitlist-ports";
import { journalKey, metaKey } from "#redis/keys";
import { recorded } from "#redis/recorded";
import type { Call, Decision } from "#model/call";
import { decideTurn } from "#model/campaigns";
import { charged, compareCharged } from "#model/charge";
import { entryOf } from "#model/entry";
import { compareClaims, comparePartition } from "#model/keyspace";

import { same } from "#model/same";
import type { Attempt, Plan, Scene, Shape } from "#model/plan";
import { look, sha1, type Seen } from "#model/seen";
import { SlottedBatch, type KeptBatch, type Slots } from "#model/slots";
import { answerOf, wordOf, type Heard, type Status, type Tap, type WordCounts } from "#model/tap";
import { decideCopy } from "#model/verbs/locations";
import { decideExpire } from "#model/verbs/expire";
import { decideOffers } from "#model/verbs/offer";
import { noteFree } from "#model/waitlist";
import { BOUNDED_VERBS } from "#test/batches";
import { gradeOf, seqOf, type World } from "#model/world";

/** Verbs that a full journal refuses. */
const BOUNDED: ReadonlySet<string> = new Set(BOUNDED_VERBS.map((verb) => `stock/${verb}.lua`));
export const isBounded = (path: string): boolean =>
  BOUNDED.has(path) || /^(?:location|limit|campaign\/(?:schedule|remove))/.test(path);

/** Brings what partition 0 decided to the others; its items bear the name of that command. */
const COPY = "location/copy.lua";

/** Its items are no commands of anybody. */
const OFFER = "stock/offer.lua";
/** Its items are campaigns; the store asks for it by itself. */
const TURN = "campaign/turn.lua";

const GENERATION_DIGITS = 8;

export interface Run {
  readonly shape: Shape;
  readonly store: StockStore;
  readonly waitlist: Waitlist;
  /** For looking, and for what the store never sends. */
  readonly redis: Redis;
  readonly tap: Tap;
  readonly words: WordCounts;
  readonly worlds: readonly World[];
  readonly metas: readonly Readonly<Record<string, string>>[];
  readonly claims: Map<string, string>;
  /** Key of a batch → what it keeps. */
  readonly batches: Map<string, KeptBatch>;
  readonly slots: Slots;
  /** For each partition: Idempotency-Key → the hash of what it keeps. */
  readonly operations: readonly Map<string, string>[];
  readonly journals: Map<string, string>;
  /** Commands whose requests were counted: they are not counted again. */
  readonly charged: Set<Charge>;
  /** Commands that had an Idempotency-Key, for those who repeat one. */
  readonly keyed: Attempt[];
  readonly startedAt: number;
  /** Redis's clock when it was last looked at (ms). */
  seenAt: number;
  next: number;
  commands: number;
  /** What was done so far, for whoever reads a failure. */
  readonly told: string[];
}

/** Sends what the plans make of the scene, all in one turn, and compares everything after it. */
export async function step(run: Run, plans: readonly Plan[]): Promise<void> {
  const skus = new Map<string, string>();
  const next = (): number => (run.next += 1);
  const generation = (): string => next().toString(36).padStart(GENERATION_DIGITS, "0");
  const scene: Scene = { ...run, next, generation, step: { size: plans.length, skus } };
  const prepared = plans.flatMap((plan) => plan.prepare(scene) ?? []);
  const attempts = [...new Map(prepared.map((it) => [it.requestId, it])).values()];
  run.keyed.push(...attempts.filter(({ operation }) => operation !== null));
  // Who repeats a command has its share of the quota still, be it that it was refused.
  for (const { charge } of attempts) if (charge?.isSettled === true) run.charged.add(charge);
  run.commands += attempts.length;
  run.told.push(attempts.map(({ told }) => told).join("\n  + "));
  const answers = attempts.map(({ submit }) => settled(submit(run.store, run.waitlist)));
  const outcomes = await run.tap.orEndless(Promise.all(answers));
  const calls = run.tap.take();
  const seen = await look(run.redis, run.journals);
  const decisions = decide(run, calls, attempts, seen);
  attempts.forEach((attempt, i) => {
    const expected = decisions.outcomes.get(attempt.requestId) ?? unsentOf(attempt, decisions);
    sameOutcome(attempt.told, outcomes[i], expected);
    noteFault(run, outcomes[i]);
  });
  compare(run, seen, decisions.entries);
}

/** What was answered, or the fault. */
async function settled(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    return error instanceof Fault ? { fault: error.code } : { error: String(error) };
  }
}

/** A run may be asked for faults that no script tells. */
function noteFault({ words }: Run, outcome: unknown): void {
  if (outcome === null || typeof outcome !== "object" || !("fault" in outcome)) return;
  words.count(`fault ${String(outcome.fault)}`);
}

interface Decisions {
  /** Of each command, by the last item that it had. */
  readonly outcomes: Map<string, readonly unknown[]>;
  /** Of each change of the registry, what partition 0 decided: its copies bring that. */
  readonly registered: Map<string, unknown>;
  /** What each expire step of a partition must have answered. */
  readonly expired: Map<number, unknown[]>;
  /** And each step of offer. */
  readonly offered: Map<number, unknown[]>;
  readonly entries: Map<World, JournalEntry[]>;
}

/** An explicit expire is one of the steps that ran; its call bears no name. */
function unsentOf({ unsent }: Attempt, { expired, offered }: Decisions): readonly unknown[] {
  const [first] = unsent;
  const isOffer = first !== null && typeof first === "object" && "offer" in first;
  if (isOffer) return offered.get(Number(first.offer)) ?? [];
  const isExpire = first !== null && typeof first === "object" && "expire" in first;
  return isExpire ? (expired.get(Number(first.expire)) ?? []) : unsent;
}

/** Without the time that a short line may wait for: that is another look, and may be missing. */
function withoutNextDue(outcome: unknown): unknown {
  if (outcome === null || typeof outcome !== "object") return outcome;
  const fields: Record<string, unknown> = { ...outcome };
  for (const name of ["lines", "short"]) {
    const lines: unknown = fields[name];
    if (!Array.isArray(lines)) continue;
    fields[name] = lines.map((line: object) =>
      "nextHoldEndsAt" in line ? { ...line, nextHoldEndsAt: null } : line,
    );
  }
  return fields;
}

function sameOutcome(told: string, found: unknown, expected: readonly unknown[]): void {
  const plain = withoutNextDue(found);
  if (expected.some((outcome) => Bun.deepEquals(plain, outcome, true))) return;
  same(`outcome of ${told}`, plain, expected.length === 1 ? expected[0] : { oneOf: expected });
}

/** Runs the model through the calls as Redis ran them. */
function decide(
  run: Run,
  calls: readonly Heard[],
  attempts: readonly Attempt[],
  seen: Seen,
): Decisions {
  const byRequest = new Map(attempts.map((attempt) => [attempt.requestId, attempt]));
  const decisions: Decisions = {
    outcomes: new Map(),
    registered: new Map(),
    expired: new Map(),
    offered: new Map(),
    entries: new Map(),
  };
  for (const call of calls) {
    // It reads, for an explanation.
    if (call.path === "stock/next-due.lua") continue;
    if (call.path === "sku/claim.lua") claim(run, call);
    else decideBatch(run, call, byRequest, decisions, seen);
  }
  return decisions;
}

function claim(run: Run, { key, args, reply }: Heard): void {
  const sku = key.replace(/^sku:/, "");
  const [productId = "", stale] = args;
  const holder = run.claims.get(sku);
  const word = Array.isArray(reply) ? String(reply[0]) : "";
  const mayTake = holder === undefined || holder === productId || stale !== "";
  same(`claim of ${sku} for ${productId}`, word, mayTake ? "claimed" : "taken");
  if (mayTake) run.claims.set(sku, productId);
}

const ITEM = /"requestId":"(q\d+)"/;

function decideBatch(
  run: Run,
  heard: Heard,
  attempts: ReadonlyMap<string, Attempt>,
  decisions: Decisions,
  seen: Seen,
): void {
  const isCopy = heard.path === COPY;
  const world = run.worlds.find(({ partition }) => metaKey(partition) === heard.key);
  const [, ...lines] = heard.args;
  if (!world) throw new Error(`a call of ${heard.key}`);
  const isOffer = heard.path === OFFER;
  const noteOffers = (outcomes: readonly unknown[]): void => {
    const known = decisions.offered.get(world.partition) ?? [];
    decisions.offered.set(world.partition, [...known, ...outcomes]);
  };
  const items = (isOffer || heard.path === TURN ? [] : lines).map((line) => {
    const attempt = attempts.get(ITEM.exec(line)?.[1] ?? "");
    if (!attempt?.decide) throw new Error(`${heard.path} was sent an item of nobody: ${line}`);
    return { attempt, decide: attempt.decide };
  });
  const batch = new SlottedBatch(run, world, heard);
  if (batch.isAnswered()) return;
  run.words.note(heard);
  const answer = answerOf(heard.reply);
  const isFull =
    seqOf(world) - world.drained >= run.shape.journalEntriesMax && isBounded(heard.path);
  if (isFull || !answer) {
    same(`answer of ${heard.path}`, heard.reply, isFull ? "full" : "one that says ok");
    batch.refused();
    const fault = isCopy || batch.isAgain ? "outcome_unknown" : "journal_full";
    for (const { attempt } of items) decisions.outcomes.set(attempt.requestId, [{ fault }]);
    if (isOffer) noteOffers([{ fault }]);
    return;
  }
  const { status } = answer;
  sameClock(run, world, status, seen);
  const call: Call = {
    world,
    now: status.now,
    grades: new Map(Array.from(world.products.values(), (it) => [it, gradeOf(it)])),
    amended: new Set(),
    registered: new Set(),
    lined: new Set(),
    looked: new Set(),
    records: new Map(),
    first: seqOf(world),
    journalEntriesMax: run.shape.journalEntriesMax,
    linesSeen: 0,
    countsFrom: 0,
  };
  const first = seqOf(world);
  const sweptBefore = world.swept;
  const found: Decision[] = [];
  const kept: [key: string, text: string][] = [];
  const chargedBefore = new Map(world.charged);
  if (heard.path === "stock/expire.lua") {
    const decision = decideExpire(call, status.swept);
    found.push(decision);
    const expired = decisions.expired.get(world.partition) ?? [];
    decisions.expired.set(world.partition, [...expired, ...decision.outcomes]);
  }
  if (isOffer) {
    const offers = decideOffers(call, lines);
    found.push(...offers);
    noteOffers(offers.flatMap(({ outcomes }) => outcomes));
  }
  if (heard.path === TURN) {
    for (const id of lines) found.push(decideTurn(call, recorded<CampaignId>(id)));
  }
  items.forEach(({ attempt, decide: decideItem }, i) => {
    if (isCopy) {
      const outcome = decisions.registered.get(attempt.requestId);
      found.push(decideCopy(call, outcome, attempt.context));
      return;
    }
    const decision = charged(call, attempt, run.charged) ?? decideItem(call);
    found.push(decision);
    decisions.outcomes.set(attempt.requestId, decision.outcomes);
    decisions.registered.set(attempt.requestId, decision.outcomes[0]);
    if (decision.replay === undefined) return;
    for (const operation of [attempt.operation, decision.alsoUnder]) {
      if (!operation) continue;
      const text = `${operation.payload}\t${answer.lines[i]}`;
      run.operations[world.partition]?.set(operation.key, sha1(text));
      kept.push([operation.key, text]);
    }
  });
  same(
    `words of ${heard.path}`,
    answer.lines.map(wordOf),
    found.map(({ word }) => word),
  );
  const { swept, drained } = world;
  same("status", status, { seq: seqOf(world), now: call.now, swept, drained });
  if (seqOf(world) > first) {
    const entries = decisions.entries.get(world) ?? [];
    const entry = entryOf(call, first, kept);
    decisions.entries.set(world, [...entries, entry]);
    for (const { kind } of entry.crossings) run.words.count(`crossing ${kind}`);
  }
  const moved = world.moves.slice(first).flatMap(({ product }) => product ?? []);
  noteFree(call, moved, call.looked);
  const isCharged = !Bun.deepEquals(chargedBefore, world.charged);
  batch.decided(seqOf(world) > first || kept.length > 0 || isCharged);
  const now = Math.max(call.now, call.countsFrom);
  if (seqOf(world) > first || swept > sweptBefore) world.lastNow = now;
}

/** The scripts' clock is Redis's own, or where it stood: it never goes back. */
function sameClock(run: Run, world: World, { now }: Status, seen: Seen): void {
  const least = Math.max(world.lastNow, run.seenAt);
  const most = Math.max(world.lastNow, seen.time);
  if (now < least || now > most) throw new Error(`now is ${now}, not within ${least} … ${most}`);
}

/** Everything that Redis holds against everything that the model says. */
export function compare(run: Run, seen: Seen, entries: Decisions["entries"]): void {
  const left = new Set(seen.keys.keys());
  const sinceMs = seen.time - run.startedAt + 1_000;
  for (const [partition, world] of run.worlds.entries()) {
    const batches = new Map(
      [...run.batches].flatMap(([key, kept]) => (kept.world === world ? [[key, kept.hash]] : [])),
    );
    const operations = run.operations[partition] ?? new Map();
    const kept = { world, meta: run.metas[partition] ?? {}, batches, operations };
    const made = entries.get(world) ?? [];
    comparePartition(seen, left, kept, made, sinceMs);
    compareCharged(seen, left, world);
    const last = made.at(-1);
    if (last) run.journals.set(journalKey(partition), `${last.epoch}-${last.seq}`);
  }
  compareClaims(seen, left, run.claims);
  same("keys that should not be there", [...left], []);
  run.seenAt = seen.time;
}

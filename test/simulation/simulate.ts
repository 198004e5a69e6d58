/**
 * One run: everything that a seed decides, until it has come to rest and is checked.
 *
 * In it: the verbs initialize, reserve, confirm, cancel, extend, reassign, sell, adjust, transfer, expire and a
 * read of one product; limits with a name, campaigns, and places in line with what is offered to them; all
 * with their batches, retries and epochs; wake-ups and sweep, drain, rebuild; the scripts of all those. Not in it: src/compose (nodes.ts puts the parts together by hand), HTTP, tokens
 * and the adapters of other contracts, src/postgres and its SQL, the drivers and BullMQ itself. One
 * partition. No reacquire, return, count, incoming goods, amendment of a product, bulk call, registry of
 * locations, quarantine, reconciliation or retention: their laws are not asked. A process stops between
 * two events or when it sends, never in the middle of a computation.
 */
import { randomId } from "#lib/ids";
import { Random } from "#test/random";
import { brokenNow, brokenRules, isAtRest, unrestOf } from "./checks.ts";
import { BEGINS_AT, bytesAskedFor, setScheduler } from "./globals.ts";
import { planOf } from "./plan.ts";
import type { SimulatedRedis } from "./redis/server.ts";
import { Scheduler } from "./scheduler.ts";
import { Workload } from "./workload.ts";
import { World } from "./world.ts";

/** After the last fault, its callers included: a claim of a repair that died lasts half a minute. */
const REST_MS_MAX = 120_000;
const REST_STEP_MS = 500;
/** At what Redis holds, while callers are busy. */
const LOOKS = 3;

export interface Result {
  readonly seed: number;
  /** Of all that happened, in its order. */
  readonly hash: number;
  readonly failures: readonly string[];
  readonly events: number;
  readonly operations: number;
  readonly movements: number;
  /** Milliseconds that passed in the run. */
  readonly simulatedMs: number;
  /** What happened, by name, and how often. */
  readonly seen: ReadonlyMap<string, number>;
}

export interface Watchers {
  /** Told of everything that happens. */
  readonly trace?: (line: string) => void;
  /** Given the server before anybody speaks to it. */
  readonly onRedis?: (redis: SimulatedRedis) => void;
}

/** Runs one seed. */
export function simulate(seed: number, { trace, onRedis }: Watchers = {}): Result {
  const random = new Random(seed);
  const scheduler = new Scheduler(random);
  setScheduler(scheduler);
  freshIds();
  const plan = planOf(random);
  const world = new World(scheduler, random, plan, trace ?? null);
  onRedis?.(world.redis);
  world.tell(() => JSON.stringify(plan));
  let workload: Workload | null = null;
  try {
    scheduler.as(null, () => (workload = new Workload(world)));
    world.keepCopies();
    for (let looks = 1; looks <= LOOKS; looks += 1) {
      scheduler.runUntil((plan.chaosMs * looks) / LOOKS);
      world.failures.push(...brokenNow(world, false));
    }
    scheduler.as(null, () => world.heal());
    settle(world, () => workload?.busy === 0);
  } catch (error) {
    world.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const asked = workloadOf(workload).asked;
  if (world.failures.length === 0) world.failures.push(...brokenRules(world, asked));
  return {
    seed,
    hash: scheduler.hash,
    failures: world.failures,
    events: scheduler.events,
    operations: asked.length,
    movements: world.ledger.state.movements.length,
    simulatedMs: scheduler.now,
    seen: world.seen,
  };
}

function settle(world: World, isDone: () => boolean): void {
  const { scheduler } = world;
  const end = scheduler.now + REST_MS_MAX;
  while (scheduler.now < end) {
    scheduler.runUntil(scheduler.now + REST_STEP_MS);
    if (world.failures.length > 0) return;
    if (isDone() && isAtRest(world)) return;
  }
  const callers = isDone() ? "" : "; its callers are not done";
  world.fail(`it does not come to rest: ${unrestOf(world)}${callers}`);
}

/** Ids are made of bytes that the run before may have left over. */
function freshIds(): void {
  const before = bytesAskedFor();
  while (bytesAskedFor() === before) randomId(1);
}

function workloadOf(workload: Workload | null): Workload {
  if (!workload) throw new Error(`no callers at ${BEGINS_AT}`);
  return workload;
}

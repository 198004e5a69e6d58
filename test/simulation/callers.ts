/**
 * Who asks the service: each operation under one identity, repeated like a client should, at any process,
 * until an answer is certain or its caller gives up. What was answered is kept for the checks.
 */
import type { CampaignId } from "#inventory/campaigns";
import type { Deps, RequestContext } from "#inventory/context";
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import { CustomerId, type MovementType, type Reservation } from "#inventory/model";
import { operation } from "#test/commands";
import type { Node } from "./nodes.ts";
import { latency } from "./redis/connection.ts";
import type { Version } from "./versions.ts";
import type { World } from "./world.ts";

/** What one answer says: it is done (what the ledger must then have), or it was refused. */
export type Outcome =
  | {
      readonly kind: "done";
      readonly type: MovementType;
      readonly units: number;
      readonly reservation: Reservation | null;
      /** What it says of the products, where it is known to the movement. */
      readonly versions: readonly Version[];
    }
  | { readonly kind: "refused"; readonly word: string }
  | { readonly kind: "read" };

export interface Asking {
  /** `op12`: every attempt bears it, and so do the movements that it made. */
  readonly id: string;
  readonly told: string;
  /** Without a key, only an answer that is certain may be repeated. */
  readonly isKeyed: boolean;
  /** Whose units a reserve asks for; not given: those of everybody. */
  readonly campaign?: CampaignId;
  readonly ask: (deps: Deps, ctx: RequestContext) => Promise<Outcome>;
}

/** One operation, as its caller knows it in the end. */
export interface Asked {
  readonly id: string;
  readonly told: string;
  readonly campaign?: CampaignId;
  outcome: Extract<Outcome, { kind: "done" | "refused" }> | null;
  receipts: readonly Receipt[];
  /** Who gave that answer. */
  node: Node | null;
  /** Some attempt met no answer, or heard that nobody knows. */
  isDoubtful: boolean;
}

type Heard =
  | { readonly kind: "answer"; readonly outcome: Outcome; readonly receipts: readonly Receipt[] }
  | { readonly kind: "fault"; readonly code: string }
  | { readonly kind: "silence" };

/** Beyond the deadline, until the caller knows: the watch of the queues, and an explanation's wait. */
const LATE_MS_MAX = 150;
const DEADLINES_MS = [300, 900, 2_500, 5_000, 20_000] as const;
const RETRY_MS_MAX = 400;
const CALLER = CustomerId.parse("shop");

export const sleep = (world: World, ms: number): Promise<void> =>
  new Promise((resolve) => void world.scheduler.after(ms, "caller", () => resolve(), null));

/** Callers of a crowd ask at the same moments, so that their commands share batches. */
const BEAT_MS = 200;

/** Waits as long as a caller does: until the next beat in a crowd. */
export function pause(world: World, msMax: number): Promise<void> {
  const { random, plan, scheduler } = world;
  const untilBeat = BEAT_MS - (scheduler.now % BEAT_MS);
  return sleep(world, plan.fashion === null ? random.next() * msMax : untilBeat);
}

/** Repeats it until its outcome is certain; some callers give up sooner. */
export async function perform(world: World, asking: Asking): Promise<Asked> {
  const { random } = world;
  const asked: Asked = { ...asking, outcome: null, receipts: [], node: null, isDoubtful: false };
  const patience = random.next() < 0.1 ? random.whole(1, 4) : 1_000;
  for (let attempt = 0; attempt < patience; attempt += 1) {
    const living = world.living("api");
    if (living.length === 0) {
      await sleep(world, 100);
      continue;
    }
    const node = random.pick(living);
    const heard = await once(world, node, asking);
    world.tell(() => `${asking.id} (${asking.told}) at ${node.process.name}: ${describe(heard)}`);
    if (heard.kind === "answer") {
      if (heard.outcome.kind === "read") return asked;
      return Object.assign(asked, { outcome: heard.outcome, receipts: heard.receipts, node });
    }
    const isCertain = heard.kind === "fault" && heard.code !== "outcome_unknown";
    if (!isCertain) {
      asked.isDoubtful = true;
      if (!asking.isKeyed) return asked;
    }
    await pause(world, RETRY_MS_MAX);
  }
  return asked;
}

/** One attempt, over a network that may lose it. */
function once(world: World, node: Node, { id, isKeyed, ask }: Asking): Promise<Heard> {
  const { scheduler, random } = world;
  return new Promise((resolve) => {
    const ms = random.pick(DEADLINES_MS);
    const silence = (): void => resolve({ kind: "silence" });
    scheduler.after(ms + 1_000, "no answer", silence, null);
    const arrive = (): void => {
      const receipts: Receipt[] = [];
      const ctx: RequestContext = {
        deadline: node.deps.clock.now() + ms,
        caller: { role: "service", subject: CALLER },
        requestId: id,
        operation: isKeyed ? operation(id) : null,
        receipts,
      };
      const watched = watch(world, node, id, ms);
      const answer = (heard: Heard): void => {
        watched();
        node.heard.push(...receipts);
        world.saw(heard.kind === "fault" ? `answer ${heard.code}` : "answer");
        if (random.next() < world.losingAnswers) return world.saw("fault answers lost");
        scheduler.after(latency(scheduler), "answer", () => resolve(heard), null);
      };
      ask(node.deps, ctx).then(
        (outcome) => {
          if (outcome.kind === "done") world.versions.tell(outcome.versions, receipts);
          answer({ kind: "answer", outcome, receipts });
        },
        (error: unknown) => {
          if (error instanceof Fault) return answer({ kind: "fault", code: error.code });
          world.fail(`${id}: ${error instanceof Error ? (error.stack ?? error.message) : "?"}`);
          watched();
        },
      );
    };
    // What a crowd sends is read in one turn of the event loop.
    const arrivesAt = scheduler.now + latency(scheduler);
    const readAt = world.plan.fashion === null ? arrivesAt : Math.ceil(arrivesAt);
    scheduler.after(readAt - scheduler.now, "request to the service", arrive, node.process);
  });
}

/** Fails the run where a process that lives lets its deadline pass. */
function watch(world: World, { process }: Node, id: string, ms: number): () => void {
  let isOver = false;
  const endsAt = world.scheduler.now + ms + LATE_MS_MAX;
  const look = (): void => {
    // It stood still: by its own clock it may be in time.
    if (isOver || !process.isAlive || process.pausedUntil > endsAt - ms - LATE_MS_MAX) return;
    world.fail(`${id} has no answer ${LATE_MS_MAX} ms after its deadline`);
  };
  world.scheduler.after(ms + LATE_MS_MAX, "deadline", look, null);
  return () => void (isOver = true);
}

function describe(heard: Heard): string {
  if (heard.kind === "silence") return "no answer";
  if (heard.kind === "fault") return heard.code;
  const { outcome, receipts } = heard;
  const at = receipts.map(({ epoch, seq }) => `${epoch}-${seq}`).join(" ");
  const id = outcome.kind === "done" ? (outcome.reservation?.reservationId ?? "") : "";
  return `${Object.values(outcome).slice(0, 3).join(" ")} ${id} ${at}`;
}

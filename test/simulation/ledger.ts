/** The ledger's ports of one process, over statements that travel, fail, and arrive late. */
import { Fault } from "#inventory/faults";
import type { AppendOutcome, BeginAnswer, EpochLedger, LedgerWriter } from "#inventory/ports";
import type { RebuildLedger } from "#inventory/rebuild-ports";
import type { LedgerState } from "./ledger-state.ts";
import { latency } from "./redis/connection.ts";
import type { Process, Scheduler } from "./scheduler.ts";

export const STORE_ID = "store-of-the-simulation";
/** Takes of an epoch number. */
const TAKES_MAX = 5;
/** How long a statement may take that its process has given up. */
const LATE_MS_MAX = 4_000;

/** The server, for all processes. */
export class LedgerServer {
  readonly state: LedgerState;
  readonly #scheduler: Scheduler;
  readonly #onSend: (owner: Process) => boolean;
  isAway = false;
  /** How often a statement fails while the server is there. */
  failing = 0;
  /** Told of each statement that fails. */
  onFailed: (isAway: boolean) => void = () => undefined;

  constructor(state: LedgerState, scheduler: Scheduler, onSend: (owner: Process) => boolean) {
    this.state = state;
    this.#scheduler = scheduler;
    this.#onSend = onSend;
  }

  /** One statement; rejects as PostgreSQL's adapters do when it is away. */
  ask<Result>(owner: Process, statement: () => Result): Promise<Result> {
    const scheduler = this.#scheduler;
    const { random } = scheduler;
    if (!this.#onSend(owner)) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        reject(new Fault("ledger_unavailable", "the ledger cannot be used at the moment"));
      };
      const answer = (work: () => void): void => {
        scheduler.after(latency(scheduler), "answer", work, owner);
      };
      const fate = random.next() < this.failing ? random.next() : 1;
      const run = (): void => {
        if (this.isAway || fate < 1) this.onFailed(this.isAway);
        if (this.isAway || fate < 0.4) return answer(fail);
        // It was given up, and runs all the same.
        if (fate < 0.6) {
          scheduler.after(
            random.next() * LATE_MS_MAX,
            "late statement",
            () => void statement(),
            null,
          );
          return answer(fail);
        }
        const result = statement();
        answer(fate < 1 ? fail : () => resolve(result));
      };
      scheduler.after(latency(scheduler), "statement", run, null);
    });
  }
}

export function ledgerWriterOf(server: LedgerServer, owner: Process): LedgerWriter {
  const { state } = server;
  // As src/postgres/ledger-writer.ts: what the epoch was when the cursor was read.
  let epochRead: number | null = null;
  return {
    async cursor() {
      const [cursor, epoch] = await server.ask(owner, () => [state.cursor, state.epoch] as const);
      epochRead = epoch;
      return cursor;
    },
    append(batch): Promise<AppendOutcome> {
      const epoch = epochRead;
      if (epoch === null) throw new Error("the cursor must be read before a batch");
      return server.ask(owner, () => state.append(batch, epoch));
    },
    quarantine: () => Promise.reject(new Error("nothing is refused here")),
    quarantined: () => server.ask(owner, () => 0),
  };
}

export function epochLedgerOf(server: LedgerServer, owner: Process): EpochLedger {
  const { state } = server;
  return {
    storeId: STORE_ID,
    beganAfter: (_partition, epoch) => server.ask(owner, () => state.beganAfter(epoch)),
    async use(partitions, runId) {
      const epoch = await server.ask(owner, () => state.use(runId));
      return partitions.map((partition) => ({ partition, epoch }));
    },
    note: (_partition, epoch, beganAt) => server.ask(owner, () => state.note(epoch, beganAt)),
    report: (report) => server.ask(owner, () => state.report(report)),
    // As src/postgres/epochs.ts.
    async begin(_partition, _runId, question): Promise<BeginAnswer> {
      let seen = 0;
      for (let take = 0; take < TAKES_MAX; take += 1) {
        const taken = await server.ask(owner, () => state.takeEpoch(seen));
        const answer = await question(taken.epoch, taken.known);
        if (answer.kind === "begun") {
          await server.ask(owner, () => state.note(answer.epoch, answer.seq));
        }
        if (answer.kind !== "used") return answer;
        seen = answer.epoch;
      }
      return { kind: "used", epoch: seen };
    },
  };
}

export function rebuildLedgerOf(server: LedgerServer, owner: Process): RebuildLedger {
  const { state } = server;
  return {
    quarantined: () => server.ask(owner, () => 0),
    otherServer: (_partition, runId) => server.ask(owner, () => state.otherServer(runId)),
    seal: (_partition, epoch, seq, runId) => server.ask(owner, () => state.seal(epoch, seq, runId)),
    extent: () => Promise.reject(new Error("nobody asks for it here")),
    async copy(_partition, use) {
      const [parts, counts] = await server.ask(owner, () => {
        const { products, liveHolds, lastAt } = state;
        return [state.parts(), { products: products.size, liveHolds, lastAt }] as const;
      });
      for (const part of parts) {
        await use(part);
        await server.ask(owner, () => undefined);
      }
      return counts;
    },
    skus: async (use) => use(await server.ask(owner, () => state.skus)),
    report: (report) => server.ask(owner, () => state.report(report)),
  };
}

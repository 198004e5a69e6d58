/**
 * The ledger's part in beginning an epoch. The number is taken, for good, before Redis hears of it:
 * a crash in between wastes a number, and no two histories ever share one. Taking it also voids
 * every append that was prepared before, since an append names the epoch its cursor was read under;
 * so the cursor that Redis is held against cannot be moved by what an older server said.
 */
import { z } from "zod";
import type { EpochLedger } from "#inventory/ports";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { reportRecovery } from "#postgres/recovery-reports";
import epochEndsText from "./statements/epoch-ends.sql" with { type: "text" };
import recordEpochText from "./statements/record-epoch.sql" with { type: "text" };
import takeEpochText from "./statements/take-epoch.sql" with { type: "text" };
import useServerText from "./statements/use-server.sql" with { type: "text" };

const STATEMENT_MS_MAX = 5_000;
/** Redis names a higher epoch at most once, unless other processes begin epochs meanwhile. */
const TAKES_MAX = 5;

const CursorRow = z.object({ partition: z.int(), epoch: z.int() });
const BeganRow = z.object({ epoch: z.int(), beganAt: z.int() });
const TakenRow = z.object({ epoch: z.int(), known_seq: z.int(), known_epoch: z.int() });

export function createEpochLedger(sql: Sql, storeId: string): EpochLedger {
  return {
    storeId,
    async beganAfter(partition, epoch) {
      const statement = () => sql.unsafe(epochEndsText, [partition, epoch]);
      return await askRows(BeganRow, statement, STATEMENT_MS_MAX);
    },
    async use(partitions, runId) {
      const list = `{${partitions.join(",")}}`;
      const statement = () => sql.unsafe(useServerText, [list, runId]);
      return await askRows(CursorRow, statement, STATEMENT_MS_MAX);
    },
    async note(partition, epoch, beganAt, runId) {
      const parameters = [partition, epoch, beganAt, runId];
      await ask(() => sql.unsafe(recordEpochText, parameters), STATEMENT_MS_MAX);
    },
    report: (report) => reportRecovery(sql, report),
    async begin(partition, runId, question) {
      let seen = 0;
      for (let take = 0; take < TAKES_MAX; take += 1) {
        const taken = await takeEpoch(sql, partition, seen);
        const known = { epoch: taken.known_epoch, seq: taken.known_seq };
        const answer = await question(taken.epoch, known);
        if (answer.kind === "begun") {
          const parameters = [partition, answer.epoch, answer.seq, runId];
          await ask(() => sql.unsafe(recordEpochText, parameters), STATEMENT_MS_MAX);
        }
        if (answer.kind !== "used") return answer;
        seen = answer.epoch;
      }
      return { kind: "used", epoch: seen };
    },
  };
}

async function takeEpoch(sql: Sql, partition: number, seen: number) {
  const statement = () => sql.unsafe(takeEpochText, [partition, seen]);
  const [row] = await askRows(TakenRow, statement, STATEMENT_MS_MAX);
  if (row === undefined) throw new Error(`the store has no partition ${partition}`);
  return row;
}

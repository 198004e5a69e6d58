/** What the service itself reported as lost, by id, after a Redis came back with less than it acknowledged. */
import type { Sql } from "postgres";
import { z } from "zod";

const LostOperations = z.array(
  z.object({
    requestId: z.string().nullable(),
    reservationId: z.string().nullable(),
    productId: z.string().nullable(),
  }),
);

export interface Reported {
  readonly requests: ReadonlySet<string | null>;
  /** Of the owners of holds, else products: who goes on with one of them hears that it is not there. */
  readonly subjects: readonly string[];
  /** Reports that a process made of what it had acknowledged. */
  readonly reports: number;
  /** How often a partition was rebuilt so far. */
  readonly rebuilds: number;
}

export async function reported(sql: Sql): Promise<Reported> {
  const rows = await sql`SELECT kind, operations FROM recovery_reports`;
  const ofLost = rows.filter(({ kind }) => kind === "lost");
  const lost = ofLost.flatMap(({ operations }) => LostOperations.parse(operations));
  const subjects = lost.flatMap(
    ({ reservationId, productId }) => reservationId?.split("-")[1] ?? productId ?? [],
  );
  const rebuilds = rows.filter(({ kind }) => kind === "rebuilt").length;
  return {
    requests: new Set(lost.map(({ requestId }) => requestId)),
    subjects,
    reports: ofLost.length,
    rebuilds,
  };
}

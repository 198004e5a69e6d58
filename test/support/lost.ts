/** What the service itself reported as lost, by id, after a Redis came back with less than it acknowledged. */
import type { Sql } from "postgres";
import { z } from "zod";
import type { Acknowledged } from "#test/audit";

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
  /** Products that the ledger has. */
  readonly known: ReadonlySet<string>;
  /** Reports that a process made of what it had acknowledged. */
  readonly reports: number;
  /** How often a partition was rebuilt so far. */
  readonly rebuilds: number;
}

/** A hold that lost its confirmed part gives back all of it: how much is not what its caller thinks. */
export const isAboutLost = (
  { reservationId }: Pick<Acknowledged, "reservationId">,
  { subjects }: Pick<Reported, "subjects">,
): boolean => typeof reservationId === "string" && subjects.includes(ownerOr(reservationId));

/** "It is not there": what was lost, or what followed from it, has another state or none. */
const NOT_THERE: ReadonlySet<string> = new Set(["404", "409", "410"]);
/** Whoever repeats what was lost does it anew. */
const DONE_ANEW: ReadonlySet<string> = new Set(["200", "201"]);
/** `POST /product/p1/reserve of p0-1f…-2: 201 …`: what it asked for, or what (or which request) it is about. */
const STRANGE = /^[A-Z]+ \/(?:product|reservation)?\/?([^/ :]+)(\S*?)(?: of (\S+))?: (\d{3}) /;

const ownerIn = (id: string): string | undefined => /^p\d+-([0-9a-f]{32})-\w+$/.exec(id)?.[1];
/** Of a hold its owner; a product is its own name. */
const ownerOr = (id: string): string => ownerIn(id) ?? id;

/** Whether an answer that should not be is about what was reported as lost, and such as that brings. */
export function isOfLost(
  strange: string,
  { requests, subjects, known }: Pick<Reported, "requests" | "subjects" | "known">,
): boolean {
  const [, asked = "", rest = "", about = "", status = ""] = STRANGE.exec(strange) ?? [];
  if (!NOT_THERE.has(status) && !DONE_ANEW.has(status)) return false;
  if (requests.has(about)) return DONE_ANEW.has(status);
  const lost = [asked, about].filter((one) => subjects.includes(ownerOr(one)));
  return lost.some((one) => {
    if (ownerIn(one) !== undefined) return true;
    if (asked === "initialize") return status === "201";
    if (status === "404") return !known.has(one);
    // A sale or a return of that order may be what was lost.
    return rest === "/return" && (status === "200" || status === "409");
  });
}

export async function reported(sql: Sql): Promise<Reported> {
  const rows = await sql`SELECT kind, operations FROM recovery_reports`;
  const ofLost = rows.filter(({ kind }) => kind === "lost");
  const lost = ofLost.flatMap(({ operations }) => LostOperations.parse(operations));
  const subjects = lost.flatMap(
    ({ reservationId, productId }) => reservationId?.split("-")[1] ?? productId ?? [],
  );
  const products = await sql`SELECT product_id FROM products`;
  const rebuilds = rows.filter(({ kind }) => kind === "rebuilt").length;
  return {
    requests: new Set(lost.map(({ requestId }) => requestId)),
    subjects,
    known: new Set(products.map((row) => String(row["product_id"]))),
    reports: ofLost.length,
    rebuilds,
  };
}

/** The words by which repeats hear that. */
export const TOLD_OF_OTHERS: ReadonlySet<string> = new Set([
  "held",
  "held_partly",
  "confirmed",
  "cancelled",
]);

/**
 * What reports of a loss say that is not so, in words: empty where each of them is true. `gone` are
 * requests that somebody was told are done, so that nobody repeated them.
 */
export async function falseReports(
  sql: Sql,
  gone: readonly Pick<Acknowledged, "requestId">[],
): Promise<readonly string[]> {
  const ids = gone.map(({ requestId }) => requestId);
  // Who repeats a lost request does it anew, in a later epoch; and a rebuild's own epoch uses the
  // numbers again that it says are missing. A repeat that heard what became of its hold was told of what
  // another may have done: lost is that. A copy of a reserve that came late, when its hold had ended, made
  // another one: lost is that one.
  const rows = await sql`
    WITH lost AS (
      SELECT partition, epoch, from_seq, to_seq, told ->> 'requestId' AS request_id,
        told ->> 'outcome' AS outcome, (told ->> 'seq')::bigint AS seq,
        told ->> 'reservationId' AS of_hold
      FROM recovery_reports, json_array_elements(operations) AS told WHERE kind = 'lost'
    )
    SELECT format('%s is movement %s of epoch %s, not lost', request_id, m.seq, m.epoch) AS words
    FROM lost JOIN movements AS m USING (partition, request_id)
    WHERE (m.epoch <= lost.epoch OR request_id = ANY(${ids}))
      AND outcome <> ALL(${[...TOLD_OF_OTHERS]})
      AND NOT coalesce(of_hold <> m.reservation_id AND EXISTS (
        SELECT FROM movements AS ending WHERE ending.partition = m.partition
          AND ending.product_id = m.product_id AND ending.reservation_id = m.reservation_id
          AND ending.type IN ('RELEASE', 'EXPIRE')
      ), false)
    UNION
    SELECT format('%s has number %s, not one of %s to %s', request_id, seq, from_seq, to_seq)
    FROM lost WHERE (seq BETWEEN from_seq AND to_seq) IS NOT TRUE
    UNION
    SELECT format('%s to %s are not all missing in epoch %s: %s is there', from_seq, to_seq,
      report.epoch, string_agg(m.seq::text, ', ' ORDER BY m.seq))
    FROM recovery_reports AS report JOIN movements AS m USING (partition)
    WHERE m.seq BETWEEN from_seq AND to_seq
      AND (m.epoch < report.epoch OR (kind = 'lost' AND m.epoch = report.epoch))
    GROUP BY report_id`;
  return rows.map((row) => String(row["words"]));
}

import { createHandlers, type EdgeContext } from "#http/env";
import { createExportRoom, EXPORT_SILENCE_SECONDS, streamOf } from "#http/export-stream";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { invalid } from "#http/problem";
import { lagHeader, refuse, reply, replyStream, replyText } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { AllMovements, MovementLines, MovementTable } from "#http/wire/answers";
import { EXPORT_FORMATS, type ExportFormat } from "#http/wire/movement-rows";
import { ledgerMovementOf, timeOf } from "#http/wire/objects";
import { AllMovementsQuery, MovementsExportQuery } from "#http/wire/queries";
import type { MovementFilter } from "#inventory/ports";
import {
  exportMovements,
  searchMovements,
  type MovementExport,
  type NotKept,
} from "#inventory/search-movements";
import type { z } from "zod";

export function allMovementsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.allMovements,
    summary: "Movements of the whole ledger by what they say, page by page",
    notes:
      "Where no index leads to what is asked for, a page may be short, or empty, and lead on all the same: follow `nextCursor` until it is null.",
    answers: { 200: AllMovements },
    headers: ["Ledger-Lag"],
    refusals: ["history_not_kept"],
    roles: STAFF,
    handlers: createHandlers(validate("query", AllMovementsQuery), async (c) => {
      const { order, cursor, limit, ...given } = c.req.valid("query");
      const { inner, outer } = cursorsOf(PATHS.allMovements, { ...given, order }, cursor);
      const query = { ...filterOf(given), order, cursor: inner, limit };
      const found = await searchMovements(deps, c.get("request"), query);
      if (found.kind === "not_kept") return refuseGone(c, found);
      const { page, lag } = found;
      const body = { items: page.items.map(ledgerMovementOf), nextCursor: outer(page.nextCursor) };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}

export function movementsExportRoute({ deps, health, worded }: Edge): Route {
  const enter = createExportRoom();
  return route({
    method: "GET",
    path: PATHS.movementsExport,
    summary: "Movements of the whole ledger by what they say, as one stream",
    notes: "Its last line says `complete`: without it the stream was cut.",
    answers: { 200: [MovementLines, MovementTable] },
    headers: ["Ledger-Lag", "Content-Disposition"],
    refusals: ["history_not_kept"],
    roles: STAFF,
    handlers: createHandlers(validate("query", MovementsExportQuery), async (c) => {
      const { format: name, ...given } = c.req.valid("query");
      const format = EXPORT_FORMATS[name];
      const filter = filterOf(given);
      const leave = enter();
      try {
        const found = await exportMovements(deps, c.get("request"), filter);
        if (found.kind === "not_kept") {
          leave();
          return refuseGone(c, found);
        }
        const headers = {
          "content-type": `${format.contentType}; charset=utf-8`,
          "content-disposition": `attachment; filename="movements.${name}"`,
          ...lagHeader(found.lag),
        };
        if (c.req.method === "HEAD") {
          leave();
          return replyText(c, 200, null, headers);
        }
        c.env.patience?.(EXPORT_SILENCE_SECONDS);
        const body = streamOf({
          parts: textOf(found, format),
          signal: c.req.raw.signal,
          isStopping: health.stopping,
          onCut: (error) => worded(error, c),
          onEnd: leave,
        });
        return replyStream(c, body, headers);
      } catch (error) {
        leave();
        throw error;
      }
    }),
  });
}

function refuseGone(c: EdgeContext, { putAwayUntil }: NotKept): Response {
  const until = timeOf(putAwayUntil);
  const message = `movements up to ${until} were put away: name a later from`;
  return refuse(c, "history_not_kept", message);
}

async function* textOf(
  { parts, lag }: MovementExport,
  { head, row, tail }: ExportFormat,
): AsyncGenerator<string, void, undefined> {
  let count = 0;
  if (head !== "") yield head;
  for await (const part of parts) {
    count += part.length;
    if (part.length > 0) yield part.map(row).join("");
  }
  yield tail(count, lag);
}

type Given = Omit<z.output<typeof MovementsExportQuery>, "format">;

/** What is not given is not asked for. */
function filterOf(given: Given): MovementFilter {
  const { from = null, to = null } = given;
  if (from !== null && to !== null && from >= to) throw invalid("to", "must be later than from");
  return {
    productId: given.productId ?? null,
    location: given.location ?? null,
    types: given.type ?? null,
    orderId: given.orderId ?? null,
    customerId: given.customerId ?? null,
    reservationId: given.reservationId ?? null,
    actor: given.actor ?? null,
    reference: given.reference ?? null,
    requestId: given.requestId ?? null,
    partition: given.partition ?? null,
    from,
    to,
  };
}

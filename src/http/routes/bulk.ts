/**
 * Many single calls in one. Each item is answered as its own call would have been: its fault is its
 * own, and what was thrown for it does not end the others.
 */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { itemOperation } from "#http/middleware/idempotency";
import { PATHS } from "#http/paths";
import { isReplay, replayHeader, reply, type Answer } from "#http/reply";
import { answerAdjust } from "#http/routes/adjust";
import { answerCancel, answerConfirm } from "#http/routes/end-reservation";
import { initializeAnswer } from "#http/routes/initialize";
import { ANY_ROLE, route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { BulkChanged, BulkEnded } from "#http/wire/answers";
import {
  BulkAdjustBody,
  BulkCancelBody,
  BulkConfirmBody,
  BulkInitializeBody,
} from "#http/wire/bodies";
import type { RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { initialize } from "#inventory/initialize";
import { inOrder } from "#lib/in-order";

const BASE = { method: "POST", mutation: true, bulk: true } as const;

export function bulkInitializeRoute(edge: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.bulkInitialize,
    summary: "Initialize many products",
    answers: { 200: BulkChanged },
    refusals: ["too_many_items"],
    roles: STAFF,
    handlers: createHandlers(validateBody(BulkInitializeBody), (c) =>
      answerAll(edge, c, c.req.valid("json").items, {
        namesOf: ({ productId, sku }) => [`product ${productId}`, `sku ${sku}`],
        answer: async (ctx, item) => initializeAnswer(c, await initialize(edge.deps, ctx, item)),
      }),
    ),
  });
}

export function bulkAdjustRoute(edge: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.bulkAdjust,
    summary: "Change the stock of many products",
    answers: { 200: BulkChanged },
    refusals: ["too_many_items"],
    roles: STAFF,
    handlers: createHandlers(validateBody(BulkAdjustBody), (c) =>
      answerAll(edge, c, c.req.valid("json").items, {
        namesOf: ({ productId }) => [productId],
        answer: (ctx, item) => answerAdjust(edge.deps, c, ctx, item, null),
      }),
    ),
  });
}

export function bulkConfirmRoute(edge: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.bulkConfirm,
    summary: "Confirm many reservations",
    answers: { 200: BulkEnded },
    refusals: ["too_many_items"],
    roles: ANY_ROLE,
    handlers: createHandlers(validateBody(BulkConfirmBody), (c) =>
      answerAll(edge, c, c.req.valid("json").items, {
        namesOf: ({ reservationId }) => [reservationId],
        answer: (ctx, item) => answerConfirm(edge.deps, c, ctx, item),
      }),
    ),
  });
}

export function bulkCancelRoute(edge: Edge): Route {
  return route({
    ...BASE,
    path: PATHS.bulkCancel,
    summary: "Cancel many reservations",
    answers: { 200: BulkEnded },
    refusals: ["too_many_items"],
    roles: ANY_ROLE,
    handlers: createHandlers(validateBody(BulkCancelBody), (c) =>
      answerAll(edge, c, c.req.valid("json").items, {
        namesOf: ({ reservationId }) => [reservationId],
        answer: (ctx, item) => answerCancel(edge.deps, c, ctx, item),
      }),
    ),
  });
}

interface Items<Item> {
  /** What an item is about: items that share a name are done in their order. */
  readonly namesOf: (item: Item) => readonly string[];
  readonly answer: (ctx: RequestContext, item: Item) => Promise<Answer>;
}

/** All items go to the store at once: batches form by themselves, and its queue is bounded. */
async function answerAll<Item extends object>(
  { deps, worded }: Edge,
  c: EdgeContext,
  items: readonly Item[],
  { namesOf, answer }: Items<Item>,
): Promise<Response> {
  const call = contextOf(c);
  const answers = await inOrder(items, namesOf, async (item, index) => {
    try {
      if (deps.clock.now() >= call.deadline) throw tooLate();
      return await answer(itemContext(call, index, item), item);
    } catch (error) {
      return worded(error, c);
    }
  });
  const done = answers.filter(({ status }) => status < 300);
  const results = answers.map((given, index) => ({
    index,
    status: given.status,
    ...(isReplay(given) ? { replayed: true } : {}),
    ...given.body,
  }));
  const body = { results, succeeded: done.length, failed: results.length - done.length };
  return reply(c, 200, body, replayHeader(done.length > 0 && done.every(isReplay)));
}

/** Movements say which item of the call made them. */
function itemContext(call: RequestContext, index: number, item: object): RequestContext {
  const operation = itemOperation(call.operation, index, item);
  return { ...call, operation, requestId: `${call.requestId}#${index}` };
}

/** An item that waited for others of its name: nothing of it was sent. */
const tooLate = (): Fault =>
  new Fault("overloaded", "the items before it took all the time there was");

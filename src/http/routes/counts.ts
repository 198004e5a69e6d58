/** Counts of an earlier instant: what was wrong then is put right today. */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { itemOperation } from "#http/middleware/idempotency";
import { PATHS } from "#http/paths";
import { invalid } from "#http/problem";
import { isReplay, refusal, replayHeader, reply, type Answer } from "#http/reply";
import { aboveLimit, belowReserved, keyReused, unknownProduct } from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { CountsBody } from "#http/wire/bodies";
import { CountsAnswer } from "#http/wire/count-answers";
import { timeOf } from "#http/wire/objects";
import { standingRefusal } from "#inventory/count-refusal";
import { countAt, type CountAt, type CountAtOutcome } from "#inventory/count-at";

export function countsRoute(edge: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.counts,
    summary: "Tell what counts of some earlier instant found, and put it right",
    answers: { 200: CountsAnswer },
    refusals: ["too_many_items"],
    roles: ADMIN,
    mutation: true,
    bulk: true,
    handlers: createHandlers(validateBody(CountsBody), async (c) => {
      const { commit, reference, ...body } = c.req.valid("json");
      const counts = body.counts.map(({ location = null, ...count }) => ({ ...count, location }));
      const call = contextOf(c);
      const outcomes = await countAt(edge.deps, call, { counts, commit, reference }, (index) =>
        itemOperation(call.operation, index, body.counts[index] ?? {}),
      );
      const answers = counts.map((count, index) => {
        const outcome = outcomes[index];
        if (outcome === undefined) throw new Error("a count was not answered");
        return answerOf(edge, c, count, outcome);
      });
      const done = answers.filter(({ status }) => status < 300);
      const results = answers.map((given, index) => ({
        index,
        status: given.status,
        ...(isReplay(given) ? { replayed: true } : {}),
        ...given.body,
      }));
      const sums = { succeeded: done.length, failed: results.length - done.length };
      const isAgain = done.length > 0 && done.every(isReplay);
      return reply(c, 200, { committed: commit, results, ...sums }, replayHeader(isAgain));
    }),
  });
}

function answerOf(
  { worded }: Edge,
  c: EdgeContext,
  count: CountAt,
  outcome: CountAtOutcome,
): Answer {
  const { productId, countedAt, quantity } = count;
  switch (outcome.kind) {
    case "found": {
      const { location, expected, delta, moved, onHand, reserved } = outcome.found;
      const what = { productId, location, countedAt: timeOf(countedAt), counted: quantity };
      const stock = { totalStock: onHand, reservedStock: reserved };
      const body = { ...what, expected, delta, moved, ...stock };
      return { status: 200, body, headers: replayHeader(outcome.replayed) };
    }
    case "below_reserved": {
      const { location, delta } = outcome.found;
      return belowReserved(c, location, -delta, outcome.found);
    }
    case "above_limit":
      const { limit, found } = outcome;
      return aboveLimit(c, { limit, onHand: found.onHand }, found.location);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "not_yet_created":
    case "not_kept":
    case "counted_since": {
      const { code, message } = standingRefusal(outcome);
      return refusal(c, code, message);
    }
    case "future":
      return worded(invalid("countedAt", "must not be in the future"), c);
    case "twice":
      return worded(invalid("productId", "and location were counted above already"), c);
    case "key_reused":
      return keyReused(c);
    case "failed":
      return worded(outcome.error, c);
  }
}

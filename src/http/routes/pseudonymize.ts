/** Replacing a customer's id in the ledger: asked for here, done by a worker. */
import { contextOf, createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply, send } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateOptionalBody } from "#http/validate";
import { Pseudonymization, PseudonymizationAsked } from "#http/wire/answers";
import { EmptyBody } from "#http/wire/bodies";
import { CustomerParam, PseudonymizationParam } from "#http/wire/fields";
import { pseudonymizationOf } from "#http/wire/objects";
import { pseudonymizeCustomer } from "#inventory/pseudonymize";

export function pseudonymizeRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.pseudonymize,
    summary: "Replace a customer's id in the ledger by a random pseudonym",
    notes:
      "It takes no body, or `{}`. A worker does it: ask `pseudonymizations` under the id how far it is.",
    answers: { 202: PseudonymizationAsked },
    refusals: ["live_holds"],
    roles: ADMIN,
    mutation: true,
    inLedgerAlone: true,
    handlers: createHandlers(
      validate("param", CustomerParam),
      validateOptionalBody(EmptyBody),
      async (c) => {
        const { customerId } = c.req.valid("param");
        const outcome = await pseudonymizeCustomer(deps, contextOf(c), customerId);
        switch (outcome.kind) {
          case "asked":
            return reply(c, 202, { id: outcome.id }, replayHeader(outcome.replayed));
          case "has_live_holds": {
            const message = `the customer has ${outcome.holds} live holds and places in line: end them first`;
            return refuse(c, "live_holds", message);
          }
          case "key_reused":
            return send(c, keyReused(c));
        }
      },
    ),
  });
}

export function pseudonymizationRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.pseudonymization,
    summary: "How far the replacing of a customer's id is",
    answers: { 200: Pseudonymization },
    refusals: ["pseudonymization_not_found"],
    roles: ADMIN,
    handlers: createHandlers(validate("param", PseudonymizationParam), async (c) => {
      const { pseudonymizationId: id } = c.req.valid("param");
      const found = await deps.pseudonymizations.read(id, c.get("request").deadline);
      if (found !== null) return reply(c, 200, pseudonymizationOf(found));
      return refuse(c, "pseudonymization_not_found", `there is no pseudonymization ${id}`);
    }),
  });
}

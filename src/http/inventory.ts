/** Contract A: the inventory API, our own. Its words are problem details. */
import type { Contract } from "#http/contract";
import { headsOf, PATHS } from "#http/paths";
import { refusal } from "#http/reply";
import { ProblemBody } from "#http/wire/answers";
import { createRoutes, createStatusRoutes } from "#http/routes/index";

/** Health, metrics and documents are part of it, and are served when it is not. */
export const inventory: Contract = {
  name: "inventory",
  prefixes: headsOf(Object.values(PATHS)),
  routes: createRoutes,
  knowsTokens: true,
  word: ({ code, message, members, headers }, c) => refusal(c, code, message, members, headers),
  errorBody: ProblemBody,
};

/** What every process answers, whatever it serves: health, metrics, and what it serves. */
export const site: Contract = {
  ...inventory,
  prefixes: headsOf([PATHS.health, PATHS.metrics, PATHS.openapi, PATHS.docsJson, PATHS.docs]),
  routes: createStatusRoutes,
};

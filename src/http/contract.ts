/** One of the HTTP contracts that the service speaks, as data: its routes, and its own words. */
import type { z } from "zod";
import type { EdgeContext } from "#http/env";
import type { HeaderFields, Members, ProblemCode } from "#http/problem";
import type { Answer } from "#http/reply";
import type { Edge, Route } from "#http/routes/route";

/** What is refused, before a contract gives it words and a status. */
export interface Refusal {
  readonly code: ProblemCode;
  /** For people; contract A says it as it stands. */
  readonly message: string;
  /** What the answer says beyond its code. */
  readonly members?: Members | undefined;
  readonly headers?: HeaderFields | undefined;
}

export interface Contract {
  /** In CONTRACTS, in tags of the OpenAPI document and in labels of metrics. */
  readonly name: string;
  /** Paths that are its own, with all below them; the longest prefix of any contract decides. */
  readonly prefixes: readonly string[];
  readonly routes: (edge: Edge) => readonly Route[];
  /** Whether its callers bring tokens; whoever changes something through another is anonymous. */
  readonly knowsTokens: boolean;
  /** Words everything that is thrown, and every path or method that no route takes. */
  readonly word: (refusal: Refusal, c: EdgeContext) => Answer;
  /** Shape of every body that `word` makes. */
  readonly errorBody: z.ZodType;
  /** Headers of every answer, besides those that all contracts have. */
  readonly headers?: (c: EdgeContext, requestId: string) => HeaderFields;
}

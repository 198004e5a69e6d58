/** Bugs in how many requests a process has under way. */
import { testIn, type Mutant } from "./mutant.ts";

const http = testIn("http");

export const ADMISSION_BUGS: readonly Mutant[] = [
  {
    bug: "a request that is refused keeps its place for ever",
    file: "src/http/middleware/edge.ts",
    find: "admission.leave(state);\n      const seconds",
    replace: "if (c.res.ok) admission.leave(state);\n      const seconds",
    by: http("admission", "for longer than until its answer, whatever that is"),
  },
  {
    bug: "who found no place gives one back",
    file: "src/http/middleware/admission.ts",
    find: "if (this.#inside >= REQUESTS_MAX)",
    replace: "place.isInside = true;\n    if (this.#inside >= REQUESTS_MAX)",
    by: http("admission", "by who was slow and finds none any more: nor is one given back"),
  },
  {
    bug: "who sends its body slowly keeps the place of somebody else",
    file: "src/http/middleware/body-deadline.ts",
    find: "admission.leave(sender);",
    replace: "",
    by: http("admission", "by who sends its body slowly"),
  },
  {
    bug: "who waits for more durability keeps the place of somebody else",
    file: "src/http/middleware/edge.ts",
    find: "admission.leave(state);\n        await",
    replace: "await",
    by: http("admission", "by who waits for his change to be in the ledger"),
  },
];

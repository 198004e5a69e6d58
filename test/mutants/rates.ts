/** Bugs in what counts requests. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const http = testIn("http");

export const RATE_BUGS: readonly Mutant[] = [
  {
    bug: "a request that is refused by one quota is charged to the other",
    file: "lua/lib/rates.lua",
    find: "ipairs(wait > 0 and {} or asked)",
    replace: "ipairs(asked)",
    by: redis("rates", "of two kinds: a request is counted for both, or for none"),
  },
  {
    bug: "a quota refuses nobody",
    file: "lua/lib/rates.lua",
    find: "waits[tonumber(item)] = wait > 0 and wait or nil",
    replace: "waits[tonumber(item)] = nil",
    by: redis("rates", "a request is counted in the same call, and refused without any effect"),
  },
  {
    bug: "a quota lets one request more through",
    file: "lua/lib/rates.lua",
    find: "math.max(wait, charge.whole_at + charge.interval - charge.window - now_us)",
    replace: "math.max(wait, charge.whole_at - charge.window - now_us)",
    by: redis("rates", "a request is counted in the same call, and refused without any effect"),
  },
  {
    bug: "what was charged is forgotten where nothing was sold",
    file: "lua/lib/commit.lua",
    find: "if write_charges() or has_operations or",
    replace: "if has_operations or",
    by: redis(
      "rates",
      "a batch that is sent again is not counted again, also where it changed nothing",
    ),
  },
  {
    bug: "whoever likes says which address he comes from",
    file: "src/lib/client-address.ts",
    find: "if (forwardedFor === undefined || !trusted.has(address)) return address;",
    replace: "if (forwardedFor === undefined) return address;",
    by: testIn("lib")("client-address", "with X-Forwarded-For"),
  },
  {
    bug: "guessed tokens are not counted",
    file: "src/http/middleware/edge.ts",
    find: "(await auth.verify(authorization).catch((error: unknown) => turnAway(c, null, error)))",
    replace: "(await auth.verify(authorization))",
    by: http("rate-limits", "with tokens that nobody issued are counted too"),
  },
];

/** Bugs in how what a customer has of a product with a limit is counted, and counted again. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const workers = testIn("workers");

export const LIMIT_BUGS: readonly Mutant[] = [
  {
    bug: "a later item of a batch does not see what an earlier one took for the same customer",
    file: "lua/lib/limits.lua",
    find: "        if not units then\n            local text",
    replace: "        if true then\n            local text",
    by: redis("limits", "is seen by a later item of the same batch, of reserves and of sales"),
  },
  {
    bug: "what expires still counts against its customer's limit",
    file: "lua/lib/holds.lua",
    find: "    if product.rules then\n",
    replace: '    if product.rules and kind ~= "EXPIRE" then\n',
    by: redis("limits", "gets back what is cancelled, in part and whole, and what expires"),
  },
  {
    bug: "what a confirmed hold sold counts no more",
    file: "lua/lib/limits.lua",
    find: "rule.is_of_held and reserved or reserved - on_hand\n",
    replace: "reserved\n",
    by: redis("limits", "counts what it holds and what it bought over all of its orders"),
  },
  {
    bug: "a hold that is replaced counts beside the one that replaces it",
    file: "lua/lib/allowance.lua",
    find: "math.max(0, limits.units_of(rule, whose) - given)",
    replace: "limits.units_of(rule, whose)",
    by: redis("limits", "counts a hold that replaces another in its place"),
  },
  {
    bug: "a hold from before the limit gives back what never counted",
    file: "lua/lib/limits.lua",
    find: "return created >= rule.since and",
    replace: "return created >= 0 and",
    by: redis("limits", "counts from when it is set on, goes on when it changes"),
  },
  {
    bug: "lines of a cart under one limit are asked one by one",
    file: "lua/lib/allowance.lua",
    find: "math.max(0, left[rule] - line.units)",
    replace: "left[rule]",
    by: redis("named-limits", "sums the lines of a cart"),
  },
  {
    bug: "the first limit of a product is the only one",
    file: "lua/lib/allowance.lua",
    find: "(not least or left[rule] < least)",
    replace: "not least",
    by: redis("named-limits", "is one of several: what may be had is the least of them"),
  },
  {
    bug: "a limit counts all windows as one",
    file: "lua/lib/limit-rules.lua",
    find: "math.floor(now / window_ms)\n",
    replace: "1\n",
    by: redis(
      "named-limits",
      "counts what was begun in it, and begins with nothing in the next one",
    ),
  },
  {
    bug: "what an earlier window counted is given back to the one that is now",
    file: "lua/lib/limit-rules.lua",
    find: "math.max(tonumber(since), began))\n",
    replace: "tonumber(since))\n",
    by: redis(
      "named-limits",
      "counts what was begun in it, and begins with nothing in the next one",
    ),
  },
  {
    bug: "the counts of a window stay for ever",
    file: "lua/lib/limits.lua",
    find: '                    redis.call("PEXPIREAT", rule.key, decimal[rule.ends])\n',
    replace: "",
    by: redis("named-limits", "has a key that ends with it"),
  },
  {
    bug: "a limit over other products goes on with what it had counted",
    file: "lua/limit/put.lua",
    find: "        and before.products == named\n",
    replace: "",
    by: redis("named-limits", "goes on counting where its number changes"),
  },
  {
    bug: "a limit that is removed leaves its counts",
    file: "lua/limit/remove.lua",
    find: "    forget_counts(id, before)\n",
    replace: "",
    by: redis("named-limits", "that is removed leaves no key and binds nobody"),
  },
  {
    bug: "what is sold counts among what is held",
    file: "lua/lib/limits.lua",
    find: "rule.is_of_held and reserved or reserved - on_hand\n",
    replace: "reserved - on_hand\n",
    by: redis("held-limits", "counts live holds' units alone: what is sold makes room"),
  },
  {
    bug: "each line of a cart is a hold of its own",
    file: "lua/lib/limits.lua",
    find: "if (before > 0) ~= (after > 0) then",
    replace: "if reserved ~= 0 then",
    by: redis("held-limits", "bounds how many live holds a customer has"),
  },
  {
    bug: "a hold may be extended once more than is allowed",
    file: "lua/stock/extend.lua",
    find: "times >= item.argument.most",
    replace: "times > item.argument.most",
    by: redis("extend", "extends a hold as often as may be and no more"),
  },
  {
    bug: "what is taken in the moment in which a limit is set on never counts, however long that lasts",
    file: "lua/stock/amend.lua",
    find: "    now = math.max(now, counts_from)\n",
    replace: "",
    by: redis(
      "limits",
      "counts whatever comes after it was set on, also while the clock stands still",
    ),
  },
  {
    bug: "a rebuild takes off a customer's count what came back before any of it counted",
    file: "src/postgres/statements/limits.sql",
    find: "sum(step) - least(0, min(reached)) AS units",
    replace: "greatest(0, sum(step)) AS units",
    by: workers("rebuild-limits", "gives back what each return gave back when it came"),
  },
  {
    bug: "a rebuild forgets what each customer has",
    file: "src/redis/restored-partition.ts",
    find: "      ...limits,\n",
    replace: "",
    by: workers("rebuild-limits", "counts what each customer has of a product with a limit"),
  },
  {
    bug: "a return is decided without a sale of its order that the ledger did not have yet",
    file: "lua/stock/return.lua",
    find: "    if is_behind and was_sold_since(",
    replace: "    if false and was_sold_since(",
    by: testIn("redis")(
      "return",
      "what the ledger said before the order was sold more of a product",
    ),
  },
  {
    bug: "a comparison does not say which limits it could not look at",
    file: "src/workers/reconcile/limits.ts",
    find: "  for (const productId of left) run.findings.leaveOut(partition, ruleOf(productId), why);\n",
    replace: "",
    by: workers("reconcile-left-out", "what changes at each look is left out"),
  },
  {
    bug: "whom the ledger forgets limits go on counting",
    file: "src/postgres/pseudonymizations.ts",
    find: "      for (const { customerId } of ready) await uncount(customerId);\n",
    replace: "",
    by: workers("forgotten-customers", "who is forgotten is in no count any more"),
  },
  {
    bug: "the ledger counts pseudonyms under limits",
    file: "src/postgres/statements/limits.sql",
    find: "    AND NOT EXISTS (SELECT FROM pseudonymizations WHERE pseudonym = under.customer_id)\n",
    replace: "",
    by: workers("forgotten-customers", "who is forgotten is in no count any more"),
  },
  {
    bug: "a customer who is being forgotten is a difference of counts",
    file: "src/workers/reconcile/limits.ts",
    find: "  if (before.open > 0) return false;\n",
    replace: "",
    by: workers(
      "forgotten-customers",
      "while a customer is being forgotten its counts are left out",
    ),
  },
];

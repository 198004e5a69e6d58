/** Bugs in how what a customer has of a product with a limit is counted, and counted again. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const workers = testIn("workers");

export const LIMIT_BUGS: readonly Mutant[] = [
  {
    bug: "a later item of a batch does not see what an earlier one took for the same customer",
    file: "lua/lib/limits.lua",
    find: "        if not units then\n",
    replace: "        if true then\n",
    by: redis("limits", "is seen by a later item of the same batch, of reserves and of sales"),
  },
  {
    bug: "what expires still counts against its customer's limit",
    file: "lua/lib/holds.lua",
    find: "    if product.limits then\n",
    replace: '    if product.limits and kind ~= "EXPIRE" then\n',
    by: redis("limits", "gets back what is cancelled, in part and whole, and what expires"),
  },
  {
    bug: "what a confirmed hold sold counts no more",
    file: "lua/lib/holds.lua",
    find: "tonumber(hold.created), reserved - on_hand)",
    replace: "tonumber(hold.created), reserved)",
    by: redis("limits", "counts what it holds and what it bought over all of its orders"),
  },
  {
    bug: "a hold that is replaced counts beside the one that replaces it",
    file: "lua/lib/measure.lua",
    find: '        units = math.max(0, units - held_by(hold, product.id, ""))\n',
    replace: "",
    by: redis("limits", "counts a hold that replaces another in its place"),
  },
  {
    bug: "a hold from before the limit gives back what never counted",
    file: "lua/lib/limits.lua",
    find: "and created >= product.limit_since\n",
    replace: "and created >= 0\n",
    by: redis("limits", "counts from when it is set on, goes on when it changes"),
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
];

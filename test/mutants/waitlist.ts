/** Bugs in who waits for a product, and in what is offered to whom. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const workers = testIn("workers");

export const WAITLIST_BUGS: readonly Mutant[] = [
  {
    bug: "while somebody waits, whoever asks takes what is free",
    file: "lua/lib/measure.lua",
    find: "    if not product.waiting or line.is_offered then\n",
    replace: "    if true then\n",
    by: redis(
      "waitlist",
      "free units are nobody's but the line's: reserve, sell and a late confirm",
    ),
  },
  {
    bug: "who was offered units stays in line, and is offered them again",
    file: "lua/stock/offer.lua",
    find: '    leave_line(product, waiter, context_of(waiter, "offered"))\n',
    replace: "",
    by: redis("offer", "gives the first in line a hold of what it asks for, in the step in which"),
  },
  {
    bug: "the last who joined is offered units first",
    file: "lua/stock/offer.lua",
    find: 'redis.call("ZRANGE", waiting_key(id), 0, most - 1)',
    replace: 'redis.call("ZREVRANGE", waiting_key(id), 0, most - 1)',
    by: redis("offer", "of many goes on in bounded steps, first come, first served"),
  },
  {
    bug: "what is offered is in no due list",
    file: "lua/stock/offer.lua",
    find: "    schedule(made)\n",
    replace: "",
    by: redis("offer", "that lapses goes to the next in line"),
  },
  {
    bug: "an offer does not ask what its customer may have",
    file: "lua/stock/offer.lua",
    find: "    elseif wanted.units == 0 then\n",
    replace:
      "    end\n    wanted.units = min(waiter.quantity, max(0, available(product)))\n    if wanted.units == 0 then\n",
    by: redis("offer", "lets who may have none any more leave the line"),
  },
  {
    bug: "units that become free of a product that somebody waits for are not noted",
    file: "lua/lib/commit.lua",
    find: "        write_waited()\n",
    replace: "",
    by: redis("offer", "gives the first in line a hold of what it asks for, in the step in which"),
  },
  {
    bug: "the last who leaves a line leaves the product to nobody",
    file: "lua/lib/waiting.lua",
    find: '        redis.call("HDEL", stock_key(product.id), "waiting")\n',
    replace: "",
    by: redis("waitlist", "of the last one leaves Redis as it was, and the units to everybody"),
  },
  {
    bug: "to ask for another quantity gives another place",
    file: "lua/stock/join.lua",
    find: "    elseif waiter then\n",
    replace:
      '    elseif waiter then\n        leave_line(product, waiter, item.context)\n        join_line(product, item, item.context)\n        return told("joined", product, item)\n    elseif waiter == 0 then\n',
    by: redis("waitlist", "keeps the place of who asks for another quantity"),
  },
  {
    bug: "a rebuild brings back who waits, and forgets that somebody does",
    file: "src/redis/restored-partition.ts",
    find: "      ...this.#waitlist(),\n",
    replace: "",
    by: workers("rebuild-waitlist", "lines, places and what is offered come back from the ledger"),
  },
  {
    bug: "a worker that heard that nobody waits hears of nobody who joins",
    file: "src/workers/offer.ts",
    find: "    if (isJoined) looking.isWaited = true;\n",
    replace: "",
    by: workers("offer", "it looks when something happens, until nothing is left, and not where"),
  },
  {
    bug: "who waits is offered less than is due already",
    file: "lua/stock/offer.lua",
    find: "may_be_due = short and swept < math.floor(now / 1000)",
    replace: "may_be_due = false",
    by: redis("offer", "gives what is due before it gives less, though nobody released it"),
  },
  {
    bug: "a line begins though units are due, and keeps everybody from them",
    file: "lua/stock/join.lua",
    find: "    if short and swept < math.floor(now / 1000) then\n",
    replace: "    if false then\n",
    by: redis("waitlist", "begins with nobody while units are due that nobody released"),
  },
  {
    bug: "nobody compares how many places in line a customer has",
    file: "src/workers/reconcile/waitlist.ts",
    find: "  await checkPlaces(run, partition, customers, since);\n",
    replace: "",
    by: workers("reconcile-waitlist", "is found, and its places are counted anew"),
  },
  {
    bug: "a comparison does not count who joined while it walked",
    file: "lua/repair/places.lua",
    find: "    for _, owner in ipairs(joined) do\n",
    replace: "    for _, owner in ipairs({}) do\n",
    by: workers("reconcile-waitlist", "who joins while the records are walked over has its place"),
  },
];

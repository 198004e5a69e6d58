/** Bugs in giving a hold to another owner. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");

export const REASSIGN_BUGS: readonly Mutant[] = [
  {
    bug: "a hold that goes over to another owner may be sold under its old id too",
    file: "lua/stock/reassign.lua",
    find: '    hold.state, hold.reason = "CANCELLED", "reassigned"\n',
    replace: "",
    by: redis("reassign", "ends the old hold for good: it neither confirms nor cancels"),
  },
  {
    bug: "a hold of a new owner is in no due list",
    file: "lua/stock/reassign.lua",
    find: "        schedule(target)\n",
    replace: "",
    by: redis("reassign", "is due when it was, and the entry of its old owner releases nothing"),
  },
  {
    bug: "a hold lives as long as one may with each new owner",
    file: "lua/stock/reassign.lua",
    find: "min(hold.due, latest)) or hold.due",
    replace: "min(hold.due, latest)) or latest",
    by: redis("reassign", "lets no unit be held longer by handing it to and fro"),
  },
  {
    bug: "an order that is sold takes in another one's units",
    file: "lua/stock/reassign.lua",
    find: "if last and has_confirmed(last) then",
    replace: "if last and last.state == nil then",
    by: redis("reassign-refused", "where units of one of the two orders are sold, as reserve is"),
  },
  {
    bug: "a repeat without a key does not find whose the hold became",
    file: "lua/stock/reassign.lua",
    find: '    return found ~= "key_reused" and found or nil\n',
    replace: '    return found == "key_reused" and found or nil\n',
    by: redis("reassign-refused", "hears what the first one was answered, with a key and without"),
  },
];

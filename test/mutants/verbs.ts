/** Bugs in verbs of stock and of locations, and in the order in which a batch is written. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");
const wrongType = redis(
  "wrong-type",
  "fails on a wrong type under any key it would write, and writes nothing",
);

export const VERB_BUGS: readonly Mutant[] = [
  {
    bug: "a unit that is sold without a hold stays on hand",
    file: "lua/stock/sell.lua",
    find: 'move("SALE", product, location, -taken, 0, "", item.context)',
    replace: 'move("SALE", product, location, 0, 0, "", item.context)',
    by: redis("sell", "takes units for good, and answers the product as it left it"),
  },
  {
    bug: "a sale is refused what is due, and nobody releases it",
    file: "lua/stock/sell.lua",
    find: "if short and swept < math.floor(now / 1000) then",
    replace: "if short and swept < 0 then",
    by: redis("sell", "sell has units that are due released first, though no worker ran"),
  },
  {
    bug: "a sale is made though there is another quantity than its caller expected",
    file: "lua/stock/sell.lua",
    find: 'if item.expected ~= "" and tonumber(item.expected) ~= product.on_hand then',
    replace: 'if item.expected ~= "" and tonumber(item.expected) > product.on_hand then',
    by: redis("sell", "what expected another quantity, and a product that nobody made"),
  },
  {
    bug: "a product that is there is made anew",
    file: "lua/stock/initialize.lua",
    find: "    if existing then\n",
    replace: "    if existing and existing.on_hand == 0 then\n",
    by: redis("initialize", "of a product that is there answers it and changes nothing"),
  },
  {
    bug: "an amend by an older picture of the product is made",
    file: "lua/stock/amend.lua",
    find: "if not has_version(product, ",
    replace: "if product.on_hand < 0 and not has_version(product, ",
    by: redis("amend", "of an older version is refused with the present one, and changes nothing"),
  },
  {
    bug: "a new threshold counts only from the next read on",
    file: "lua/stock/amend.lua",
    find: "    product.threshold = tonumber(item.changes.lowStockThreshold or product.threshold)\n",
    replace: "",
    by: redis(
      "amend",
      "of thresholds and safety stock moves the product in and out of the low set",
    ),
  },
  {
    bug: "a count leaves fewer units than are held",
    file: "lua/stock/count.lua",
    find: "units < level.reserved then",
    replace: "units < 0 then",
    by: redis("count", "fewer than the location has held"),
  },
  {
    bug: "a location that is registered is registered again",
    file: "lua/location/register.lua",
    find: "    if existing then\n",
    replace: "    if existing and existing.version == 0 then\n",
    by: redis(
      "locations",
      "refuses, and changes nothing: a second one, an unknown one, another version",
    ),
  },
  {
    bug: "one location more than the bound is registered",
    file: "lua/location/register.lua",
    find: "if count_locations() >= REGISTERED_MAX then",
    replace: "if count_locations() > REGISTERED_MAX then",
    by: redis("locations", "takes as many as its bound, each with a rule of its own, and no more"),
  },
  {
    bug: "a location is amended by the picture of a version that it does not have",
    file: "lua/location/amend.lua",
    find: 'if expected ~= "" and tonumber(expected) ~= known.version then',
    replace: 'if expected ~= "" and tonumber(expected) < known.version then',
    by: redis(
      "locations",
      "refuses, and changes nothing: a second one, an unknown one, another version",
    ),
  },
  {
    bug: "an older record of a location takes the place of a newer one",
    file: "lua/location/copy.lua",
    find: "if known and known.version >= item.record.version then",
    replace: "if known and known.version == item.record.version then",
    by: redis("location-copies", "a copy that is not newer changes nothing"),
  },
  {
    bug: "who repeats a late sale does not hear of it",
    file: "lua/stock/confirm.lua",
    find: "    remember_reply(sale_key(item), sale_payload(item), reply)\n",
    replace: "",
    by: redis("reacquire", "sells once, however often and from however many processes it is asked"),
  },
  {
    bug: "what was cancelled of a hold is sold after its expiry",
    file: "lua/stock/confirm.lua",
    find: 'item.argument.generation and hold.reason == "expired"',
    replace: 'item.argument.generation and hold.state ~= "ACTIVE"',
    by: redis(
      "reacquire",
      "is not for the rest of a hold that was cancelled in part: nobody wants those units",
    ),
  },
  {
    bug: "a late sale takes stock though the journal is full",
    file: "lua/stock/confirm.lua",
    find: '    if is_journal_full() then\n        return "full"\n    end\n',
    replace: "",
    by: redis(
      "reacquire",
      "is refused while the ledger is too far behind, unlike the end of a live hold",
    ),
  },
  {
    bug: "best effort takes a cart of which nothing is there",
    file: "lua/stock/reserve.lua",
    find: "if short and not (item.is_best_effort and any) then",
    replace: "if short and not item.is_best_effort then",
    by: redis("reserve-partly", "is refused when no line can have anything, and changes nothing"),
  },
  {
    bug: "the meta is written before the journal",
    file: "lua/lib/commit.lua",
    find: "    append_journal(part)\n",
    replace: "    write_meta()\n    append_journal(part)\n",
    by: wrongType,
  },
  {
    bug: "the low set is written before the journal",
    file: "lua/lib/commit.lua",
    find: "    append_journal(part)\n",
    replace: '    call_in_parts("ZADD", low_key, low_add)\n    append_journal(part)\n',
    by: wrongType,
  },
  {
    bug: "an answer is kept before what it tells of is written",
    file: "lua/lib/commit.lua",
    find: "    append_journal(part)\n",
    replace: "    keep_answer(answer)\n    append_journal(part)\n",
    by: wrongType,
  },
  {
    bug: "a batch begins to write before it has looked at all that it will write",
    file: "lua/lib/commit.lua",
    find: "    part.check()\n",
    replace: "",
    by: wrongType,
  },
];

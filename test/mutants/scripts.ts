/** Bugs in the scripts. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");

export const SCRIPT_BUGS: readonly Mutant[] = [
  {
    bug: "a script runs in another epoch than its caller knows",
    file: "lua/lib/batch.lua",
    find: "if not meta[1] or meta[6] or meta[1] ~= header.epoch then",
    replace: "if not meta[1] or meta[6] then",
    by: redis("guard", "of an older epoch"),
  },
  {
    bug: "a script runs on a fenced partition",
    file: "lua/lib/batch.lua",
    find: "if not meta[1] or meta[6] or meta[1] ~= header.epoch then",
    replace: "if not meta[1] or meta[1] ~= header.epoch then",
    by: redis("guard", "on a fenced partition"),
  },
  {
    bug: "a script runs on a server that is behind what its caller has seen",
    file: "lua/lib/batch.lua",
    find: " or seq < tonumber(header.mark) then",
    replace: " then",
    by: redis("guard", "of a process that has seen a higher seq"),
  },
  {
    bug: "a script counts with a meta of which a number is gone",
    file: "lua/lib/batch.lua",
    find: "not (seq and last_now and swept and drained) or seq",
    replace: "seq",
    by: redis(
      "damaged-meta",
      "a number of the meta that is gone while all serve fences the partition",
    ),
  },
  {
    bug: "a batch that is sent twice runs twice",
    file: "lua/lib/batch.lua",
    find: "if tonumber(number) == tonumber(header.number) then",
    replace: 'if number == "" then',
    by: redis("batch", "that is sent twice under its name has one effect"),
  },
  {
    bug: "a copy that arrives after its successor runs",
    file: "lua/lib/batch.lua",
    find: "elseif tonumber(number) > tonumber(header.number) then",
    replace: 'elseif number == "" then',
    by: redis("batch", "that arrives after its successor changes nothing"),
  },
  {
    bug: "the answer of a batch is not kept for its repeat",
    file: "lua/lib/commit.lua",
    find: "    write_meta()\n    keep_answer(answer)\n",
    replace: "    write_meta()\n",
    by: redis("batch", "sent twice under its name has one effect, and both copies one answer"),
  },
  {
    bug: "the journal takes one movement more than its bound",
    file: "lua/lib/batch.lua",
    find: "return seq - drained >= tonumber(header.journal_max)",
    replace: "return seq - drained > tonumber(header.journal_max)",
    by: redis("batch", "refuses what would grow it, while confirm, cancel and expire go on"),
  },
  {
    bug: "time goes back with the clock of the server",
    file: "lua/lib/batch.lua",
    find: "now = math.max(last_now, time[1] * 1000 + math.floor(time[2] / 1000))",
    replace: "now = time[1] * 1000 + math.floor(time[2] / 1000)",
    by: redis(
      "batch",
      "no change is dated before the one before it, whatever the clock of the server says",
    ),
  },
  {
    bug: "the journal is written after the stock, not before",
    file: "lua/lib/commit.lua",
    find: `    append_journal(part)
    for _, product in ipairs(changed_products) do
        redis.call("HSET", stock_key(product.id), unpack(fields_to_write(product)))
    end
`,
    replace: `    for _, product in ipairs(changed_products) do
        redis.call("HSET", stock_key(product.id), unpack(fields_to_write(product)))
    end
    append_journal(part)
`,
    by: redis(
      "wrong-type",
      "fails on a wrong type under any key it would write, and writes nothing",
    ),
  },
  {
    bug: "a product that was refilled stays in the low set",
    file: "lua/lib/commit.lua",
    find: "elseif product.was_low and not is_low then",
    replace: "elseif product.was_low and is_low == nil then",
    by: redis("count", "moves a product into the low set and out of it"),
  },
  {
    bug: "the safety stock is sold",
    file: "lua/lib/stock.lua",
    find: "return product.on_hand - product.reserved - product.safety",
    replace: "return product.on_hand - product.reserved",
    by: redis("reserve", "leaves the safety stock alone"),
  },
  {
    bug: "what lies at an inactive location is sold",
    file: "lua/lib/stock.lua",
    find: "return unreserved(product) - product.idle",
    replace: "return unreserved(product)",
    by: redis("locations", "from active locations only, be it home"),
  },
  {
    bug: "one unit fewer than asked for counts as all of them",
    file: "lua/lib/measure.lua",
    find: "if largest < line.quantity then",
    replace: "if largest < line.quantity - 1 then",
    by: redis("reserve", "takes the last unit and refuses the next"),
  },
  {
    bug: "a hold is of fewer units than were counted for it",
    file: "lua/lib/allocate.lua",
    find: "    if left > 0 then\n        error(",
    replace: "    if left < 0 then\n        error(",
    by: redis("damaged-stock", "of a product whose sums promise more than its levels have fails"),
  },
  {
    bug: "a damaged level gets below zero",
    file: "lua/lib/stock.lua",
    find: "if reserved_after < 0 or on_hand_after < reserved_after or on_hand_after > STOCK_MAX then",
    replace: "if on_hand_after > STOCK_MAX then",
    by: redis("damaged-stock", "of a hold that has more than its product fails alone"),
  },
  {
    bug: "a hold that is replaced keeps its units too",
    file: "lua/stock/reserve.lua",
    find: 'release_hold(live, "RELEASE", "CANCELLED", "replaced", item.context)',
    replace: "touch(live)",
    by: redis(
      "reserve-again",
      "another quantity is a new hold, and the old one ends as replaced in one step",
    ),
  },
  {
    bug: "stock that is due is refused as sold out",
    file: "lua/stock/reserve.lua",
    find: "if short and swept < math.floor(now / 1000) then",
    replace: "if short and swept < 0 then",
    by: redis("reserve", "has them released first and succeeds, though no worker ran"),
  },
  {
    bug: "a hold is confirmed a second past its due time",
    file: "lua/lib/holds.lua",
    find: "hold.due * 1000 <= now",
    replace: "hold.due * 1000 + 1000 <= now",
    by: redis("confirm", "of a hold past its due time is refused, though nobody ran expire"),
  },
  {
    bug: "a hold ends up to a second before it was promised to",
    file: "lua/lib/holds.lua",
    find: "return ceil(moment / 1000 + seconds)",
    replace: "return math.floor(moment / 1000 + seconds)",
    by: redis("reserve", "holds units until a full second"),
  },
  {
    bug: "an extended hold is not in the list of its new second",
    file: "lua/stock/extend.lua",
    find: "    schedule(hold)\n",
    replace: "",
    by: redis("extend", "lets a hold live longer, from now on, and tells whoever wakes the sweep"),
  },
  {
    bug: "the longest life of a hold counts anew with each extend",
    file: "lua/stock/extend.lua",
    find: "due_after(tonumber(hold.created), item.argument.longest)",
    replace: "due_after(now, item.argument.longest)",
    by: redis("extend", "never lets a hold live longer than the longest life, counted from"),
  },
  {
    bug: "an extended hold expires at its old due time",
    file: "lua/stock/expire.lua",
    find: 'hold.state == "ACTIVE" and hold.due == entry.second',
    replace: 'hold.state == "ACTIVE"',
    by: redis("expire", "passes over holds that were confirmed, cancelled, replaced or extended"),
  },
  {
    bug: "a second with more holds than one call takes is left half swept",
    file: "lua/stock/expire.lua",
    find: "    if #owners == room then\n        break\n    end\n",
    replace: "",
    by: redis("expire", "releases 5 000 holds of one second in bounded steps"),
  },
  {
    bug: "one damaged hold keeps all others from expiring",
    file: "lua/stock/expire.lua",
    find: "if is_sound and can then",
    replace: "if is_sound then",
    by: redis(
      "expire",
      "passes over a hold that has more than its product, and releases the others",
    ),
  },
  {
    bug: "a confirmed unit stays on hand",
    file: "lua/stock/confirm.lua",
    find: 'move_line("SALE", hold, line, -units, -units, context)',
    replace: 'move_line("SALE", hold, line, 0, -units, context)',
    by: redis("confirm", "sells all that is held: it leaves onHand and reserved"),
  },
  {
    bug: "a cancelled unit comes back twice",
    file: "lua/stock/cancel.lua",
    find: 'move_line("RELEASE", hold, line, 0, -units, context)',
    replace: 'move_line("RELEASE", hold, line, units, -units, context)',
    by: redis("cancel", "gives all back that is held, and ends the hold"),
  },
  {
    bug: "a customer ends another's hold",
    file: "lua/lib/change-hold.lua",
    find: 'if not hold or (item.customer ~= "" and item.customer ~= customer_of(hold)) then',
    replace: "if not hold then",
    by: redis("confirm", "knows neither another's hold, nor another owner"),
  },
  {
    bug: "a hold that was replaced is confirmed as the one that replaced it",
    file: "lua/lib/change-hold.lua",
    find: "if is_named and hold.generation ~= item.generation then",
    replace: "if is_named and hold.generation == nil then",
    by: redis(
      "reserve-again",
      "another quantity is a new hold, and the old one ends as replaced in one step",
    ),
  },
  {
    bug: "a partial confirm takes its units from each line of a hold",
    file: "lua/lib/change-hold.lua",
    find: "            wanted[line.product] = wanted[line.product] - units\n",
    replace: "",
    by: redis("confirm", "sells from the locations that the units were taken at"),
  },
  {
    bug: "the reply under an Idempotency-Key is not kept",
    file: "lua/lib/operations.lua",
    find: "    new_operations[#new_operations + 1] = key\n",
    replace: "",
    by: redis("adjust", "has one effect, and gives a repeat the first answer"),
  },
  {
    bug: "another request under the same Idempotency-Key hears the first one's reply",
    file: "lua/lib/operations.lua",
    find: "return earlier.payload == payload and",
    replace: "return earlier.payload ~= nil and",
    by: redis("adjust", "refuses the key with another body"),
  },
  {
    bug: "an adjustment takes units that are held",
    file: "lua/stock/adjust.lua",
    find: "if level.on_hand + item.delta < level.reserved then",
    replace: "if level.on_hand + item.delta < 0 then",
    by: redis("adjust", "what would take units that are held"),
  },
  {
    bug: "what is transferred does not arrive",
    file: "lua/stock/transfer.lua",
    find: '    move("TRANSFER", product, item.to, item.units, 0, "", item.context)\n',
    replace: "",
    by: redis("transfer", "moves units to a location"),
  },
  {
    bug: "one unit more than was sold is taken back",
    file: "lua/stock/return.lua",
    find: "if returned > item.sold then",
    replace: "if returned > item.sold + 1 then",
    by: redis("return", "more than was sold and is not back yet"),
  },
  {
    bug: "a Redis that lacks what the ledger has is not fenced by the drain",
    file: "lua/journal/settle.lua",
    find: "    fence_partition(meta, store_id, seq)\n",
    replace: "",
    by: redis("scripts", "settle produced each word that its header promises"),
  },
];

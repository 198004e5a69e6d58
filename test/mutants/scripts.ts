/** Bugs in the scripts. */
import { testsIn, type Mutant } from "./mutant.ts";

const redis = testsIn("redis");

export const SCRIPT_BUGS: readonly Mutant[] = [
  {
    bug: "a script runs in another epoch than its caller knows",
    file: "lua/lib/batch.lua",
    find: "if not meta[1] or meta[6] or meta[1] ~= header.epoch then",
    replace: "if not meta[1] or meta[6] then",
    asks: redis("guard", "batch"),
  },
  {
    bug: "a script runs on a fenced partition",
    file: "lua/lib/batch.lua",
    find: "if not meta[1] or meta[6] or meta[1] ~= header.epoch then",
    replace: "if not meta[1] or meta[1] ~= header.epoch then",
    asks: redis("guard", "batch"),
  },
  {
    bug: "a script runs on a server that is behind what its caller has seen",
    file: "lua/lib/batch.lua",
    find: "if seq < tonumber(header.mark) then",
    replace: "if seq < 0 then",
    asks: redis("guard", "batch"),
  },
  {
    bug: "a batch that is sent twice runs twice",
    file: "lua/lib/batch.lua",
    find: "if tonumber(number) == tonumber(header.number) then",
    replace: 'if number == "" then',
    asks: redis("batch", "lost-answers"),
  },
  {
    bug: "a copy that arrives after its successor runs",
    file: "lua/lib/batch.lua",
    find: "elseif tonumber(number) > tonumber(header.number) then",
    replace: 'elseif number == "" then',
    asks: redis("batch", "lost-answers"),
  },
  {
    bug: "the answer of a batch is not kept for its repeat",
    file: "lua/lib/commit.lua",
    find: "    write_meta()\n    keep_answer(answer)\n",
    replace: "    write_meta()\n",
    asks: redis("batch", "lost-answers"),
  },
  {
    bug: "the journal takes one movement more than its bound",
    file: "lua/lib/batch.lua",
    find: "return seq - drained >= tonumber(header.journal_max)",
    replace: "return seq - drained > tonumber(header.journal_max)",
    asks: redis("batch"),
  },
  {
    bug: "time goes back with the clock of the server",
    file: "lua/lib/batch.lua",
    find: "now = math.max(tonumber(meta[3]), time[1] * 1000 + math.floor(time[2] / 1000))",
    replace: "now = time[1] * 1000 + math.floor(time[2] / 1000)",
    asks: redis("expire", "confirm", "guard"),
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
    asks: redis("wrong-type", "guard", "batch"),
  },
  {
    bug: "a product that was refilled stays in the low set",
    file: "lua/lib/commit.lua",
    find: "elseif product.was_low and not is_low then",
    replace: "elseif product.was_low and is_low == nil then",
    asks: redis("adjust", "initialize", "keyspace"),
  },
  {
    bug: "the safety stock is sold",
    file: "lua/lib/stock.lua",
    find: "return product.on_hand - product.reserved - product.safety",
    replace: "return product.on_hand - product.reserved",
    asks: redis("reserve", "sell", "initialize"),
  },
  {
    bug: "what lies at an inactive location is sold",
    file: "lua/lib/stock.lua",
    find: "return unreserved(product) - product.idle",
    replace: "return unreserved(product)",
    asks: redis("locations"),
  },
  {
    bug: "one unit fewer than asked for counts as all of them",
    file: "lua/lib/allocate.lua",
    find: "if largest < line.quantity then",
    replace: "if largest < line.quantity - 1 then",
    asks: redis("reserve"),
  },
  {
    bug: "a hold that is replaced keeps its units too",
    file: "lua/stock/reserve.lua",
    find: 'release_hold(live, "RELEASE", "CANCELLED", "replaced", item.context)',
    replace: "touch(live)",
    asks: redis("reserve-again", "reserve"),
  },
  {
    bug: "stock that is due is refused as sold out",
    file: "lua/stock/reserve.lua",
    find: "if short and swept < math.floor(now / 1000) then",
    replace: "if short and swept < 0 then",
    asks: redis("reserve"),
  },
  {
    bug: "a hold is confirmed a second past its due time",
    file: "lua/lib/holds.lua",
    find: "hold.due * 1000 <= now",
    replace: "hold.due * 1000 + 1000 <= now",
    asks: redis("confirm", "expire"),
  },
  {
    bug: "a hold ends up to a second before it was promised to",
    file: "lua/lib/holds.lua",
    find: "return math.ceil(now / 1000 + seconds)",
    replace: "return math.floor(now / 1000 + seconds)",
    asks: redis("expire", "reserve"),
  },
  {
    bug: "an extended hold is not in the list of its new second",
    file: "lua/stock/extend.lua",
    find: "        schedule(hold)\n",
    replace: "",
    asks: redis("extend"),
  },
  {
    bug: "an extended hold expires at its old due time",
    file: "lua/stock/expire.lua",
    find: 'hold.state == "ACTIVE" and hold.due == entry.second',
    replace: 'hold.state == "ACTIVE"',
    asks: redis("extend", "expire"),
  },
  {
    bug: "a second with more holds than one call takes is left half swept",
    file: "lua/stock/expire.lua",
    find: "    if #owners == room then\n        break\n    end\n",
    replace: "",
    asks: redis("expire"),
  },
  {
    bug: "one damaged hold keeps all others from expiring",
    file: "lua/stock/expire.lua",
    find: "if is_sound and can then",
    replace: "if is_sound then",
    asks: redis("expire"),
  },
  {
    bug: "a confirmed unit stays on hand",
    file: "lua/stock/confirm.lua",
    find: 'move_line("SALE", hold, line, -units, -units, item.context)',
    replace: 'move_line("SALE", hold, line, 0, -units, item.context)',
    asks: redis("confirm"),
  },
  {
    bug: "a cancelled unit comes back twice",
    file: "lua/stock/cancel.lua",
    find: 'move_line("RELEASE", hold, line, 0, -units, item.context)',
    replace: 'move_line("RELEASE", hold, line, units, -units, item.context)',
    asks: redis("cancel"),
  },
  {
    bug: "a customer ends another's hold",
    file: "lua/lib/change-hold.lua",
    find: 'if not hold or (item.customer ~= "" and item.customer ~= customer_of(hold)) then',
    replace: "if not hold then",
    asks: redis("confirm", "cancel"),
  },
  {
    bug: "a hold that was replaced is confirmed as the one that replaced it",
    file: "lua/lib/change-hold.lua",
    find: "if is_named and hold.generation ~= item.generation then",
    replace: "if is_named and hold.generation == nil then",
    asks: redis("confirm", "reserve-again"),
  },
  {
    bug: "a partial confirm takes its units from each line of a hold",
    file: "lua/lib/change-hold.lua",
    find: "            wanted[line.product] = wanted[line.product] - units\n",
    replace: "",
    asks: redis("confirm", "cancel", "locations"),
  },
  {
    bug: "the reply under an Idempotency-Key is not kept",
    file: "lua/lib/operations.lua",
    find: "    new_operations[#new_operations + 1] = key\n",
    replace: "",
    asks: redis("adjust"),
  },
  {
    bug: "another request under the same Idempotency-Key hears the first one's reply",
    file: "lua/lib/operations.lua",
    find: "return earlier.payload == payload and",
    replace: "return earlier.payload ~= nil and",
    asks: redis("adjust"),
  },
  {
    bug: "an adjustment takes units that are held",
    file: "lua/stock/adjust.lua",
    find: "if level.on_hand + delta < level.reserved then",
    replace: "if level.on_hand + delta < 0 then",
    asks: redis("adjust"),
  },
  {
    bug: "what is transferred does not arrive",
    file: "lua/stock/transfer.lua",
    find: '    move("TRANSFER", product, to, units, 0, "", context)\n',
    replace: "",
    asks: redis("transfer"),
  },
  {
    bug: "one unit more than was sold is taken back",
    file: "lua/stock/return.lua",
    find: "if returned > item.sold then",
    replace: "if returned > item.sold + 1 then",
    asks: redis("return"),
  },
  {
    bug: "a Redis that lacks what the ledger has is not fenced by the drain",
    file: "lua/journal/settle.lua",
    find: '    redis.call("HSET", meta_key, "fence", string.format("behind:%d", seq))\n',
    replace: "",
    asks: redis("scripts"),
  },
];

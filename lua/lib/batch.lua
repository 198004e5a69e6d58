-- One batch: the guard against other histories, the answer that is kept for a repeat, the clock, the
-- journal entry and the meta. lib/commit.lua puts what is written in order.
-- ARGV[1] is tab-separated: epoch, mark, writer, slot, number, keep (1: keep the answer even when
-- nothing changed, because a copy of this batch may be on its way), most entries of the journal. Behind a
-- newline, where requests are limited, the charges of its items as lib/rates.lua has them.
-- @include lib/keys.lua
-- @include lib/decimal.lua
-- @include lib/item-context.lua
-- @include lib/rates.lua

local ANSWER_KEEP_SECONDS = 3600

local header = {}
header.epoch, header.mark, header.writer, header.slot, header.number, header.keep, header.journal_max, header.charges =
    string.match(ARGV[1], "^(%d+)\t(%d+)\t(%w+)\t([%w-]+)\t(%d+)\t([01])\t(%d+)\n?(.*)$")
if not header.epoch then
    error("ARGV[1] is not the header of a batch")
end

local seq, swept, drained, now -- numbers; now is in milliseconds and never moves backwards
local first_seq
-- Locations that are not as one that nobody registered is: `\nlocation=active=priority` each. They
-- come with the meta, so that nothing else has to be read to know them.
local rules
local limit_ids -- of the limits over all products, by comma; nil where no limit has a name
local movements = {} -- lines of the journal, in order of seq

-- Whether the ledger is so far behind that nothing more may be taken.
local function is_journal_full()
    return seq - drained >= tonumber(header.journal_max)
end

-- Answers nil when the batch may run, else the whole answer of the script.
-- bounded: whether a full journal refuses it (verbs that end holds are bounded by the holds).
local function open_batch(bounded)
    local names = { "epoch", "seq", "lastNow", "swept", "drained", "fence", "locations", "limits" }
    local meta = redis.call("HMGET", meta_key, unpack(names))
    if not meta[1] or meta[6] or meta[1] ~= header.epoch then
        return "stale"
    end
    -- Nil where a bit was turned: begin, which is asked next, fences such a meta.
    seq, swept, drained = tonumber(meta[2]), tonumber(meta[4]), tonumber(meta[5])
    local last_now = tonumber(meta[3])
    if not (seq and last_now and swept and drained) or seq < tonumber(header.mark) then
        return "stale"
    end
    local kept = redis.call("GET", batch_key(header.writer, header.slot))
    if kept then
        local number, answer = string.match(kept, "^(%d+)\n(.*)$")
        if tonumber(number) == tonumber(header.number) then
            return answer
        elseif tonumber(number) > tonumber(header.number) then
            return "superseded"
        end
    end
    rules = meta[7] or ""
    limit_ids = meta[8] or nil
    if bounded and is_journal_full() then
        return "full"
    end
    local time = redis.call("TIME")
    now = math.max(last_now, time[1] * 1000 + math.floor(time[2] / 1000))
    first_seq = seq
    if header.charges ~= "" then
        charge_items(header.charges, now * 1000)
    end
    return nil
end

-- The answer: a line about the partition, then a line for each item.
local function answer_of(replies)
    local status = "ok\t"
        .. decimal[seq]
        .. "\t"
        .. decimal[now]
        .. "\t"
        .. decimal[swept]
        .. "\t"
        .. decimal[drained]
    if #charges > 0 then
        status = status .. "\t" .. encode_left()
    end
    if #replies == 0 then
        return status
    end
    return status .. "\n" .. table.concat(replies, "\n")
end

local function keep_answer(answer)
    redis.call(
        "SET",
        batch_key(header.writer, header.slot),
        header.number .. "\n" .. answer,
        "EX",
        ANSWER_KEEP_SECONDS
    )
end

-- Appends the batch's one journal entry. It is the first write of a script: should Redis refuse
-- the id (used twice) or the type of the key, then nothing has been written.
local function append_journal(part)
    local entry = { "at", decimal[now], "movements", table.concat(movements, "\n") }
    local parts = { "holds", "products", "locations", "operations", "crossings", "records" }
    for _, name in ipairs(parts) do
        if part[name] and #part[name] > 0 then
            entry[#entry + 1] = name
            entry[#entry + 1] = table.concat(part[name], "\n")
        end
    end
    local id = header.epoch .. "-" .. decimal[seq]
    redis.call("XADD", journal_key, id, unpack(entry))
end

local function write_meta()
    redis.call(
        "HSET",
        meta_key,
        "seq",
        decimal[seq],
        "lastNow",
        decimal[now],
        "swept",
        decimal[swept]
    )
end

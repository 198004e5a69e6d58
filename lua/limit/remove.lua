#!lua
-- Purpose: removes a limit that has a name, and what it counted.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:limit (hash, rw), limited (hash, rw),
--          limit:<rule>:<window> (hash, w), operation:<key> (string, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: id, expected version (empty: any),
--          operation key, payload, context.
-- Returns  a status line and a line for each item: removed|expected_mismatch <record>, unknown,
--          replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(products), a read and a write of each.
-- Retry    safe: it answers unknown.
-- @include lib/limit-record.lua

local ITEM = "^([%w_.-]+)\t(%d*)\t(%x*)\t(%x*)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] then
        error("an item of remove cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function remove(item)
    local id, expected, key, payload, context = unpack(item, 1, 5)
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local before, text = load_limit(id)
    if not before then
        return "unknown"
    elseif expected ~= "" and before.version ~= expected then
        return "expected_mismatch\t" .. text
    end
    forget_counts(id, before)
    put_limit(id, before, nil, context)
    return remember_reply(key, payload, "removed\t" .. text)
end

return answer_limits(items, remove)

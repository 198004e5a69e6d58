#!lua
-- Purpose: removes a campaign that has not begun, or that is closed.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:campaign (hash, rw), operation:<key> (string, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: id, operation key, payload, context.
-- Returns  a status line and a line for each item: removed <id> <record>, begun <id> <record> (its units are not all
--          back), unknown, replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items), a read and a write of each operation key.
-- Retry    safe: a second call answers unknown, or the first answer under its operation key.
-- @include lib/campaigns.lua

local ITEM = "^([%w-]+)\t(%x*)\t(%x*)\t()"

local items = {}
for i = 2, #ARGV do
    local id, key, payload, at = match(ARGV[i], ITEM)
    items[i - 1] = { id = id, key = key, payload = payload, context = read_context(ARGV[i], at) }
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function remove(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local campaign = load_campaign(item.id)
    if not campaign then
        return "unknown"
    end
    local is_planned = campaign.state == "scheduled" and campaign.starts > now
    if not is_planned and campaign.state ~= "closed" then
        return told("begun", campaign)
    end
    opened[item.id] = false
    added = added - 1
    put_record(KIND, item.id, "", item.context)
    return remember_reply(item.key, item.payload, told("removed", campaign))
end

return answer_campaigns(items, remove)

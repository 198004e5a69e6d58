#!lua
-- Purpose: stops a campaign: nobody takes of it from then on, and what nobody holds goes back at once.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:campaign (hash, rw), stock:<product> (hash, rw),
--          limit:campaign:<id>:<product>:always (hash, w), operation:<key> (string, rw), low (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: id, operation key, payload, context.
-- Returns  a status line and a line for each item: stopped <id> <record>, over <id> <record> (it had ended, or was
--          stopped before), unknown, replayed <reply>, key_reused. Or stale, superseded.
-- Cost     O(items × products), a read and a write of each operation key.
-- Retry    safe: a campaign that was stopped answers over.
-- @include lib/campaign-turns.lua

local ITEM = "^([%w-]+)\t(%x*)\t(%x*)\t()"

local items = {}
for i = 2, #ARGV do
    local id, key, payload, at = match(ARGV[i], ITEM)
    items[i - 1] = { id = id, key = key, payload = payload, context = read_context(ARGV[i], at) }
end

local refusal = open_batch(false)
if refusal then
    return refusal
end

local function stop(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local campaign = load_campaign(item.id)
    if not campaign then
        return "unknown"
    elseif campaign.stopped > 0 or campaign.ends <= now then
        return told("over", campaign)
    end
    campaign.stopped = now
    forget_counts(campaign)
    put_campaign(campaign, item.context)
    end_campaign(campaign)
    return remember_reply(item.key, item.payload, told("stopped", campaign))
end

return answer_campaigns(items, stop)

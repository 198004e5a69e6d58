#!lua
-- Purpose: does what is due of a campaign by Redis's clock: its units go into ring-fences when it starts,
--          and what nobody holds goes back when it has ended or was stopped.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:campaign (hash, rw), stock:<product> (hash, rw),
--          low (zset, rw), journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each: the id of a campaign.
-- Returns  a status line and a line for each item: turned <id> <record>, unknown, due (units that it lacks may be
--          due for release: run expire, then ask again). Or stale, superseded.
-- Cost     O(items × products), two movements for each product that has units to move.
-- Retry    safe: its record's state says what was done.
-- @include lib/campaign-turns.lua

local items = {}
for i = 2, #ARGV do
    if not match(ARGV[i], "^[%w-]+$") then
        error("an item of turn cannot be read")
    end
    items[i - 1] = ARGV[i]
end

local refusal = open_batch(false)
if refusal then
    return refusal
end

local function turn(id)
    local campaign = load_campaign(id)
    if not campaign then
        return "unknown"
    end
    local is_over = campaign.stopped > 0 or campaign.ends <= now
    if campaign.state == "scheduled" and not is_over and campaign.starts <= now then
        if is_journal_full() then
            return told("turned", campaign) -- it takes what others want: they are refused as well
        end
        local due = start_campaign(campaign)
        if due then
            return due
        end
    elseif campaign.state ~= "closed" and is_over then
        end_campaign(campaign)
    end
    return told("turned", campaign)
end

return answer_campaigns(items, turn)

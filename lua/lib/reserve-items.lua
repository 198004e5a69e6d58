-- What a reserve is asked for: its arguments as items.
-- @include lib/allocate.lua

local HEAD = "^(%x+)\t(%w+)\t(%d+)\t([^\t]*)\t()" -- up to the lines
local OPERATION = "^(%x*)\t(%x*)\t()" -- behind them

-- The items of a reserve, and whose each hold is.
local function read_reserve_items()
    local items, owners = {}, {}
    for i = 2, #ARGV do
        local text = ARGV[i]
        local owner, generation, seconds, flags, lines_at = match(text, HEAD)
        if not owner then
            error("an item of reserve cannot be read")
        end
        local lines, operation_at = read_lines(text, lines_at)
        local key, payload, whom_at = match(text, OPERATION, operation_at)
        local customer_end = whom_at and find(text, "\t", whom_at, true)
        local order_end = customer_end and find(text, "\t", customer_end + 1, true)
        local context = read_context(text, order_end and order_end + 1)
        local item = {
            owner = owner,
            generation = generation,
            seconds = seconds ~= "0" and read_seconds(seconds),
            lines = lines,
            key = key,
            payload = payload,
            whom = sub(text, whom_at, order_end - 1),
            context = context,
        }
        if flags ~= "" then
            local campaign_at = find(flags, "/", 1, true)
            if campaign_at then
                item.campaign, flags = sub(flags, campaign_at + 1), sub(flags, 1, campaign_at - 1)
            end
            item.is_best_effort = find(flags, "b", 1, true)
            item.is_dry = find(flags, "d", 1, true)
            item.adds = find(flags, "a", 1, true)
        end
        items[i - 1] = item
        owners[i - 1] = owner
    end
    return items, owners
end

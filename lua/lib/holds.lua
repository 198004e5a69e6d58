-- Reservations as an overlay over their records.
-- @include lib/operations.lua
-- @include lib/hold-record.lua

-- An ended record answers repeats, then the ledger does. What was sold is kept for a day: only its
-- record keeps a late repeat of the order from selling again.
local ENDED_KEEP_MS = { CONFIRMED = 86400000, CANCELLED = 900000, EXPIRED = 900000 }

local HOLD_SECONDS_MAX = 86400 -- twin: HOLD_MINUTES_MAX in src/inventory/model.ts
local EXPIRY_CONTEXT = '{"actor":"system:expiry"}'

local records = {} -- owner → latest hold of that owner, or false
local touched = {} -- holds changed by this batch, older generations too
local due_lists = {} -- second → owners to append

-- Reads the records of all owners at once.
local function load_holds(owners)
    local keys, names = {}, {}
    for i = 1, #owners do
        local owner = owners[i]
        if records[owner] == nil then
            records[owner] = false
            keys[#keys + 1] = reservation_key(owner)
            names[#names + 1] = owner
        end
    end
    if #keys == 0 then
        return
    end
    local texts = redis.call("MGET", unpack(keys))
    for i = 1, #names do
        records[names[i]] = texts[i] and decode_hold(names[i], texts[i])
    end
end

-- Seconds that a hold shall live, from their digits: at least one, so that its due second was never
-- swept yet.
local function read_seconds(text)
    local seconds = number_of(text)
    if not seconds or seconds < 1 or seconds > HOLD_SECONDS_MAX then
        error("the seconds of a hold are out of range")
    end
    return seconds
end

-- The second on which a hold ends that lives so long from a moment (ms): rounded up, never sooner
-- than was asked for. A standing hold has no due time; it stands as zero.
local function due_after(moment, seconds)
    return ceil(moment / 1000 + seconds)
end

local function touch(hold)
    hold.text = nil
    hold.seq = decimal[seq]
    if not hold.touched then
        hold.touched = true
        touched[#touched + 1] = hold
    end
end

local function schedule(hold)
    if hold.due == 0 then
        return
    end
    local list = due_lists[hold.due]
    if not list then
        list = {}
        due_lists[hold.due] = list
    end
    list[#list + 1] = hold.owner
end

-- The product is read when it is first moved: all reads come before the first write, which is last.
local function move_line(kind, hold, line, on_hand, reserved, context)
    local id = hold.owner .. "-" .. hold.generation
    local product = load_product(line.product)
    move(kind, product, line.location, on_hand, reserved, id, context)
    if product.rules then
        limits.count(product, line.location, hold, tonumber(hold.created), on_hand, reserved)
    end
end

-- Sets the state a hold ends with once nothing is held: what was confirmed decides.
local function settle_hold(hold, state, reason)
    local held, confirmed = 0, 0
    for i = 1, #hold.lines do
        local line = hold.lines[i]
        held = held + line.held
        confirmed = confirmed + line.confirmed
    end
    if held == 0 then
        hold.state = confirmed > 0 and "CONFIRMED" or state
        hold.reason = confirmed > 0 and "confirmed" or reason
    end
    touch(hold)
end

-- Gives back all that a hold still has.
local function release_hold(hold, kind, state, reason, context)
    for i = 1, #hold.lines do
        local line = hold.lines[i]
        if line.held > 0 then
            move_line(kind, hold, line, 0, -line.held, context)
            line.released = line.released + line.held
            line.held = 0
        end
    end
    settle_hold(hold, state, reason)
end

local function is_due(hold)
    return hold.state == "ACTIVE" and hold.due > 0 and hold.due * 1000 <= now
end

-- The reason tells a hold that expired whole from the rest of one that was cancelled in part.
local function expire_hold(hold)
    local reason = "expired"
    for i = 1, #hold.lines do
        if hold.lines[i].released > 0 then
            reason = "expired_rest"
        end
    end
    release_hold(hold, "EXPIRE", "EXPIRED", reason, EXPIRY_CONTEXT)
end

-- What a batch of holds adds to the closing: records, and entries of the due lists.
local function close_holds(replies)
    local lines, active = {}, {}
    for i = 1, #touched do
        local hold = touched[i]
        local text = encode_hold(hold)
        lines[i] = hold.owner .. "\t" .. text
        if hold.state == "ACTIVE" then
            active[#active + 1] = reservation_key(hold.owner)
            active[#active + 1] = text
        end
    end
    local function check()
        for second in pairs(due_lists) do
            redis.call("LLEN", expiring_key(second))
        end
    end
    local function write()
        if #active > 0 then
            redis.call("MSET", unpack(active))
        end
        for i = 1, #touched do
            local hold = touched[i]
            if hold.state ~= "ACTIVE" and records[hold.owner] == hold then
                local key = reservation_key(hold.owner)
                redis.call("SET", key, encode_hold(hold), "PX", decimal[ENDED_KEEP_MS[hold.state]])
            end
        end
        for second, owners in pairs(due_lists) do
            redis.call("RPUSH", expiring_key(second), unpack(owners))
        end
        write_operations()
    end
    return close_batch(replies, { check = check, write = write, holds = lines })
end

-- The timing wheel: `expiring:<second>`, one list of owners for each second that has something due.
-- @include lib/keys.lua

local WINDOW_SECONDS = 500

-- The first second from `second` to `last` that may have a list, skipping at most `windows` windows
-- without any: what lies before the answer is empty.
local function skip_empty(second, last, windows)
    while second <= last and windows > 0 do
        local window_end = math.min(second + WINDOW_SECONDS - 1, last)
        local keys = {}
        for s = second, window_end do
            keys[#keys + 1] = expiring_key(s)
        end
        if redis.call("EXISTS", unpack(keys)) > 0 then
            return second
        end
        second = window_end + 1
        windows = windows - 1
    end
    return second
end

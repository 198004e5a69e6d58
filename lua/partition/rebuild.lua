#!lua flags=allow-oom
-- Purpose: one step of a rebuild: writes keys of the partition as the ledger has them.
-- KEYS[1]  {pN}:meta (hash, rw); writes the keys of the partition that are named, never the meta.
-- ARGV     token, milliseconds that the claim lasts from now, then for each key: its type
--          (string|hash|list|zset, or ends: when it ends by itself; with a + behind it: more of what the step before wrote), its name behind the tag, number of values, the values (string: value, and milliseconds to
--          live or none; hash: field and value; zset: score and member; ends: ms).
-- Returns  written, or lost (the claim is another's, or gone).
-- Cost     O(values).
-- Retry    safe but for what is written in several steps: each key is removed before its first one.
-- @include lib/rebuild-claim.lua

local WHOLE_NAMES = {
    journal = true,
    low = true,
    locations = true,
    limited = true,
    waited = true,
    waits = true,
}
local FIRST_WORDS = {
    stock = true,
    reservation = true,
    expiring = true,
    batch = true,
    operation = true,
    limit = true,
    records = true,
    waiting = true,
    ["return"] = true,
}
local PART_MAX = 1000 -- values of one command, far below the 8 000 where `unpack` ends

local token, lasts_ms = ARGV[1], tonumber(ARGV[2])

local steps = {}
local at = 3
while at <= #ARGV do
    local kind, name, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local is_ours = count and (WHOLE_NAMES[name] or FIRST_WORDS[string.match(name, "^(%l+):.")])
    if not is_ours then
        error("a step of a rebuild cannot be read")
    end
    steps[#steps + 1] = { kind = kind, key = tag .. name, first = at + 3, last = at + 2 + count }
    at = at + 3 + count
end

local COMMANDS = { hash = "HSET", list = "RPUSH", zset = "ZADD" }

local function write(step)
    if step.kind == "string" then
        local value, lives_ms = ARGV[step.first], ARGV[step.first + 1]
        if step.last > step.first then
            redis.call("SET", step.key, value, "PX", lives_ms)
        else
            redis.call("SET", step.key, value)
        end
        return
    end
    if step.kind == "ends" then
        redis.call("PEXPIREAT", step.key, ARGV[step.first])
        return
    end
    for first = step.first, step.last, PART_MAX do
        local last = math.min(first + PART_MAX - 1, step.last)
        redis.call(COMMANDS[step.kind], step.key, unpack(ARGV, first, last))
    end
end

local claim = claim_of(token)
if not claim then
    return "lost"
end
write_claim(token, lasts_ms, claim.missing)
for _, step in ipairs(steps) do
    local kind, more = string.match(step.kind, "^(%l+)(%+?)$")
    step.kind = kind
    if more == "" and kind ~= "ends" then
        redis.call("UNLINK", step.key)
    end
    write(step)
end
return "written"

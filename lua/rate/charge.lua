#!lua
-- Purpose: charges requests that need no other script: whether each may go on, and what is left.
-- KEYS[1]  {pN}:meta (hash, r); builds rate:<identity> (string, rw).
-- ARGV     the charges, as lib/rates.lua has them, and the number of requests.
-- Returns  a line about what each identity has left, and one for each request: charged,
--          limited <ms until there is room>.
-- Cost     O(identities + requests).
-- Retry    charges again: a request that was refused was not charged.
-- @include lib/keys.lua
-- @include lib/decimal.lua
-- @include lib/rates.lua

-- The partition's time, as batches have it: both write the same keys.
local time = redis.call("TIME")
local last_now = tonumber(redis.call("HGET", meta_key, "lastNow") or "") or 0
charge_items(ARGV[1], math.max(time[1] * 1000000 + time[2], last_now * 1000))
local lines = { encode_left() }
for item = 1, tonumber(ARGV[2]) do
    lines[item + 1] = refusal_of(item) or "charged"
end
write_charges()
return table.concat(lines, "\n")

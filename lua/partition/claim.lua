#!lua flags=allow-oom
-- Purpose: claims a fenced partition for one that rebuilds it: from here on only who has the token
--          may write there, until the claim has run out.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, token (letters and digits), milliseconds that the claim lasts, and
--          fenced|any: only a fenced partition, or any (an operator's restore).
-- Returns  an array: claimed <epoch> <seq> <beganAt> <seq that is known to be missing; empty: it was open>,
--          or open (it is not fenced), taken (another's claim has not run out),
--          foreign (another store's data).
-- Cost     O(1).
-- Retry    safe: the same token is a success and renews the claim.
-- @include lib/meta.lua
-- @include lib/rebuild-claim.lua

local store_id, token, lasts_ms, which = unpack(ARGV)
if not string.match(token, "^%w+$") or not string.match(lasts_ms, "^%d+$") then
    error("claim takes a token and milliseconds")
end
local meta = read_meta()
local claim = read_claim(meta.fence)
if meta.storeId and meta.storeId ~= store_id then
    return { "foreign" }
elseif not meta.fence and which ~= "any" then
    return { "open" }
elseif claim and claim.token ~= token and claim.until_ms > now_ms() then
    return { "taken" }
end
local missing = ""
if claim then
    missing = claim.missing
elseif meta.fence then
    missing = string.match(meta.fence, "^behind:(%d+)$") or "0"
elseif meta.is_damaged then
    missing = "0" -- who gives up the claim leaves it fenced
end
forget_unreadable(meta)
local seq = meta.seq or "0"
redis.call("HSET", meta_key, "storeId", store_id, "seq", seq)
write_claim(token, tonumber(lasts_ms), missing)
return { "claimed", meta.epoch or "0", seq, meta.beganAt or "0", missing }

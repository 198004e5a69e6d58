#!lua flags=allow-oom
-- Purpose: one step of a rebuild: removes keys of the partition, whatever they are called, but the meta.
--          A name may be no text any more (a turned bit), so that only Redis itself can say it.
-- KEYS[1]  {pN}:meta (hash, rw); removes whatever else stands under the tag.
-- ARGV     token, milliseconds that the claim lasts from now, cursor of SCAN (0: begin), about how many
--          keys to look at.
-- Returns  an array: emptied <cursor of the next step, 0: there is none>, or lost (the claim is
--          another's, or gone).
-- Cost     O(keys looked at).
-- Retry    safe.
-- @include lib/rebuild-claim.lua

local token, lasts_ms, cursor, count = unpack(ARGV)
local claim = claim_of(token)
if not claim then
    return { "lost" }
end
write_claim(token, tonumber(lasts_ms), claim.missing)
local found = redis.call("SCAN", cursor, "MATCH", tag .. "*", "COUNT", count)
for _, key in ipairs(found[2]) do
    if key ~= meta_key then
        redis.call("UNLINK", key)
    end
end
return { "emptied", found[1] }

#!lua flags=allow-oom
-- Purpose: gives up a claim on a partition of which nothing was written: it is as it was before.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     token.
-- Returns  lifted, or lost (the claim is another's, or gone).
-- Cost     O(1).
-- Retry    answers lost.
-- @include lib/rebuild-claim.lua

local claim = claim_of(ARGV[1])
if not claim then
    return "lost"
elseif claim.missing == "" then
    redis.call("HDEL", meta_key, "fence")
else
    redis.call("HSET", meta_key, "fence", "behind:" .. claim.missing)
end
return "lifted"

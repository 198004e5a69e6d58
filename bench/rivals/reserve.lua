-- Takes units if there are enough, and notes the hold and the movement, as a service without batches
-- would. KEYS: stock (hash), hold (string), journal (stream). ARGV: units, seconds of the hold,
-- seconds that its record stays, the record, the context. Answers when it was made and when it ends
-- (ms), or nothing.
local units = tonumber(ARGV[1])
local stock = redis.call("HMGET", KEYS[1], "onHand", "reserved")
local reserved = tonumber(stock[2] or 0)
if not stock[1] or tonumber(stock[1]) - reserved < units then
    return nil
end
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = now + tonumber(ARGV[2]) * 1000
redis.call("HSET", KEYS[1], "reserved", string.format("%.0f", reserved + units))
redis.call("SET", KEYS[2], ARGV[4], "EX", ARGV[3])
redis.call("XADD", KEYS[3], "MAXLEN", "~", "100000", "*", "stock", KEYS[1], "before", reserved, "context", ARGV[5])
return { now, due }

#!lua
-- Puts records as a verb of their kind does. ARGV[1] header, ARGV[2..] kind, id and text (empty: removed).
-- @include lib/operations.lua
-- @include lib/records.lua

local items = {}
for i = 2, #ARGV do
    items[i - 1] = { string.match(ARGV[i], "^(%l+)\t([^\t]+)\t([^\n]*)$") }
end
local refusal = open_batch(true)
if refusal then
    return refusal
end
local replies = {}
for i, item in ipairs(items) do
    replies[i] = load_record(item[1], item[2]) or "none"
    put_record(item[1], item[2], item[3], '{"actor":"service:test"}')
end
local function check()
    redis.call("HLEN", record_key(items[1][1]))
end
return close_batch(replies, { check = check, write = write_records, records = record_lines() })

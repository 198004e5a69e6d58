-- Follows lua/lib/keys.lua: answers every name that it can make, one `name key` a line.
local samples = { "sample-1", "sample.2", "1700000000" }
local product, other, second = unpack(samples)
return table.concat({
    "metaKey " .. meta_key,
    "journalKey " .. journal_key,
    "lowKey " .. low_key,
    "locationsKey " .. locations_key,
    "stockKey " .. stock_key(product),
    "reservationKey " .. reservation_key(product),
    "expiringKey " .. expiring_key(tonumber(second)),
    "batchKey " .. batch_key(product, other),
    "operationKey " .. operation_key(product),
    "returnKey " .. return_key(product),
    "limitKey " .. limit_key(product),
    "ruleKey " .. rule_key(product, second),
    "campaignLimitKey " .. campaign_limit_key(other, product),
    "limitedKey " .. limited_key,
    "recordKey " .. record_key("limit"),
    "waitingKey " .. waiting_key(product),
    "waitedKey " .. waited_key,
    "waitsKey " .. waits_key,
    "rateKey " .. rate_key(product),
}, "\n")

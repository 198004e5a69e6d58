-- Whole numbers as decimal text, each made once a call: a batch names the same counts, times and
-- seconds again and again, and `..` alone would write large ones with an exponent.
-- @include lib/library.lua

local decimal = setmetatable({}, {
    __index = function(made, number)
        local text = format("%d", number)
        made[number] = text
        return text
    end,
})

-- And the other way, each text read once a call: quantities and seconds, which are mostly the same.
local numbers = {}
local function number_of(text)
    local number = numbers[text]
    if not number then
        number = tonumber(text)
        numbers[text] = number
    end
    return number
end

-- Whole numbers as decimal text, each made once a call: a batch names the same counts, times and
-- seconds again and again, and `..` alone would write large ones with an exponent.
local decimal = setmetatable({}, {
    __index = function(made, number)
        local text = string.format("%d", number)
        made[number] = text
        return text
    end,
})

-- The context of an item's movements: JSON text, the last of its fields, and most of it. To look for the
-- letters that it cannot have costs far less than a pattern that goes through it letter by letter.
-- @include lib/library.lua

-- at: where it begins; nil: what stands before it cannot be read.
local function read_context(item, at)
    local is_whole = at and at <= #item and not find(item, "\t", at, true)
    if not is_whole or find(item, "\n", 1, true) then
        error("an item cannot be read")
    end
    return sub(item, at)
end

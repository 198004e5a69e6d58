-- What the registry says of locations, from the rules that came with the meta.
-- @include lib/batch.lua

local PRIORITY_DEFAULT = 100 -- twin: PRIORITY_DEFAULT in src/inventory/model.ts

local ruled -- location → whether it is inactive, and its priority; made when first asked for

-- What the registry says of a location: whether it is inactive, and its priority.
local function rule_of(location)
    if not ruled then
        ruled = {}
        for name, active, priority in string.gmatch(rules, "\n([^=\n]+)=([01])=(%d+)") do
            ruled[name] = { active == "0", tonumber(priority) }
        end
    end
    local rule = ruled[location]
    if not rule then
        return false, PRIORITY_DEFAULT
    end
    return rule[1], rule[2]
end

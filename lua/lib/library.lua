-- What a batch calls for each of its items, looked up once a call. What is called more rarely has its
-- full name: a function that uses one of these costs as much, each time a script begins.
local match = string.match
local find = string.find
local sub = string.sub
local format = string.format
local min = math.min
local max = math.max
local ceil = math.ceil

-- What Redis gives a script; luacheck reads each script whole, with its fragments put in.
std = "lua51"
read_globals = { "redis", "cjson", "cmsgpack", "bit", "struct", "KEYS", "ARGV" }
-- Lua has these, Redis does not.
not_globals = { "print", "io", "os", "require", "module", "package", "dofile", "loadfile", "debug" }
-- StyLua keeps the code's lines short; luacheck counts bytes, so that "…" would be three.
max_line_length = false

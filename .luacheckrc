-- luacheck: `make lint`
std = "lua54"
max_line_length = 150
files["tests"] = { std = "+busted" }
files["bindings"] = { ignore = { "211", "212", "221", "241" } } -- annotations: bodies are empty
exclude_files = { "build*/**" }

-- records_cjson.lua IN OUT: flat records, price * 1.1, with lua-cjson
local cjson = require "cjson"
local file, outfile = ...
local out = io.open(outfile, "wb")
out:setvbuf("full", 131072)
local decode, encode = cjson.decode, cjson.encode
for line in io.lines(file) do
  local t = decode(line)
  t.price = t.price * 1.1
  out:write(encode(t), "\n")
end
out:close()

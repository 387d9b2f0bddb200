local cjson = require "cjson"
local kind, file, outfile = ...
local out = io.open(outfile, "wb")
out:setvbuf("full", 131072)
local decode, encode = cjson.decode, cjson.encode
for line in io.lines(file) do
  local t = decode(line)
  if kind == "flat" then t.price = t.price * 1.1
  else for _, v in ipairs(t.variants) do v.price = v.price * 1.1 end end
  out:write(encode(t), "\n")
end
out:close()

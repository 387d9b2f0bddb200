-- tables: read, price * 1.1, write (flat: the record's price; nested: each variant's)
local ndjson = require "sluice.ndjson"
local args = ...
local out = ndjson.writer(args.out)
if args.kind == "flat" then
  for t in ndjson.values(args.file) do
    t.price = t.price * 1.1
    out:write(t)
  end
else
  for t in ndjson.values(args.file) do
    for _, v in ipairs(t.variants) do v.price = v.price * 1.1 end
    out:write(t)
  end
end
out:close()

-- NDJSON: keep some records, change a field; every byte that is not changed stays as it came.
--   sluice run examples/ndjson_filter.lua in=products.ndjson out=in_stock.ndjson
local ndjson = require "sluice.ndjson"

local args = ...
local out = ndjson.writer(args.out or "-")
for rec in ndjson.records(args["in"] or "-") do
  if ndjson.bad(rec) then
    io.stderr:write(("line %d: %s\n"):format(rec.line, rec.reason))
  elseif rec.qty > 0 then
    rec.price = rec.price * 1.1                                                        -- a patch
    rec.internal = nil                                                                 -- takes the field out
    ndjson.map(rec, "variants[*].title", function(title) return title:upper() end)     -- each value at a path
    out:write(rec)
  end
end
out:close() -- the file is in its place from here on

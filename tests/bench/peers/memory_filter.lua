-- A filter as a user would write it, from standard input to standard output.
local ndjson = require "sluice.ndjson"

local out = ndjson.writer "-"
for rec in ndjson.records "-" do
  if rec.qty > 150 then
    rec.price = rec.price * 1.1
    ndjson.rename(rec, "name", "title")
    out:write(rec)
  end
end
out:close()

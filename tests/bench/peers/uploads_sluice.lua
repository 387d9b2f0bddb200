-- uploads_sluice.lua url=… file=… task=flat|nested [times=1] [rate=30/s]: the rows of uploads.lua as a user would write them
local ndjson = require "sluice.ndjson"
local args = ...

local feed = require("sluice.connect").connect { api = "productsup_stream", name = "feed", base_url = args.url, token = "bench",
  limits = { products = args.rate or "100000/s" } }

local tasks = {
  flat = { { }, function(rec) rec.price = rec.price * 1.1 end },
  -- ten thousand of them are 21 MB: one is built while one is on its way
  nested = { { max_bytes = 32000000, in_flight = 1 }, function(rec)
    ndjson.map(rec, "variants[*].price", function(price) return price * 1.1 end)
  end },
}

local options, patch = table.unpack(tasks[args.task])
local upload = feed:uploader("1", options)
for _ = 1, tonumber(args.times or 1) do
  for rec in ndjson.records(args.file) do
    patch(rec)
    upload:write(rec)
  end
end
upload:finish()

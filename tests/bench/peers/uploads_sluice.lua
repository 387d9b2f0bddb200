-- uploads_sluice.lua url=… file=… task=flat|nested [times=1] [rate=30/s]: the rows of uploads.lua as a user would write them
local ndjson = require "sluice.ndjson"
local args = ...

local feed = require("sluice.connect").connect { api = "productsup_stream", name = "feed", base_url = args.url, token = "bench",
  limits = { products = args.rate or "100000/s" } }

local tasks = {}

function tasks.flat()
  local upload = feed:uploader "1"
  for _ = 1, tonumber(args.times or 1) do
    for rec in ndjson.records(args.file) do
      rec.price = rec.price * 1.1
      upload:write(rec)
    end
  end
  upload:finish()
end

-- Ten thousand of these are 21 MB: one batch is built while one is on its way.
function tasks.nested()
  local upload = feed:uploader("1", { max_bytes = 32000000, in_flight = 1 })
  local function raise(price) return price * 1.1 end
  for rec in ndjson.records(args.file) do
    ndjson.map(rec, "variants[*].price", raise)
    upload:write(rec)
  end
  upload:finish()
end

tasks[args.task]()

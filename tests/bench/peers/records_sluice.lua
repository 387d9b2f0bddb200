-- records_sluice.lua task=… file=… out=…: the rows of records.lua as a user would write them
local ndjson = require "sluice.ndjson"
local args = ...
local tasks = {}

function tasks.flat(out)
  for rec in ndjson.records(args.file) do
    rec.price = rec.price * 1.1
    out:write(rec)
  end
end

function tasks.nested_path(out)
  local function raise(price) return price * 1.1 end
  for rec in ndjson.records(args.file) do
    ndjson.map(rec, "variants[*].price", raise)
    out:write(rec)
  end
end

function tasks.nested_views(out)
  for rec in ndjson.records(args.file) do
    for _, v in ipairs(rec.variants) do v.price = v.price * 1.1 end
    out:write(rec)
  end
end

function tasks.flat_filter(out)
  for rec in ndjson.records(args.file) do
    if rec.qty > 50 then
      ndjson.rename(rec, "name", "title")
      out:write(rec)
    end
  end
end

function tasks.nested_filter(out)
  for rec in ndjson.records(args.file) do
    if rec.variants[1].qty > 50 then
      ndjson.rename(rec, "title", "name")
      out:write(rec)
    end
  end
end

local out = ndjson.writer(args.out)
tasks[args.task](out)
out:close()

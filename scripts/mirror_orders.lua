-- Writes the orders that changed in Stock2Shop or Veeqo behind those that are in a file, a line of NDJSON for each change.
--
--   sluice run scripts/mirror_orders.lua from=shop to=file:orders.ndjson
--   sluice run scripts/mirror_orders.lua from=shop to=file:orders.ndjson channel_id=47       one sales channel of Stock2Shop
--   sluice run scripts/mirror_orders.lua from=depot to=file:orders.ndjson                    Veeqo, cancelled orders too
--   sluice run … since="2021-08-27 08:23:04"     what changed since then (UTC); leaves the cursor alone
--   sluice run … --full                          everything again, behind what is there
--
-- The last line of an order's id is its newest state. The cursor moves after the lines are on the disk (each `checkpoint` orders, and at
-- the end), so that whatever is killed the next run misses none. It may repeat lines that were not committed: take those that
-- are equal once. A line that a crash of the machine cut off stays as a line of its own that is no JSON, and comes again in full.
-- The file is only added to: rename it away before you work on it, and the next run begins a new one (mode 0600: orders
-- hold names and addresses). The cursor belongs to `from`'s account, `to` and `channel_id`, not to the file's content.
--
-- Stock2Shop: lines are byte for byte what the shop answered. Veeqo has no feed, so its list by time is read, again where it moved
-- (stdlib/veeqo_orders.lua); keys stand in alphabetical order. overlap: how long before the end of the last one a run of Veeqo begins
-- (10m). Give more where this machine's clock is wrong by more, or should Veeqo read its filter's times in a zone west of UTC.
--
--   $ sluice run scripts/mirror_orders.lua from=depot to=file:orders.ndjson
--   scripts/mirror_orders: done
--     read       41
--     sent       3
--     unchanged  38
--     rejected   0

local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

-- Gives what it is given, or stops the run: a line that is not on the disk must not be taken for one that is.
local function must(value, problem)
  if not value then error(problem, 0) end
  return value
end

local function line_of(order)
  return (type(order) == "userdata" and ndjson.raw(order) or must(json.encode(order, { sort = true }))) .. "\n"
end

-- What a dry run writes to.
local function yes() return true end
local nowhere = { write = yes, sync = yes, close = yes }

-- What `changed_orders` takes differs: a channel is a matter of Stock2Shop's search, an overlap of Veeqo's list.
local function filter_of(source, args, run)
  local filter = { since = args.since, cursor = run:cursor "orders", channel_id = args.channel_id, overlap = args.overlap }
  if source.api ~= "veeqo" and filter.overlap then sluice.usage("overlap is for Veeqo; for %s set its index_lag in sluice.yaml", source.name) end
  if source.api == "veeqo" and filter.channel_id then sluice.usage "channel_id is for Stock2Shop: each line of Veeqo's has its channel" end
  return filter
end

return sluice.recipe {
  about = "Write the orders that changed in Stock2Shop or Veeqo to a file",
  args = {
    from = { "connection of Stock2Shop or Veeqo", type = "connection" }, to = "file:PATH",
    since = { "time to start from (UTC); leaves the cursor alone", type = "time", optional = true },
    channel_id = { "only this sales channel (Stock2Shop)", type = "text", optional = true },
    overlap = { "how long before the last run's end to begin (Veeqo; 10m)", type = "duration", optional = true },
    checkpoint = { "commit after so many orders, besides at the end", type = "integer", min = 1, default = 1000 },
  },
  key = { "to", "channel_id" },
  run = function(args, run)
    local path, pending = args.to:match "^file:(.+)$", 0
    if not path or path == "-" then sluice.usage("to is file:PATH, not '%s'", args.to) end
    local source = sluice.connect(args.from)
    local filter = filter_of(source, args, run)
    local out = run.dry and nowhere or must(require("sluice.file").append(path))

    local function commit()
      must(out:sync())
      run:count("sent", pending)
      pending = 0
      run:commit() -- only now does the cursor move
    end

    for order in source:changed_orders(filter) do
      must(out:write(line_of(order)))
      pending = pending + 1
      if pending >= args.checkpoint then commit() end
    end
    commit()
    must(out:close())
  end,
}

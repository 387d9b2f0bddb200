-- Writes that must not be doubled: a ticket is opened once, however often this runs and whatever is killed or cut.
--   sluice run examples/outbox.lua url=https://tickets.example key=… code=T-1 title="The printer is on fire"
local outbox = require "sluice.outbox"
local sluice = require "sluice"

local args = ...
local desk = sluice.connect { name = "desk", api = require "apis.tickets", base_url = args.url, key = args.key }

local box = outbox.open {
  connection = desk, operation = "open_ticket", key = "code", settle_after = 1, -- how long the search may lag behind
  store = sluice.state.open(args.store or "tickets.db"),                        -- in a project: the config's
}
box:write { code = args.code, title = args.title }
local done = box:finish() -- asks for a ticket whose answer got lost
print(("opened %d, there before %d, unknown %d"):format(done.confirmed, done.repeated, done.unknown))

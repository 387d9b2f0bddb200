-- An API of one's own: apis/tickets.lua describes it, sluice makes a client of that. It needs no config here.
--   sluice run examples/api.lua url=https://tickets.example key=…
local sluice = require "sluice"

local args = ...
local desk = sluice.connect { name = "desk", api = require "apis.tickets", base_url = args.url, key = args.key }

for ticket in desk:tickets { state = "open" } do -- page after page, two requests a second
  print(ticket.id, ticket.title)
end

local ok, problem = pcall(desk.close_ticket, desk, { ticket = 404 }) -- clients raise; pcall gives the error value
print(ok, problem.code, problem.status, problem.hint)

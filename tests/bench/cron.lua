--- What due times cost: rows of { what, CPU microseconds a call }.
local cron = require "sluice.cron"
local time = require "sluice.time"

local bench = {}

local BERLIN, YEAR = "TZ=Europe/Berlin\n", 365 * 86400
local DOCUMENT = BERLIN .. "H 2,6,19,22 * * 2,4,6\nH * * * *\n1 3,8,21 */2 * *"

local function measured(what, calls, call)
  local before = time.cpu()
  for _ = 1, calls do call() end
  return { what, tonumber(("%.2f"):format((time.cpu() - before) / calls * 1e6)) }
end

local function next_of(text)
  local spec, t = cron.parse(text, { name = "bench" }), 1767225600
  return function() t = spec:next(t) end
end

function bench.rows()
  local from = 1767225600
  local minutes, three = cron.parse(BERLIN .. "* * * * *"), cron.parse(DOCUMENT, { name = "bench" })
  local leap, before = cron.parse(BERLIN .. "0 0 29 2 */7"), time.parse "2088-03-01"
  return {
    { "due times", "us a call" },
    measured("next, every minute", 1000000, next_of(BERLIN .. "* * * * *")),
    measured("next, the document's three lines", 100000, next_of(DOCUMENT)),
    measured("next, over 40 years (2088 to 2128)", 10000, function() leap:next(before) end),
    measured("count of a year, every minute", 10000, function() minutes:count(from, from + YEAR) end),
    measured("count of a year, three lines", 1000, function() three:count(from, from + YEAR) end),
    measured("the newest 100 of 30 years, three lines", 100, function() three:last(from, from + 30 * YEAR, 100) end),
    measured("clock changes of a year, three lines", 10000, function() three:changes(from, from + YEAR) end),
    measured("parse, three lines", 100000, function() cron.parse(DOCUMENT, { name = "bench" }) end),
  }
end

return bench

--- Times as arguments: what people and APIs write is read, what the API asks for is sent. Some APIs ignore a filter whose
--- time they can't read and answer with everything, so a wrong one must not leave this machine.
---
---     when.text("2018-01-19T18:11:06+01:00", "sql")   -- "2018-01-19 17:11:06"
---     when.text("2018-01-31", "day")                  -- "31/01/2018"
---     when.text("yesterday", "sql")                   -- nil, "must be a time such as …"
local time = require "sluice.time"

local when = {}

--- The forms that an argument can ask for (the row's `format`), as people read them.
when.formats = {
  day = "DD/MM/YYYY", http = "Sun, 06 Nov 1994 08:49:37 GMT", rfc3339 = "YYYY-MM-DDTHH:MM:SSZ", sql = "YYYY-MM-DD HH:MM:SS",
}

-- A day is not cut out of a time: which day that is depends on the zone.
local function seconds_of(value, format)
  if math.type(value) then return value end
  if type(value) ~= "string" then return nil end
  if format == "day" and not value:find "^%s*%d%d%d%d%-%d%d%-%d%d%s*$" then return (time.parse(value, "day")) end
  return (time.parse(value))
end

local function expected(format)
  if format == "day" then return "a day, as 2018-01-31, 31/01/2018 (day first)" end
  return "a time, as 2018-01-19 18:11:06 (UTC), 2018-01-19T18:11:06+01:00, 2018-01-19"
end

--- The text for the API; nil and a reason that names what was given and what is expected.
---@param value any     text, or seconds since 1970 UTC
---@param format string one of when.formats
---@return string? text
---@return string? reason
function when.text(value, format)
  local seconds = seconds_of(value, format)
  local ok, text = pcall(time.format, seconds, format)
  if seconds and ok then return text end
  local given = type(value) == "string" and "'" .. value .. "'" or tostring(value)
  return nil, ("must be %s or seconds since 1970, not %s"):format(expected(format), given)
end

return when

-- The ways in which the APIs write times. All seconds are since 1970 UTC.
local M = {}

---"2021-01-05 08:25:04", Stock2Shop's products.
function M.sql(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S", seconds // 1 | 0)
end

---"2021-01-05T08:25:04+0000", Stock2Shop's users, sources and channels.
function M.basic(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%S+0000", seconds // 1 | 0)
end

---"2022-11-25T15:40:10+01:00", the Stream API.
function M.berlin(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%S+01:00", (seconds // 1 | 0) + 3600)
end

---"Fri, 22 Apr 2022 19:30:20 GMT", the header of an answer.
function M.http(seconds)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds // 1 | 0)
end

-- Days from 1970-01-01 to the first of a month; March starts the year, so that leap days come last.
local function days_before(year, month)
  if month <= 2 then year = year - 1 end
  local era, y, m = year // 400, year % 400, (month + 9) % 12
  return era * 146097 + y * 365 + y // 4 - y // 100 + (153 * m + 2) // 5 - 719468
end

---Seconds of "Y-m-d H:i:s", or nil where it is not that.
function M.parse_sql(text)
  if type(text) ~= "string" then return nil end
  local y, mo, d, h, mi, s = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d) (%d%d):(%d%d):(%d%d)$"
  if not y then return nil end
  y, mo, d = math.tointeger(y), math.tointeger(mo), math.tointeger(d)
  h, mi, s = math.tointeger(h), math.tointeger(mi), math.tointeger(s)
  if mo < 1 or mo > 12 or d < 1 or d > 31 or h > 23 or mi > 59 or s > 59 then return nil end
  return (days_before(y, mo) + d - 1) * 86400 + h * 3600 + mi * 60 + s
end

return M

--- Times as people write and read them, in the zone of a schedule.
---
---     times.read("10:00", { zone = "Europe/Berlin", now = now })                       -- the last 10:00 there
---     times.read("2h", { zone = "Europe/Berlin", now = now, ahead = true })            -- in two hours
---     times.short("2026-11-28T10:00:00+01:00", "2026-11-28T12:30:00+01:00")            -- "10:00"
local cron = require "sluice.cron"
local time = require "sluice.time"
local values = require "sluice.config.values"

local times = {}

local DAY = 86400
local HELP = "write it like 2026-11-28T10:00:00+01:00, \"2026-11-28 10:00\" or 10:00 (in the schedule's zone), 2h (%s) or now"

-- ---- reading ----

-- The first instant strictly after `after` at which clocks of the zone show that. A time that a clock change leaves out is the
-- instant after it, one that comes twice is the first: as for schedules.
local function local_time(zone, after, month, day, hour, minute)
  local spec = cron.parse(("TZ=%s\n%d %d %s %s *"):format(zone, minute, hour, day or "*", month or "*"), { name = "time" })
  return spec and spec:next(after)
end

local function clock(hour, minute, second)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second ~= "" and second or 0)
  if hour and minute and hour < 24 and minute < 60 and second < 60 then return hour, minute, second end
end

-- "2026-11-28 10:00" in the zone. The instant is less than a day from the same reading in UTC; two, where a zone has
-- skipped a day.
local function with_date(text, zone)
  local date, rest = text:match "^(%d%d%d%d%-%d%d%-%d%d)(.*)$"
  local at = date and time.parse(date)
  local hour, minute, second = clock(0, 0, 0)
  if rest and rest ~= "" then hour, minute, second = clock(rest:match "^[ T](%d%d?):(%d%d):?(%d*)$") end
  if not at or not hour then return nil end
  local _, month, day = date:match "(%d+)-(%d+)-(%d+)"
  local found = local_time(zone, at + hour * 3600 + minute * 60 - DAY - 1, tonumber(month), tonumber(day), hour, minute)
  return found and found - at < 4 * DAY and found + second or nil
end

-- "10:00": the next one, or the last one up to now.
local function without_date(text, zone, now, ahead)
  local hour, minute, second = clock(text:match "^(%d%d?):(%d%d):?(%d*)$")
  if not hour then return nil end
  if ahead then return local_time(zone, now - second, nil, nil, hour, minute) + second end
  local found, following = nil, local_time(zone, now - 3 * DAY, nil, nil, hour, minute)
  while following + second <= now do found, following = following, local_time(zone, following, nil, nil, hour, minute) end
  return found and found + second
end

local function duration(text, now, ahead)
  local past, future = text:match "^(.-)%s*ago$", text:match "^in%s+(.*)$"
  local seconds = values.duration(past or future or text)
  if not seconds or (text:find "^%d+$") then return nil end
  if future or (ahead and not past) then return now + seconds end
  return now - seconds
end

--- A time as a person writes it.
---@param text string
---@param options { zone: string, now: number, ahead?: boolean } ahead: 10:00 is the next one, and 2h is in two hours
---@return number? seconds since 1970
---@return string? what it has to be
function times.read(text, options)
  local now, ahead = options.now, options.ahead
  if text == "now" then return now end
  local at = with_date(text, options.zone) or without_date(text, options.zone, now, ahead) or duration(text, now, ahead)
  if not at and text:find "^%d%d%d%d%-%d%d%-%d%d[T ]%d%d:%d%d.*[Zz%d]$" then at = time.parse(text) end
  if at then return at end
  return nil, HELP:format(ahead and "from now" or "ago")
end

-- ---- showing ----

--- An RFC 3339 text as people read it: without the day where that is the other time's, without seconds and offset.
---@param text string
---@param near? string
---@return string
function times.short(text, near)
  local date, minute, second = text:match "^(%d+%-%d+%-%d+)T(%d+:%d+):(%d+)"
  if second ~= "00" then minute = minute .. ":" .. second end
  if near and near:sub(1, 10) == date then return minute end
  return date .. " " .. minute
end

--- Seconds as "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
---@param seconds number
---@return string
function times.span(seconds)
  if seconds < 10 then return ("%.1f s"):format(seconds):gsub("%.0 s", " s") .. "" end
  local whole = math.floor(seconds + 0.5)
  local parts = { { whole // DAY, "d" }, { whole % DAY // 3600, "h" }, { whole % 3600 // 60, "min" }, { whole % 60, "s" } }
  local shown = {}
  for i, part in ipairs(parts) do
    if part[1] > 0 and (#shown == 0 or parts[i - 1][1] > 0 and #shown < 2) then shown[#shown + 1] = ("%d %s"):format(part[1], part[2]) end
  end
  return table.concat(shown, " ", 1, math.min(#shown, 2))
end

return times

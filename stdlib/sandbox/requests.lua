-- The log of requests: the last hundred thousand, and counts of all. Tokens in URLs are masked even here.
local json = require "sluice.sandbox.json"

local Requests = {}
Requests.__index = Requests

local MOST = 100000

---`write` gets one line of text per request, where it is given.
function Requests.new(write)
  return setmetatable({ write = write, total = 0, first = 1, by_status = {}, list = {} }, Requests)
end

local function masked(target)
  return (target:gsub("([?&]token=)[^&]*", "%1***"):gsub("(/valid_token/)[^/?]+", "%1***"))
end

---Notes a request: at, seconds, method, target, status (0: no answer), bytes_in, bytes_out, fault.
function Requests:note(entry)
  self.total = self.total + 1
  entry.n, entry.target = self.total, masked(entry.target)
  self.list[self.total] = entry
  local status = tostring(entry.status)
  self.by_status[status] = (self.by_status[status] or 0) + 1
  if self.total - self.first >= MOST then
    self.list[self.first] = nil
    self.first = self.first + 1
  end
  if self.write then self.write(self.line(entry)) end
end

---"17 200 POST /streams/124773/products 8123 in 940 out 12.3 ms"
function Requests.line(entry)
  return ("%d %d %s %s %d in %d out %.1f ms%s\n"):format(entry.n, entry.status, entry.method, entry.target, entry.bytes_in,
    entry.bytes_out, entry.seconds * 1000, entry.fault and " (fault: " .. entry.fault .. ")" or "")
end

---The last `count` requests (all that are kept unless given), oldest first.
function Requests:last(count)
  local list = {}
  for n = math.max(self.first, self.total - (count or MOST) + 1), self.total do list[#list + 1] = self.list[n] end
  return list
end

function Requests:clear()
  self.total, self.first, self.by_status, self.list = 0, 1, {}, {}
end

---The log as JSON.
function Requests:text(count, limits)
  local by_status, list = json.object(), json.array {}
  for status, times in pairs(self.by_status) do json.set(by_status, status, times) end
  for i, e in ipairs(self:last(count)) do
    list[i] = json.object("n", e.n, "at", e.at, "seconds", e.seconds, "method", e.method, "target", e.target, "status", e.status,
      "bytes_in", e.bytes_in, "bytes_out", e.bytes_out, "fault", e.fault or json.null)
  end
  return json.encode(json.object("total", self.total, "by_status", by_status, "limits", json.object("refused", limits.refused,
    "bursts", limits.bursts, "overlaps", limits.overlaps), "requests", list))
end

return Requests

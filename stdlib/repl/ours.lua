--- Objects of sluice's own that have no shape for people: what they are and how far they got, on one line, in place of their internals.
---
---     ours.text(feed:uploader(124773))     --> "upload into stream 124773 of feed: 1,200 sent, 3 rejected"
local text = require "sluice.text"

local ours = {}

local function get(object, key) return rawget(object, key) end

local function name_of(client) return tostring(type(client) == "table" and rawget(client, "name") or "?") end

-- ": 3 sent, 1 rejected" of the sums that are not 0, and words that hold.
local function sums(object, names, ...)
  local parts = {}
  for _, name in ipairs(names) do
    local n = get(object, name)
    if math.type(n) == "integer" and n > 0 then parts[#parts + 1] = text.grouped(n) .. " " .. name end
  end
  for _, word in ipairs { ... } do parts[#parts + 1] = word or nil end
  return #parts > 0 and ": " .. table.concat(parts, ", ") or ""
end

local function address(url) return (tostring(url):gsub("//[^/@]*@", "//"):gsub("%?.*", "")) end

local UPLOADED = { "sent", "rejected", "skipped", "unknown" }

local function upload(into)
  return function(self)
    local place = into .. " " .. tostring(get(self, into)) .. " of " .. name_of(get(self, "client"))
    return "upload into " .. place .. sums(self, UPLOADED, get(self, "finished") and "finished")
  end
end

local function batch(self)
  return ("batch %s of products, site %s of %s"):format(tostring(get(self, "id")), tostring(get(self, "site")), name_of(get(self, "client")))
    .. sums(self, { "uploaded", "rejected" }, get(self, "state"))
end

local function outbox(self)
  return ("outbox of %s.%s"):format(name_of(get(self, "client")), tostring(rawget(get(self, "row"), "name")))
    .. sums(self, { "confirmed", "repeated", "resent", "rejected", "unknown" })
end

local function response(self)
  local reason, body = get(self, "reason"), get(self, "body")
  local status = tostring(get(self, "status")) .. (reason and reason ~= "" and " " .. reason or "")
  local size = type(body) == "string" and #body > 0 and (", body of %s bytes"):format(text.grouped(#body)) or ""
  return ("http response %s from %s%s"):format(status, address(get(self, "url")), size)
end

local function http_client(self)
  local base = get(self, "base_url")
  return "http client" .. (base and " for " .. address(base) or "")
end

local function run(self)
  local name = get(self, "name") or get(self, "path") or "a script"
  return "run of " .. tostring(name) .. sums(get(self, "sums"), { "read", "sent", "rejected", "unknown" })
end

local function task(self)
  local results = get(self, "results")
  return "task" .. (results and (get(self, "ok") and ", done" or ", failed") or ", under way")
end

local function constant(said) return function() return said end end

local texts = {
  ["sluice.uploader"] = upload "stream", ["sluice.site_uploader"] = upload "site", ["sluice.product_batch"] = batch,
  ["sluice.outbox"] = outbox, ["sluice.http.response"] = response, ["sluice.http.client"] = http_client, ["sluice.run"] = run,
  ["sluice.runcursor"] = function(self) return "cursor " .. tostring(get(self, "name")) end,
  ["sluice.notes"] = function(self) return "notes: " .. text.grouped(#text.keys(get(self, "fields"))) .. " kept" end,
  ["sluice.file_sink"] = function(self) return ("file of records: %s written"):format(text.grouped(get(self, "count"))) end,
  ["sluice.recipe"] = function(self) return "recipe: " .. get(self, "about") end,
  ["sluice.task"] = task, ["sluice.channel"] = constant "channel between tasks", ["sluice.semaphore"] = constant "semaphore",
}

--- What an object of ours is; nil for all other values. Runs nobody's code.
---@param value any
---@return string?
function ours.text(value)
  local meta = type(value) == "table" and debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  local make = type(name) == "string" and texts[name]
  if not make then return nil end
  local ok, said = pcall(make, value)
  return ok and said or name
end

return ours

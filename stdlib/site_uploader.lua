--- A sink for a site of the Platform API that is used like the uploader of a stream (`site:uploader(123)`), so that a recipe
--- can send to either: batches of the type delta, each committed by `flush` and `finish`.
---
---     local upload = site:uploader(123, { automatic_import = false })
---     upload:write { id = "475-SHIRT-XL", price = 15 }
---     upload:finish()
--
-- Nothing of a batch counts before its commit, so what was sent is remembered before the commit and not before each upload.
local errors = require "sluice.err"
local ndjson = require "sluice.ndjson"

local site_uploader = {}

---@class sluice.SiteUploader
local Uploader = {}
Uploader.__index, Uploader.__name = Uploader, "sluice.site_uploader"

local REMEMBERED = 1000 -- ids that are handed to `remember` at once

local function usage(text, ...) errors.raise { code = "usage", message = text:format(...) } end

local function remember(self)
  if self.pending == 0 then return end
  self.remember(self.ids)
  self.ids, self.pending = {}, 0
end

local function note_id(self, x)
  if not self.remember or ndjson.bad(x) then return end
  local record = type(x) == "string" and ndjson.record(x) or x
  local id = type(record) ~= "string" and record.id
  if id == nil or id == false then return end -- the batch refuses it
  self.ids[tostring(id)], self.pending = true, self.pending + 1
  if self.pending >= REMEMBERED then remember(self) end
end

--- Puts a row (a table, a record or a line of JSON) into the open batch; what can't be sent is rejected. (waits)
function Uploader:write(x)
  if self.finished then usage "uploader:write: it is finished" end
  self.batch = self.batch or self.client:product_batch(self.site, self.options)
  note_id(self, x)
  self.batch:write(x)
end

--- Commits what there is, once; raises where that fails or its outcome is unknown. (waits)
function Uploader:flush()
  if not self.batch then return end
  remember(self)
  local sums = self.batch:commit()
  self.batch, self.sent, self.rejected = nil, self.sent + sums.sent, self.rejected + sums.rejected
  if sums.sent > 0 then self.batches[#self.batches + 1] = sums.batch end
end

--- The end: as flush. Gives the sums. (waits)
---@return { sent: integer, rejected: integer, batches: string[] }
function Uploader:finish()
  self:flush()
  self.finished = true
  return { sent = self.sent, rejected = self.rejected, batches = self.batches }
end

local KNOWN = { "automatic_import", "max_records", "max_bytes", "remember" }

local function check(options)
  local known = {}
  for _, name in ipairs(KNOWN) do known[name] = true end
  for key in pairs(options) do
    if not known[key] then
      usage("uploader: unknown option '%s'%s", tostring(key), require("sluice.text").near(key, KNOWN))
    end
  end
end

--- A sink for the site, for one task to write to. Options: `automatic_import`, `max_records` and `max_bytes` as of
--- product_batch, `remember(ids)` (is told the ids of a batch before it is committed).
---@param client sluice.Client
---@param site string|integer
---@param options? { automatic_import?: boolean, max_records?: integer, max_bytes?: integer, remember?: fun(ids: table) }
---@return sluice.SiteUploader
function site_uploader.uploader(client, site, options)
  if site == nil then usage "uploader: which site?" end
  options = options or {}
  check(options)
  return setmetatable({
    client = client, site = site, remember = options.remember, ids = {}, pending = 0, sent = 0, rejected = 0, batches = {},
    options = { type = "delta", automatic_import = options.automatic_import, max_records = options.max_records, max_bytes = options.max_bytes },
  }, Uploader)
end

return site_uploader

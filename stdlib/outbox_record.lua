--- A record as a write of the outbox: the arguments of the operation that it becomes, the key that it is known by, its digest.
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local settling = require "sluice.settling"

local outbox_record = {}

--- The argument of an operation that is its body; nil where a record's fields are its arguments.
---@param row table the operation
---@return string?
function outbox_record.target(row)
  for _, arg in ipairs(row.args or {}) do
    if arg.into == "body" then return arg.name end
  end
end

--- A record as JSON text.
---@param value sluice.Record|table|string
---@return string
function outbox_record.text(value)
  if type(value) == "string" then return value end
  local text, problem = json.encode(value)
  if not text then error(problem, 0) end
  return text
end

--- Arguments as JSON, and the digest of their content whatever the order of its keys: the same order handed in tomorrow, as a
--- table or as a line, is the same.
---@param args table
---@return string body, string digest
function outbox_record.body(args)
  local body = outbox_record.text(args)
  return body, require("sluice.crypto").sha256(json.encode(json.decode(body), { pretty = true }))
end

local function key_of(box, record)
  local key
  if type(box.key) == "function" then key = box.key(record)
  elseif type(record) == "userdata" then key = ndjson.get(record, box.key)
  else key = require("sluice.paging").by_path(record, box.key) end
  if key == nil or key == json.null or key == "" or type(key) == "table" then return nil end
  return settling.as_text(key)
end

--- What an outbox knows of a record; `key` is nil where it has none, `name` tells it apart within the outbox.
---@param box sluice.Outbox
---@param record sluice.Record|table|string
---@return table job { record, args, key?, scope, name?, followers }
function outbox_record.job(box, record)
  local args = {}
  for name, value in pairs(box.with) do args[name] = value end
  if box.into then args[box.into] = record
  else
    for name, value in pairs(type(record) == "userdata" and ndjson.totable(record) or record) do args[name] = value end
  end
  args = settling.bind(box.row, args, box.client.options)
  local key, scope = key_of(box, record), settling.scope(box.row, args)
  return { record = record, args = args, key = key, scope = scope, name = key and scope .. "\0" .. key, followers = {} }
end

return outbox_record

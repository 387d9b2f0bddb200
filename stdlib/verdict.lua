--- What the upload stage of a Productsup batch says about the lines that were sent. Pure: tables in, tables out.
--
-- The counter beside the stages is wrong in answers that were seen in the wild, so the stage alone is read. Its errors
-- are kinds of errors, each with the number of lines and one example.
--
--   local said = verdict.of(batch, 3)         -- { status = "warning", refused = 1, reason = "Syntax error", errors = … }
--   verdict.lines(said, chunk, memory)        -- { [2] = "Syntax error" }

local json = require "sluice.json"
local ndjson = require "sluice.ndjson"

local verdict = {}

local function present(value)
  if value == json.null then return nil end
  return value
end

local function at(value, ...)
  for _, key in ipairs { ... } do
    if type(value) ~= "table" then return nil end
    value = present(value[key])
  end
  return value
end

local function message_of(one)
  local message = at(one, "message")
  return type(message) == "string" and message ~= "" and message or "refused"
end

local function reason_of(list)
  local words = {}
  for i, one in ipairs(list) do words[i] = message_of(one) end
  return #words > 0 and table.concat(words, "; ") or "refused without a reason"
end

-- Lines that the stage calls refused; nil where it contradicts itself, and only sending less can tell.
local function refused_of(stage, list, n)
  local counted, succeeded, listed = tonumber(at(stage, "errorCount")) or 0, tonumber(at(stage, "successCount")), 0
  for _, one in ipairs(list) do listed = listed + (tonumber(at(one, "occurrences")) or 1) end
  local refused = math.tointeger(math.min(math.max(counted, listed), n)) or n
  local status = at(stage, "status")
  if status == "failure" and refused < n then return nil end
  if status ~= "success" and refused == 0 then return nil end
  if succeeded and succeeded + refused ~= n then return nil end
  return refused
end

--- The verdict on a batch of n lines. `refused` is nil where the stage contradicts itself.
---@param batch any the answer's `data`; true where a delete was answered without a body
---@param n integer
---@return { status: string, refused: integer?, reason: string, errors: table[] }
function verdict.of(batch, n)
  if batch == true then return { status = "success", refused = 0, reason = "", errors = {} } end
  local stage = at(batch, "attributes", "stages", "upload")
  if type(stage) ~= "table" then return { status = "none", reason = "", errors = {} } end
  local list = at(stage, "errors") or {}
  local refused = refused_of(stage, list, n)
  local failed = at(batch, "attributes", "status") == "failed"
  if failed and refused ~= n then refused = nil end
  if n == 1 and not refused then refused = at(stage, "status") == "success" and not failed and 0 or 1 end
  return { status = tostring(at(stage, "status")), refused = refused, reason = reason_of(list), errors = list }
end

local function id_in(text)
  local record = ndjson.record(text)
  local id = record and record.id
  return id ~= nil and tostring(id) or nil
end

-- Whether an example shows this line: its text, the head of it, or the decoded product.
local function shows(value, line)
  if line == nil then return false end
  if type(value) == "table" then return value.id ~= nil and tostring(value.id) == id_in(line) end
  local text = tostring(value):gsub("%s+$", "")
  if text == line then return true end
  text = text:gsub("%.%.%.$", ""):gsub("\u{2026}$", "")
  return #text >= 16 and line:sub(1, #text) == text
end

-- The line of an example. `memory.base` is 0 or 1 once an example has shown from where the server counts.
local function line_of(example, chunk, memory)
  local number, value = math.tointeger(tonumber(at(example, "lineNumber"))), at(example, "value")
  if value ~= nil and value ~= "" then
    if not number then return nil end
    local one, zero = shows(value, chunk:line(number)), shows(value, chunk:line(number + 1))
    if one ~= zero then memory.base = one and 1 or 0 end
    if one and memory.base ~= 0 then return number end
    return zero and number + 1 or one and number or nil
  end
  if number and memory.base and chunk:line(number + 1 - memory.base) then return number + 1 - memory.base end
end

--- The refused lines that the examples name, with the reasons.
---@param said table of verdict.of
---@param chunk table
---@param memory { base?: integer } kept from batch to batch
---@return table<integer, string>
function verdict.lines(said, chunk, memory)
  local named = {}
  for _, one in ipairs(said.errors) do
    local i = line_of(at(one, "example"), chunk, memory)
    if i and not named[i] then named[i] = message_of(one) end
  end
  return named
end

return verdict

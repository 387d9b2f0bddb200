--- An answer that is no JSON because single elements of its list hold what no JSON may: bytes that are no UTF-8, raw
--- control characters, half of a surrogate pair, escapes that don't exist. It is read without them, so that one broken
--- product does not keep all others from going. Quotes and brackets must be right, and all around the elements too.
--
--   local answer, broken = salvage.read(body, "system_products")
--   for _, one in ipairs(broken) do … one.record.id, one.reason, one.raw … end

local ndjson = require "sluice.ndjson"

local salvage = {}

-- A text of the same length in which quotes, brackets and digits stand where they stood, and no string can be wrong:
-- bytes that can be wrong are blanks, escapes (but those of a quote and a backslash) line breaks.
local function harmless(text)
  return (text:gsub("[\0-\31\128-\255]", " "):gsub('\\[^"\\]', "\\n"))
end

--- The answer with null in the place of broken elements, and those: `record` (with the wrong bytes replaced), `reason`,
--- `raw` (the bytes as they came). Nil where it can't be read so either.
---@param body string
---@param path string
---@return any? answer
---@return { record: any, reason: string, raw: string }[]? broken
function salvage.read(body, path)
  local clean = harmless(body)
  local ok, elements = pcall(ndjson.elements, clean, path)
  if not ok then return nil end
  local parts, broken, at = {}, {}, 1
  for record in elements do
    local first, last = clean:find(ndjson.bad(record) and record.raw or ndjson.raw(record), at, true)
    local raw = body:sub(first, last)
    local whole, problem = ndjson.record(raw)
    if not whole then broken[#broken + 1] = { record = record, reason = problem.message, raw = raw } end
    parts[#parts + 1] = body:sub(at, first - 1)
    parts[#parts + 1] = whole and raw or "null"
    at = last + 1
  end
  parts[#parts + 1] = body:sub(at)
  local answer = ndjson.record(table.concat(parts))
  if answer then return answer, broken end
end

return salvage

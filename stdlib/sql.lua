--- Values as literals of SQL, for APIs that take a condition as text (`filter` of productsup_platform's read_products). A
--- value that is put into a condition by hand breaks at the first apostrophe, or says something else than it should.
---
---     local sql = require "sluice.sql"
---     site:read_products { site = 123, stage = "import", filter = "brand = " .. sql.quote "O'Neill" }   -- 'O''Neill'
---     site:read_products { site = 123, stage = "import", filter = "id IN " .. sql.list { "1", "2" } }   -- ('1','2')
local err = require "sluice.err"

local sql = {}

local function usage(text, ...)
  err.raise { code = "usage", message = text:format(...), where = require("sluice.fail").user_frame(2) }
end

local function text_of(value)
  if type(value) == "string" then return value end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  usage("sql.quote takes text or an integer, not a %s", math.type(value) or type(value))
end

--- A value between apostrophes, those in it doubled. A backslash and a NUL are refused: some databases take the former
--- for an escape and others don't, so that no text means the same to all of them.
---@param value string|integer
---@return string
function sql.quote(value)
  local text = text_of(value)
  local bad = text:match "[\\%z]"
  if bad then usage("sql.quote: %s in '%s' can't be quoted so that every database reads the same", bad == "\\" and "a backslash" or "a NUL", text) end
  return "'" .. text:gsub("'", "''") .. "'"
end

--- A list of values for IN: `('a','b')`. An empty one is refused, SQL has none.
---@param values (string|integer)[]
---@return string
function sql.list(values)
  if type(values) ~= "table" or #values == 0 then usage "sql.list takes a list with one value at least" end
  local quoted = {}
  for i, value in ipairs(values) do quoted[i] = sql.quote(value) end
  return "(" .. table.concat(quoted, ",") .. ")"
end

return sql

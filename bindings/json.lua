---@meta sluice.json
--- JSON text and Lua values, without loss.
---
--- | JSON | Lua |
--- | --- | --- |
--- | `12`, `-9223372036854775808` | integer |
--- | `12345678901234567890` (beyond 64 bits), `1e999` | `json.number`, which keeps its digits |
--- | `19.99`, `100.0`, `1e2`, `-0` | float; written as the shortest text that reads back the same (`100.0`, `1e16`) |
--- | `[]`, `[1]` | table with a metatable, so that it is written as an array even when it has been emptied |
--- | `{}` | table |
--- | `null` | `json.null`, the same value as `cjson.null` |
--- | `"…"` | string, valid UTF-8 |
---
--- Of several members with the same key the last one counts. A `\ud800` escape without its partner is refused, since no
--- UTF-8 can hold it; RFC 8259 leaves that open.

local json = {}

--- `null`: a field that is there and has no value (a nil field is not there).
---@type lightuserdata
json.null = nil

---@class sluice.json.DecodeOptions
---@field max_depth? integer levels of arrays and objects, default 512, at most 4096
---@field max_bytes? integer longest text, default 1 GiB

--- Reads one JSON text. Errors name line, column (in characters), byte offset (from 0), what was expected and found.
---@param text string
---@param options? sluice.json.DecodeOptions
---@return any value
---@return sluice.Error? err with value nil: `invalid` not JSON, `limit` too deep or too long
function json.decode(text, options) end

---@class sluice.json.EncodeOptions
---@field pretty? boolean a line for each value, indented by two spaces, keys sorted
---@field sort? boolean keys in the order of their bytes; otherwise in Lua's order, which differs from run to run
---@field max_depth? integer levels of tables, default 512, at most 4096
---@field max_bytes? integer longest text, default 1 GiB

--- Writes a value as JSON text. A table with the keys 1 to n, or made by `json.array`, is an array; one whose keys are
--- all strings is an object; a plain empty one is `{}`. Records are written as they stand. No JSON form have mixed keys,
--- arrays with holes, NaN and infinity, functions, text that is not UTF-8, and tables that contain themselves.
---@param value any
---@param options? sluice.json.EncodeOptions
---@return string text
---@return sluice.Error? err with text nil: `invalid` no JSON form, naming the place (`variants[2].price`); `limit` too long
function json.encode(value, options) end

--- Makes a table an array, so that it is written as `[]` when it is empty. Decoded arrays are that already.
---@param table? table default a new one
---@return table table the same table
function json.array(table) end

--- True for a table that `json.array` or `json.decode` made an array.
---@param value any
---@return boolean
function json.isarray(value) end

---@class sluice.json.Number a number that keeps its digits: `tostring` gives them, `==` compares them, `..` takes them

--- A number that is written exactly as given: `json.number "19.90"`.
---@param text string one JSON number
---@return sluice.json.Number number
---@return sluice.Error? err with number nil: `invalid` not a JSON number
function json.number(text) end

return json

---@meta sluice.yaml
--- YAML texts as Lua values (`decode`, `load`), or as a tree whose nodes know line and column (`parse`).
---
--- Scalars follow the core schema of YAML 1.2, and what YAML is known for going wrong with is an error that says what to
--- write instead: plain `no`, `yes`, `on`, `off`, `y`, `n` and numbers like `012` (other readers of YAML take them for
--- booleans and octal), integers beyond 64 bits, a key that comes twice, tags, merge keys (`<<`), a second document,
--- tabs, bytes that are not UTF-8. `1:30`, `1_000` and dates are text. Keys are text as they are written. Every error
--- begins with name:line:column and has `line` and `column` as fields; its code is `invalid`.

local yaml = {}

--- What a YAML null becomes: the same value as `json.null`.
---@type lightuserdata
yaml.null = nil

---@class sluice.yaml.Options
---@field name? string of the file, for messages (default "yaml"; the path with `load`)
---@field unclear? "refuse"|"text" what becomes of plain `no`, `012` and the like: an error (the default), or the text as it is written
---@field max_bytes? integer size of the text (default and sensible maximum: 4 MiB)
---@field max_nodes? integer values in it, each alias counted as if it were written out (default 200,000)
---@field max_depth? integer levels (default and maximum: 64)
---@field without? string `parse` alone: a key of the root that is left out

---@class sluice.yaml.Node
---@field kind "null"|"boolean"|"integer"|"float"|"text"|"unclear"|"list"|"map"
---@field line integer from 1
---@field column integer from 1, in characters
---@field text? string scalars: as written, without quotes
---@field plain? boolean scalars: true without quotes
---@field value? boolean|integer|number|string scalars but null and unclear
---@field reason? string unclear: why
---@field cure? string unclear: what to write instead
---@field items? sluice.yaml.Node[] of a list
---@field entries? sluice.yaml.Entry[] of a map, in the order of the text

---@class sluice.yaml.Entry
---@field key string
---@field line integer where the key stands
---@field column integer
---@field value sluice.yaml.Node

--- The value of one YAML document: tables, strings, integers, floats, booleans, `yaml.null`. Maps have string keys; the
--- empty text gives `yaml.null`. Aliases become copies.
---@param text string
---@param options? sluice.yaml.Options
---@return any value
---@return sluice.Error? err code `invalid`
function yaml.decode(text, options) end

--- The same of a file.
---@param path string
---@param options? sluice.yaml.Options
---@return any value
---@return sluice.Error? err `not_found`, `state` (it can't be read) or `invalid`
function yaml.load(path, options) end

--- The document as a tree of nodes, for those who complain about values: places of all keys and values, and scalars as
--- they were written. Scalars that YAML readers disagree about have the kind "unclear".
---@param text string
---@param options? sluice.yaml.Options without `unclear`
---@return sluice.yaml.Node? node
---@return sluice.Error? err code `invalid`
function yaml.parse(text, options) end

return yaml

--- What the prompt has beside Lua: json(x), csv(x), save(x, path), more(), help(x). They print and return nothing, but for
--- `json` and `csv`, which are the modules of these names as well (`json.null`, `csv.records`).
---
---     tools.install(session)        -- puts them into session.env
local iterators = require "sluice.iterators"
local log = require "sluice.log"
local pages = require "sluice.repl.pages"
local peek = require "sluice.repl.peek"
local pretty = require "sluice.repl.pretty"
local show = require "sluice.repl.show"

local tools = {}

local MOST = 10000 -- entries of an iterator that are printed

local function write(session, text)
  require("sluice.repl.pager").write(log.mask(text) .. "\n", session)
end

-- The entries of an iterator as a list: those that were shown, and the rest. They stay there for others.
local function drained(value)
  if not iterators.is(value) then return value end
  local one = pages.open(value)
  one:next(MOST - #one.kept)
  if one.failure then one:next(1) end
  if not one.ended then
    require("sluice.err").raise { code = "usage", message = ("there are more than %d entries"):format(MOST),
      hint = "save(x, \"file.ndjson\") takes any number of them" }
  end
  return require("sluice.json").array(table.move(one.kept, 1, #one.kept, 1, {}))
end

-- Prints a value as JSON.
local function print_json(session, value) write(session, pretty.json(drained(value))) end

-- Prints a list of objects, or one, as CSV.
local function print_csv(session, value)
  value = drained(value)
  local rows, columns, seen, lines = {}, {}, {}, {}
  if peek.is_list(value) then
    for i, entry in ipairs((peek.entries(value, math.huge))) do rows[i] = entry[2] end
  else
    rows[1] = value
  end
  for _, row in ipairs(rows) do pretty.add_columns(columns, seen, row) end
  lines[1] = pretty.head(columns)
  for i, row in ipairs(rows) do lines[i + 1] = pretty.row(row, columns) end
  write(session, table.concat(lines, "\n"))
end

local function save(session, value, path, options)
  local count, bytes = require("sluice.repl.keep").write(value, path, options)
  local grouped = require("sluice.text").grouped
  write(session, ("%s: %s record%s, %s bytes"):format(path, grouped(count), count == 1 and "" or "s", grouped(bytes)))
end

-- A module that can be called as well.
local function callable(name, fn)
  return setmetatable({}, { __index = require("sluice." .. name), __call = function(_, ...) return fn(...) end, __name = name })
end

--- Puts json, csv, save, more and help into the session's environment.
---@param session table
function tools.install(session)
  local function with(fn)
    return function(...) return fn(session, ...) end
  end
  local env = session.env
  rawset(env, "json", callable("json", with(print_json)))
  rawset(env, "csv", callable("csv", with(print_csv)))
  rawset(env, "save", with(save))
  rawset(env, "more", with(show.more))
  rawset(env, "help", with(function(_, what) write(session, require("sluice.repl.explain").value(session, what)) end))
end

return tools

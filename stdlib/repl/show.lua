--- What the prompt shows of a value: text that fits the terminal, with what is left out counted. Never raises, whatever
--- the value is.
---
---     io.write(show.text({ a = 1 }, { columns = 80 }), "\n")      --> { a = 1 }
---     show.print(session, shop:channels())
local iterators = require "sluice.iterators"
local log = require "sluice.log"
local pages = require "sluice.repl.pages"

local show = {}

show.PAGE = 20 -- entries of a list or an iterator that are shown at once

--- A value as text without a line end at its end. Lists show at most 20 entries, fewer on a low terminal.
---@param value any
---@param options? { columns?: integer, rows?: integer, color?: boolean }
---@return string text
---@return boolean whole false where something was left out
function show.text(value, options)
  options = options or {}
  local page = math.max(5, math.min(show.PAGE, (options.rows or 40) - 6))
  local ok, lines, whole = pcall(function()
    return require("sluice.repl.tree").lines(value, { columns = options.columns, color = options.color, page = page })
  end)
  if ok then return table.concat(lines, "\n"), whole end
  return ("%s that can't be shown: %s"):format(type(value), log.mask(type(lines) == "string" and lines or "?")), false
end

local function write(session, text)
  require("sluice.repl.pager").write(text .. "\n", session)
end

local function entries_text(session, entries, first)
  local grid = require "sluice.repl.grid"
  for _, entry in ipairs(entries) do
    if not grid.is_row(entry) then return (show.text(entries, session)) end
  end
  local lines, _, note = grid.lines(entries, { columns = session.columns or 80, color = session.color, first = first })
  lines[#lines + 1] = note and require("sluice.repl.paint")(session.color, "dim", note) or nil
  return log.mask(table.concat(lines, "\n"))
end

local function end_text(count, ended)
  local grouped = require("sluice.text").grouped
  if ended then return count == 0 and "nothing" or ("%s in all"):format(grouped(count)) end
  return ("%s so far; more() goes on"):format(grouped(count))
end

-- Prints the next page of an iterator; the session notes it for more().
local function print_page(session, one)
  session.pages = one
  local before = #one.kept
  local entries, ended = one:next(show.PAGE)
  local text = #entries > 0 and entries_text(session, entries, before + 1) .. "\n" or ""
  write(session, text .. require("sluice.repl.paint")(session.color, "dim", end_text(#one.kept, ended)))
end

--- Prints a value. Of an iterator the first page, asked for now; `more()` goes on with it, and `_` begins with its first
--- entry again. Raises what the iterator raises.
---@param session table
---@param value any
function show.print(session, value)
  if not iterators.is(value) then
    if value == nil then return end
    return write(session, (show.text(value, session)))
  end
  local one = pages.open(value)
  if session.env and rawequal(rawget(session.env, "_"), value) then rawset(session.env, "_", one:iterator()) end
  if #one.kept > 0 then return show.again(session, one) end
  print_page(session, one)
end

--- Prints what was shown of an iterator once more, without asking for anything.
---@param session table
---@param one sluice.repl.Pages
function show.again(session, one)
  session.pages = one
  local first = math.max(1, #one.kept - show.PAGE + 1)
  local entries = table.move(one.kept, first, #one.kept, 1, {})
  write(session, entries_text(session, entries, first) .. "\n" .. end_text(#one.kept, one.ended))
end

--- Prints the next page of the iterator that was shown last, or of the one that is given.
---@param session table
---@param iterator function?
function show.more(session, iterator)
  local one = iterator and pages.open(iterator) or session.pages
  if not one then
    require("sluice.err").raise { code = "usage", message = "more(): no iterator was shown yet",
      hint = "more(iterator) shows the next entries of one" }
  end
  print_page(session, one)
end

return show

--- Values that have no parts, as text for one line: numbers as JSON has them, texts in quotes and folded, clients and
--- errors by what they are, secrets by their mask.
---
---     atom.text(19.5)                --> "19.5"
---     atom.quoted(long, 40)          --> '"The quick brown "…, 2,310 characters'
local json = require "sluice.json"
local log = require "sluice.log"
local ours = require "sluice.repl.ours"
local peek = require "sluice.repl.peek"
local text = require "sluice.text"
local width = require "sluice.repl.width"

local atom = {}

local MOST_READ = 16384 -- bytes of a text that are looked at; what is shown is far less

-- The beginning of a text, secrets masked; one that the end cuts in two is behind all that is shown.
local function head_of(s)
  if #s <= MOST_READ then return log.mask(s) end
  return log.mask((s:sub(1, MOST_READ):gsub("[\xC2-\xF4][\x80-\xBF]*$", "")))
end

local function length_of(s)
  local n = utf8.len(s)
  return n and text.grouped(n) .. " characters" or text.grouped(#s) .. " bytes"
end

--- A text in quotes; where it is wider than `room`, its beginning and how long it is.
---@param s string
---@param room integer
---@return string
---@return boolean cut
function atom.quoted(s, room)
  local head = head_of(s)
  local whole = '"' .. width.plain(head, true) .. '"'
  if #s <= MOST_READ and width.of(whole) <= room then return whole, false end
  local tail = "…, " .. length_of(s)
  local keep = math.max(room - width.of(tail) - 2, 8)
  return '"' .. width.cut(width.plain(head, true), keep + 1):gsub("…$", "") .. '"' .. tail, true
end

--- A text without quotes, for a cell.
---@param s string
---@param room integer
---@return string
---@return boolean cut
function atom.bare(s, room)
  local shown, cut = width.cut(width.plain(head_of(s)), room)
  return shown, cut or #s > MOST_READ
end

-- A number as JSON has it; what JSON has not as Lua says it.
local function number_text(n)
  if n ~= n then return "nan" end
  return json.encode(n) or tostring(n)
end

local function function_text(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then return "function" end
  return ("function (%s:%d)"):format(width.plain(info.short_src), info.linedefined)
end

local function client_text(client)
  local def, options = rawget(client, "definition"), rawget(client, "options")
  local ok, base = pcall(require("sluice.request").base, def, options)
  base = ok and tostring(base):gsub("//[^/@]*@", "//") or "?"
  return ("%s: %s, %s"):format(tostring(rawget(client, "name")), tostring(rawget(client, "api")), base)
end

local function error_text(problem)
  local message = rawget(problem, "message")
  return ("error (%s): %s"):format(tostring(rawget(problem, "code")), type(message) == "string" and message or "?")
end

local function badline_text(line)
  return ("bad line %s of %s: %s"):format(line.line, line.source, line.reason)
end

local function userdata_text(value)
  local ok, said = pcall(tostring, value)
  said = ok and type(said) == "string" and said or "userdata"
  return peek.name(value) and said:find("^" .. peek.name(value):gsub("%p", "%%%0") .. ": ") and peek.name(value) or said
end

local texts = {
  ["nil"] = tostring, boolean = tostring, number = number_text, null = function() return "null" end, secret = tostring,
  digits = tostring, ["function"] = function_text, thread = function() return "thread" end, client = client_text,
  error = error_text, badline = badline_text, userdata = userdata_text,
}
local colours = { number = "number", digits = "number", ["nil"] = "dim", null = "dim", secret = "dim", ["function"] = "dim", userdata = "dim",
  thread = "dim", error = "error", badline = "error" }

--- The text of a value that is no text and has no parts; nil for what has parts.
---@param value any
---@param kind string? where it is known
---@return string?
---@return string? colour
function atom.text(value, kind)
  kind = kind or peek.kind(value)
  local make = texts[kind]
  if not make then
    local said = (kind == "object" or kind == "array") and ours.text(value)
    return said and width.plain(log.mask(said)) or nil
  end
  local ok, made = pcall(make, value)
  return width.plain(log.mask(ok and made or kind)), colours[kind]
end

return atom

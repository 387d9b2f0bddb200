--- `save(x, path)`: what is at the prompt into a file, complete or not at all: written aside, synced, then put in its place.
--- Entries of iterators pass one by one, so that memory stays flat whatever their number.
---
---     keep.write(feed:streams(), "streams.ndjson", {})      --> 124773, 9876543
local err = require "sluice.err"
local iterators = require "sluice.iterators"
local ndjson = require "sluice.ndjson"
local pages = require "sluice.repl.pages"
local peek = require "sluice.repl.peek"
local pretty = require "sluice.repl.pretty"

local keep = {}

local function usage(text, hint, ...) err.raise { code = "usage", message = "save: " .. text:format(...), hint = hint } end

-- An iterator over the entries of a value, and whether it has several.
local function entries_of(value)
  if type(value) == "function" then return pages.whole(value), true end
  if not peek.is_list(value) then
    local given = false
    return function()
      if given then return nil end
      given = true
      return value
    end, false
  end
  local at, n, get = 0, select(2, peek.entries(value, 0)), type(value) == "table" and rawget or function(list, i) return list[i] end
  return function()
    at = at + 1
    if at > n then return nil end
    local entry = get(value, at)
    if entry == nil then err.raise { code = "invalid", message = ("save: entry %d of the list is missing"):format(at) } end
    return entry
  end, true
end

-- A file beside the one that is to be; `done` puts it in its place. What was written is on the disk before.
local function aside(path)
  local name = ("%s.%s.part"):format(path, require("sluice.crypto").random(4):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
  local file, problem = io.open(name, "wb")
  if not file then err.raise { code = "state", message = "save: " .. problem } end
  local self = { bytes = 0 }
  function self.write(text)
    local ok, failure = file:write(text)
    if not ok then err.raise { code = "state", message = ("save: %s: %s"):format(path, failure) } end
    self.bytes = self.bytes + #text
  end
  function self.drop()
    if io.type(file) == "file" then file:close() end
    os.remove(name)
  end
  function self.done()
    local ok, failure = file:close()
    if not ok then err.raise { code = "state", message = ("save: %s: %s"):format(path, failure) } end
    local synced = assert(require("sluice.file").append(name))
    assert(synced:sync())
    assert(synced:close())
    assert(os.rename(name, path))
  end
  return self
end

-- ---- the forms ----

local forms = {}

function forms.ndjson(value, path)
  local step, count = entries_of(value), 0
  local out = ndjson.writer(path)
  local ok, problem = pcall(function()
    for entry in step do
      out:write(entry)
      count = count + 1
    end
    out:close()
  end)
  if ok then return count, require("lfs").attributes(path, "size") end
  out:abort()
  error(problem, 0)
end

-- Runs fn(out) with a file aside, which goes where that fails.
local function with_aside(path, fn)
  local out = aside(path)
  local ok, result = pcall(function()
    local count = fn(out)
    out.done()
    return count
  end)
  if ok then return result, out.bytes end
  out.drop()
  error(result, 0)
end

function forms.json(value, path)
  return with_aside(path, function(out)
    local step, several = entries_of(value)
    if not several or type(value) ~= "function" then
      out.write(pretty.json(value) .. "\n")
      return several and select(2, peek.entries(value, 0)) or 1
    end
    local count = 0
    for entry in step do
      out.write((count == 0 and "[\n" or ",\n") .. pretty.line(entry))
      count = count + 1
    end
    out.write(count == 0 and "[]\n" or "\n]\n")
    return count
  end)
end

-- The columns are known when all entries have come, so these are put down as NDJSON first.
local function put_down(step, path)
  local out, columns, seen, count = ndjson.writer(path), {}, {}, 0
  local ok, problem = pcall(function()
    for entry in step do
      pretty.add_columns(columns, seen, entry)
      out:write(entry)
      count = count + 1
    end
    out:close()
  end)
  if ok then return columns, count end
  out:abort()
  error(problem, 0)
end

function forms.csv(value, path)
  local between = require("sluice.aside").name "save"
  local ok, count, bytes = pcall(function()
    local columns, put = put_down(entries_of(value), between)
    return with_aside(path, function(out)
      if #columns > 0 then out.write(pretty.head(columns) .. "\r\n") end
      for record in ndjson.records(between) do out.write(pretty.row(record, columns) .. "\r\n") end
      return put
    end)
  end)
  os.remove(between)
  if not ok then error(count, 0) end
  return count, bytes
end

forms.jsonl = forms.ndjson

-- ---- the call ----

local function check(path, options)
  if type(path) ~= "string" or path == "" then usage("which file? save(x, \"file.ndjson\")", "the names end in .ndjson, .json or .csv") end
  local form = forms[path:match "%.(%w+)$" or ""]
  if not form then usage("%s: what is it to be?", "give it a name that ends in .ndjson, .json or .csv", path) end
  local lfs = require "lfs"
  local folder, mode = path:match "^(.*)/[^/]*$", lfs.attributes(path, "mode")
  if folder and folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then usage("there is no folder %s", nil, folder) end
  if mode and mode ~= "file" then usage("%s is no file", nil, path) end
  if mode and not options.overwrite then usage("%s is there already", "save(x, path, { overwrite = true }) replaces it", path) end
  return form
end

local function check_options(options)
  if type(options) ~= "table" then usage("the options are a table: { overwrite = true }") end
  for key in pairs(options) do
    if key ~= "overwrite" then usage("unknown option '%s'%s", nil, tostring(key), require("sluice.text").near(key, { "overwrite" })) end
  end
  return options
end

--- Writes a value: lists and iterators entry by entry, anything else as one. Raises `usage` (a name that is no good, a file
--- that is there), `invalid` (no JSON form), `state` (the disk) and what an iterator raises; the path stays as it was then.
---@param value any
---@param path string its end is the form: .ndjson, .json or .csv
---@param options? { overwrite?: boolean }
---@return integer records
---@return integer bytes
function keep.write(value, path, options)
  local form = check(path, check_options(options or {}))
  if value == nil then usage "there is nothing to save: the value is nil" end
  if type(value) == "function" and not iterators.is(value) and debug.getinfo(value, "S").what == "C" then
    usage("a function that is no iterator can't be saved", "save what it gives: save(f(), path)")
  end
  return form(value, path)
end

return keep

--- `sluice ndjson`: NDJSON in the shell. Lines stay bytes: of each only what is asked for is read, and only what is changed is
--- written anew.
local core = require "sluice.core"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local options = require "sluice.options"
local pipeline = require "sluice.ndjson.pipeline"

local command = {
  about = "Filter, change, check and count NDJSON",
  usage = [[
usage: sluice ndjson [FILE …] [option …]        standard input where no file is named

  sluice ndjson -e 'rec.price = rec.price * 1.1' < in.ndjson > out.ndjson
  sluice ndjson -w 'rec.qty > 50' --rename name=title products.ndjson
  sluice ndjson -s 'id,prices=variants[*].price' products.ndjson
  sluice ndjson -e 'for _, v in ipairs(rec.variants) do emit(v) end return false' products.ndjson
  sluice ndjson --discard --begin 'sum = 0' -e 'sum = sum + rec.qty' --end 'print(sum)' products.ndjson
  sluice ndjson --check products.ndjson        each line that is no record: file:line: column, reason
  sluice ndjson --count -w 'rec.active' products.ndjson
  sluice ndjson --stats products.ndjson        fields, how often, of which types, smallest and largest
  sluice ndjson products.csv -o products.ndjson    csv and tsv are read by their names; --from says it for the rest

The steps are done in this order: skip, where, each, drop, rename, select, head. CODE has Lua's libraries, json and ndjson
(docs/modules.md). Lines that are no records, and records for which CODE fails, are named
on standard error and left out; the exit code is 3 then. 2: wrong arguments; 1: a file that can't be read or written.
]],
  options = {
    { "-w, --where EXPR", "records for which the Lua expression holds; may be given often", many = true },
    { "-e, --each CODE", "Lua that is run for each; may be given often. rec is the record, n its number; what is assigned changes it, "
      .. "nil removes a field; `return false` drops it, emit(value) writes one more", many = true },
    { "--begin CODE", "before the first" },
    { "--end CODE", "after the last" },
    { "-s, --select PATHS", "these fields alone, in this order: id,variants[1].price,prices=variants[*].price" },
    { "--drop FIELDS", "without these: hash,body_html" },
    { "--rename FROM=TO", "another name for a field, at its place; several with commas between" },
    { "--head N", "stops after N that were written", read = options.whole(1) },
    { "--skip N", "passes over the first N that were read", read = options.whole(0) },
    { "--count", "how many there would be" },
    { "--check", "writes nothing but what is wrong" },
    { "--stats", "a table of the fields of what would be written" },
    { "--raw", "with --select of one path: texts without quotes" },
    { "-o, --output FILE", "written aside, in its place when all is done" },
    { "--discard", "writes nothing (but what CODE prints)" },
    { "--from FORMAT", "what the files are, where their names don't say it", words = { "ndjson", "csv", "tsv" } },
    { "--max-line BYTES", "longest line; default 2097152", read = options.whole(1, 1 << 30) },
    { "--strict", "ends at the first line that is no record, and at the first for which CODE fails" },
  },
}

local SAID = 10      -- mishaps that are named one by one
local BETWEEN = 4096 -- records between two looks for Ctrl-C

local function usage(text, ...)
  err.raise { code = "usage", message = "sluice ndjson: " .. text:format(...), hint = "sluice help ndjson" }
end

-- What can't stand beside each other.
local function check_options(given)
  local ways = {}
  for _, name in ipairs { "count", "check", "stats", "discard" } do
    if given[name] then ways[#ways + 1] = "--" .. name end
  end
  if #ways > 1 then usage("%s and %s: one of them", ways[1], ways[2]) end
  if ways[1] and given.output then usage("%s writes no records: leave out --output", ways[1]) end
  if given.raw and not given.select then usage "--raw writes the values of one path: --select PATH" end
  if given.raw and (ways[1] or given.output) then usage("--raw writes texts to standard output: leave out %s", ways[1] or "--output") end
end

-- ---- reading ----

-- A row as the text of a record, its fields in the order of the columns.
local function object_of(row, names)
  local members = {}
  for i, name in ipairs(names) do members[i] = json.encode(name) .. ":" .. json.encode(row[name]) end
  return "{" .. table.concat(members, ",") .. "}"
end

-- The rows of CSV as records; one that is none raises, and the next call goes on behind it.
local function rows(path, format)
  local bad, row, line = {}, nil, 1
  local next_row, _, _, _, names = require("sluice.csv").records(path, { delimiter = format == "tsv" and "\t" or ",",
    bad = function(problem) bad[#bad + 1] = problem end })
  return function()
    if not row and not bad[1] then row, line = next_row() end
    local problem = table.remove(bad, 1)
    if problem then err.raise { code = "invalid", message = ("%s:%d: not a record: %s"):format(path, problem.line, problem.reason) } end
    local record = row and assert(ndjson.record(object_of(row, names)))
    row = nil
    return record
  end, function() return line end
end

-- Gives next() -> record (nil at the end; a line that is none raises, and the next call goes on behind it), line() -> its line.
local function open(path, given)
  local format = given.from or path:match "%.([ct]sv)$" or "ndjson"
  if format ~= "ndjson" then return rows(path, format) end
  local next_record, reader = ndjson.records(path, { bad = "raise", max_line_bytes = given["max-line"] })
  return next_record, function() return reader:lines() end
end

-- ---- what goes wrong with one record ----

-- Whether nobody reads any more what is written (`| head`): that is no failure.
local function unread(given, problem)
  return not given.output and err.is(problem) and problem.code == "state" and core.flush_output()
end

-- What concerns one record is told and passed over; all else ends the command.
local function mishap(state, given, problem, where)
  local in_code = state.busy
  state.busy = false
  if in_code and unread(given, problem) then
    state.full, state.left = true, true
    return
  end
  local code = err.is(problem) and problem.code
  if code == "state" or code == "usage" or not in_code and code ~= "invalid" then error(problem, 0) end
  local said = code and problem.message or tostring(problem)
  if in_code then said = ("%s: %s"):format(where(), said) end
  if state.strict then err.raise { code = "invalid", message = said } end
  state.bad = state.bad + 1
  state.tell(said, state.bad, problem)
end

-- pcall stands around many records, not around each: what goes wrong costs, the rest does not.
local function read_on(state, next_record, step)
  for rec in next_record do
    local n = state.n + 1
    state.n, state.busy = n, true
    step(rec, n)
    state.busy = false
    if state.full then return end
    if n % BETWEEN == 0 and core.signal() then
      state.signal, state.full = core.signal(), true
      return
    end
  end
end

local function read(state, path, given, step)
  local next_record, line = open(path, given)
  local name = path == "-" and "standard input" or path
  repeat
    local done, problem = pcall(read_on, state, next_record, step)
    if not done then mishap(state, given, problem, function() return ("%s:%d"):format(name, line()) end) end
  until done or state.full
end

-- ---- where records go ----

-- Each gives emit(record) and finish(state).
local targets = {}

function targets.count(_, globals)
  local count = 0
  return function() count = count + 1 end, function(state)
    io.write(globals.json and json.encode({ records = count, bad = state.bad }, { sort = true }) or count, "\n")
  end
end

function targets.stats(_, globals)
  local seen = require("sluice.ndjson.stats").new()
  return function(rec) seen:add(rec) end, function()
    io.write(globals.json and json.encode(seen:rows(), { sort = true }) .. "\n" or seen:text())
  end
end

function targets.discard() return function() end, function() end end
targets.check = targets.discard

function targets.raw(given)
  local path = given.paths[1]
  if given.paths[2] then usage("--raw writes the values of one path, not of %d", #given.paths) end
  given.paths = nil
  return function(rec)
    local value = ndjson.get(rec, path)
    if value ~= nil then io.write(type(value) == "string" and value or json.encode(value), "\n") end
  end, function() end
end

function targets.lines(given)
  local out = ndjson.writer(given.output or "-")
  return function(rec) out:write(rec) end, function(state)
    if state.left then return end
    local done, problem = pcall(out.close, out)
    if not done and not unread(given, problem) then error(problem, 0) end
  end
end

local function target(given, globals)
  for _, name in ipairs { "count", "stats", "check", "discard", "raw" } do
    if given[name] then return targets[name](given, globals) end
  end
  return targets.lines(given)
end

-- Ends the reading behind so many.
local function with_head(emit, most, state)
  local count = 0
  return most and function(rec)
    if count < most then emit(rec) end
    count = count + 1
    state.full = count >= most
  end or emit
end

-- ---- the command ----

local function say(said, count)
  if count <= SAID then log.print("sluice ndjson: " .. said .. "\n") end
end

-- A finding of --check, for people or as { file, line, offset, reason }.
local function report(globals)
  return function(said, _, problem)
    local file, line, reason = said:match "^(.-):(%d+): (.*)$"
    reason = reason:gsub("^not a record: ", "")
    local found = { file = file, line = tonumber(line), offset = err.is(problem) and problem.offset or nil, reason = reason }
    io.write(globals.json and json.encode(found, { sort = true }) or ("%s:%s: %s"):format(file, line, reason), "\n")
  end
end

local function exit_code(state)
  if state.bad > SAID and state.tell == say then
    log.print(("sluice ndjson: %d more were left out\n"):format(state.bad - SAID))
  end
  return state.bad > 0 and 3 or 0
end

function command.command(argv, globals)
  local files, given = options.parse(argv, { command = "sluice ndjson", rows = command.options })
  check_options(given)
  given.paths, given.names = pipeline.paths(given.select)
  local state = { n = 0, bad = 0, busy = false, full = false, strict = given.strict, tell = given.check and report(globals) or say }
  local emit, finish = target(given, globals)
  local line = pipeline.new { where = given.where, each = given.each, begin = given.begin, finish = given["end"], drop = given.drop,
    rename = given.rename, skip = given.skip, paths = given.paths, names = given.names, emit = with_head(emit, given.head, state) }
  line.begin()
  for _, path in ipairs(files[1] and files or { "-" }) do
    if not state.full then read(state, path, given, line.step) end
  end
  if state.signal then return 128 + state.signal end -- a file that was begun is dropped
  line.finish()
  finish(state)
  return exit_code(state)
end

return command

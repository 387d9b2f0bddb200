--- A file of records in the format that it has: CSV or TSV, a table for each row by the names of the first line; or NDJSON.
---
---     for row in input.records("prices.csv") do print(row.sku, row.price) end
---     for record in input.each("orders.ndjson", { what = "orders" }) do box:write(record) end      -- counts, rejects what is none
---
--- A row of CSV that is none is counted as read, put into the run's dead letters with its line, and reading goes on. A line of
--- NDJSON that is none is given as `sluice.ndjson` gives it (`ndjson.bad`), for the helper that sends to reject.
local csv = require "sluice.csv"
local err = require "sluice.err"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"

local input = {}

local SAID = 10   -- lines that the log names
local SHOWN = 200 -- bytes of each

local DELIMITERS = { csv = ",", tsv = "\t" }
local FORMATS = { csv = "csv", tsv = "tsv", ndjson = "ndjson", jsonl = "ndjson" }

--- The format of a file: the one that is named, else the one that its name ends in. Raises `usage` where that tells nothing.
---@param path string
---@param format? string
---@return "csv"|"tsv"|"ndjson"
function input.format(path, format)
  local word = format or path:match "%.(%w+)$"
  local found = word and FORMATS[word:lower()]
  if found then return found end
  err.raise { code = "usage", message = ("which format has %s? format= is csv, tsv or ndjson"):format(path == "-" and "standard input" or path) }
end

-- A line that is no record: into the dead letters, the first few into the log. Neighbours of a file go together, when the second
-- function is called; a pipe may be silent for long after a line, so each of its lines goes at once.
local function rejecter(path, extra)
  local rejects, said = require("sluice.rejects").of(require("sluice.run").current()), 0
  local at_once = require("lfs").attributes(path, "mode") ~= "file"
  return function(problem)
    local more = { line = problem.line }
    for name, value in pairs(extra or {}) do more[name] = value end
    rejects:add(problem.raw, problem.reason, more)
    if at_once then rejects:put() end
    said = said + 1
    if said > SAID then return end
    log.warn("input", "line %d: %s: %s%s", problem.line, problem.reason, problem.raw:sub(1, SHOWN),
      said == SAID and " (more are in the dead-letter file only)" or "")
  end, function() rejects:put() end
end

local function rows(path, delimiter, columns)
  local run, reject, rejected = require("sluice.run").current(), rejecter(path)
  local next_row, _, _, closer, names = csv.records(path, { delimiter = delimiter, bad = function(problem)
    run:count "read"
    reject(problem)
  end })
  local record_of = columns and columns(names)
  return function()
    local row = next_row()
    rejected()
    if row then return record_of and record_of(row) or row end
    getmetatable(closer).__close(closer)
  end
end

--- An iterator over the records of a file, or of standard input ("-"). `columns` gets the names of CSV's columns before a row is read,
--- raises where they will not do, and gives the function that makes a record of a row. `plain`: lines of NDJSON as plain values.
---@param path string
---@param options? { format?: string, columns?: (fun(names: string[]): fun(row: table<string, string>): any), plain?: boolean }
---@return fun(): any
function input.records(path, options)
  options = options or {}
  local format = input.format(path, options.format)
  if DELIMITERS[format] then return rows(path, DELIMITERS[format], options.columns) end
  return (options.plain and ndjson.values or ndjson.records)(path)
end

--- An iterator over the records of an NDJSON file, or of standard input. Each line is counted as read and shown as progress; one
--- that is none is rejected with its line. Ends early where a signal asks for it.
---@param path string
---@param options? { what?: string, extra?: table, bad?: "value"|"skip"|"raise" } what they are ("orders"), for the progress; further fields of
---dead letters; or that a line that is none ends the run
---@return fun(): sluice.Record?
function input.each(path, options)
  options = options or {}
  local records, run, stopping = ndjson.records(path, { bad = options.bad }), require("sluice.run").current(), require("sluice.task").stopping
  local reject, rejected = rejecter(path, options.extra)
  local state = { what = options.what or "records" }
  return function()
    while not stopping() do
      local record = records()
      if record == nil then break end
      run:count "read"
      run:progress(state)
      if not ndjson.bad(record) then
        rejected()
        return record
      end
      reject(record)
    end
    rejected()
  end
end

--- Raises `usage` where a column is none of the known ones (with the nearest), or one that is needed is not there. `is_known`: of
--- names that are no fixed list.
---@param names string[]
---@param known string[]
---@param needed string[]
---@param what string "an image", for the message
---@param is_known? fun(name: string): any
function input.check_columns(names, known, needed, what, is_known)
  local fine, there = {}, {}
  for _, name in ipairs(known) do fine[name] = true end
  for _, name in ipairs(names) do
    there[name] = true
    if not fine[name] and not (is_known and is_known(name)) then
      local near = err.nearest(name, known)
      err.raise { code = "usage", message = ("the column '%s' is none of %s%s"):format(name, what,
        near and (" (did you mean '%s'?)"):format(near) or "") }
    end
  end
  for _, name in ipairs(needed) do
    if not there[name] then err.raise { code = "usage", message = ("the column '%s' is missing"):format(name) } end
  end
end

return input

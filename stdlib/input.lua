--- A file of records in the format that it has: CSV or TSV, a table for each row by the names of the first line; or NDJSON.
---
---     for row in input.records("prices.csv") do print(row.sku, row.price) end
---     for record in input.records("-", { format = "ndjson" }) do … end
---
--- A row of CSV that is none is counted as read, put into the run's dead letters with its line, and reading goes on. A line of
--- NDJSON that is none is given as `sluice.ndjson` gives it (`ndjson.bad`), for the helper that sends to reject.
local csv = require "sluice.csv"
local err = require "sluice.err"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"

local input = {}

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

local function reject(problem)
  local run = require("sluice.run").current()
  run:count "read"
  run:reject(problem.raw, problem.reason, { line = problem.line })
  log.warn("input", "line %d: %s", problem.line, problem.reason)
end

local function rows(path, delimiter, columns)
  local next_row, _, _, closer, names = csv.records(path, { delimiter = delimiter, bad = reject })
  local record_of = columns and columns(names)
  return function()
    local row = next_row()
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

--- CSV by RFC 4180, read row by row at constant memory: fields in quotes may hold delimiters, line ends and doubled quotes;
-- lines end in CR LF or LF; a byte order mark is passed over, and so are blank lines. What is no CSV is named with its
-- line, and never guessed at: a quote in the middle of a field, text behind a closing quote, a row that is longer or shorter
-- than the header.
--
--   for product, line in csv.records "products.csv" do print(line, product.sku) end
--
-- All values are text. An empty cell is the text "".

local errors = require "sluice.err"

local csv = {}

local PIECE = 65536
local OPTIONS = { "delimiter", "header", "max_bytes", "bad" }

-- ---- pieces ----

local function from_file(file)
  return function() return file:read(PIECE) end, function() if file ~= io.stdin then file:close() end end
end

-- A function that gives the next piece of text, one that ends it, and a name for messages.
local function open(source)
  if type(source) == "function" then return source, function() end, "the text" end
  if io.type(source) == "file" then return (from_file(source)), function() end, "the file" end
  if source == "-" then
    local read, close = from_file(io.stdin)
    return read, close, "standard input"
  end
  if type(source) ~= "string" then
    errors.raise { code = "usage", message = "csv: a path, \"-\", a file or a function is read, not a " .. type(source) }
  end
  local file, problem = io.open(source, "rb")
  if not file then errors.raise { code = "invalid", message = "csv: " .. problem } end
  local read, close = from_file(file)
  return read, close, source
end

-- ---- one row ----

-- Each gives the field's text and the position behind it; nil where the buffer ends first; nil and a reason.
local function quoted(self, pos)
  local from = pos + 1
  while true do
    local quote = self.text:find('"', from, true)
    if not quote or quote == #self.text and not self.ended then return nil, self.ended and "the quotes are not closed" or nil end
    if self.text:sub(quote + 1, quote + 1) ~= '"' then
      return self.text:sub(pos + 1, quote - 1):gsub('""', '"'), quote + 1
    end
    from = quote + 2
  end
end

local function bare(self, pos)
  local stop = self.text:find(self.stops, pos)
  if not stop and not self.ended then return nil end
  stop = stop or #self.text + 1
  if self.text:sub(stop, stop) == '"' then return nil, "a quote in a field that does not begin with one", stop end
  return self.text:sub(pos, stop - 1), stop
end

-- The next row from self.at on: fields and the position behind its line end; nil: more text is needed; nil, reason, place.
local function parse(self)
  local fields, pos = {}, self.at
  while true do
    local is_quoted = self.text:sub(pos, pos) == '"'
    local field, after, place = (is_quoted and quoted or bare)(self, pos)
    if not field then return nil, after, place or pos end
    fields[#fields + 1] = field
    local c = self.text:sub(after, after)
    if c == self.delimiter then
      pos = after + 1
      if pos > #self.text and not self.ended then return nil end
    elseif c == "\n" then
      return fields, after + 1
    elseif c == "\r" and self.text:sub(after + 1, after + 1) == "\n" then
      return fields, after + 2
    elseif c == "" or c == "\r" and after == #self.text then
      if not self.ended then return nil end
      return fields, #self.text + 1
    else
      return nil, c == "\r" and "a carriage return without a line feed" or "text behind a closing quote", after
    end
  end
end

local function refill(self)
  local piece, problem = self.read()
  if problem then errors.raise { code = "invalid", message = ("csv: %s: %s"):format(self.name, tostring(problem)) } end
  self.text, self.at = self.text:sub(self.at) .. (piece or ""), 1
  self.ended = piece == nil
end

local function complain(self, line, reason, raw)
  local problem = errors.new { code = "invalid", message = ("csv: %s, line %d: %s"):format(self.name, line, reason) }
  problem.line, problem.reason, problem.raw = line, reason, raw
  if not self.bad then error(problem, 0) end
  self.bad(problem)
end

local function take(self, stop)
  local raw = self.text:sub(self.at, stop - 1)
  local _, lines = raw:gsub("\n", "\n")
  local line = self.line
  self.at, self.line = stop, line + lines
  return line, (raw:gsub("[\r\n]+$", ""))
end

-- A row that is none is left out up to the end of its line.
local function skip_bad(self, reason, place)
  local stop = self.text:find("\n", place, true)
  while not stop and not self.ended do
    place = place - self.at + 1
    refill(self)
    stop = self.text:find("\n", place, true)
  end
  local line, raw = take(self, (stop or #self.text) + 1)
  complain(self, line, reason, raw)
end

-- Fields, line and text of the next row that is one, or nil at the end.
local function next_row(self)
  while true do
    local fields, after, place = parse(self)
    if fields then
      local line, raw = take(self, after)
      if #fields == 1 and raw == "" then
        if self.ended and self.at > #self.text then return nil end -- a blank line, or the end
      elseif utf8.len(raw) then
        return fields, line, raw
      else
        complain(self, line, "it is not UTF-8", raw)
      end
    elseif after then
      skip_bad(self, after, place)
    elseif #self.text - self.at >= self.max_bytes then
      errors.raise { code = "limit", message = ("csv: %s, line %d: the row is longer than %d bytes"):format(self.name, self.line, self.max_bytes) }
    else
      refill(self)
    end
  end
end

-- ---- options ----

local function reader(source, options)
  options = options or {}
  local known = {}
  for _, name in ipairs(OPTIONS) do known[name] = true end
  for name in pairs(options) do
    if not known[name] then
      errors.raise { code = "usage", message = ("csv: unknown option '%s'%s"):format(tostring(name),
        require("sluice.text").near(name, OPTIONS)) }
    end
  end
  local delimiter = options.delimiter or ","
  if type(delimiter) ~= "string" or #delimiter ~= 1 or delimiter:find '["\r\n]' then
    errors.raise { code = "usage", message = "csv: the delimiter is one byte that is no quote and no line end" }
  end
  local read, close, name = open(source)
  local self = { read = read, close = close, name = name, text = "", at = 1, line = 1, ended = false, delimiter = delimiter,
    stops = "[%" .. delimiter .. '"\r\n]', max_bytes = options.max_bytes or 1000000, bad = options.bad }
  if delimiter:find "%w" then self.stops = "[" .. delimiter .. '"\r\n]' end
  while #self.text < 3 and not self.ended do refill(self) end
  if self.text:sub(1, 3) == "\xEF\xBB\xBF" then self.at = 4 end
  return self
end

-- Ends the source with the loop, also where that is left early.
local function closing(self, step)
  return step, nil, nil, setmetatable({}, { __close = function() self.close() end })
end

--- An iterator over rows: the list of fields, the number of the row's first line (from 1), and its text.
---@param source string|file*|function path, "-" for standard input, a file, or a function that gives pieces
---@param options? { delimiter?: string, max_bytes?: integer, bad?: fun(problem: sluice.Error) } `bad` is told of what is no
---row (`line`, `reason`, `raw`), and reading goes on; without it that is raised
---@return fun(): string[]?, integer?, string?
function csv.rows(source, options)
  local self = reader(source, options)
  return closing(self, function() return next_row(self) end)
end

local function names_of(self, given)
  local names, line = given, 0
  if not names then
    names, line = next_row(self)
    if not names then errors.raise { code = "invalid", message = ("csv: %s is empty: the first line names the columns"):format(self.name) } end
  end
  local seen = {}
  for i, name in ipairs(names) do
    if name == "" then errors.raise { code = "invalid", message = ("csv: %s, line %d: column %d has no name"):format(self.name, line, i) } end
    if seen[name] then
      errors.raise { code = "invalid", message = ("csv: %s, line %d: the column '%s' is there twice"):format(self.name, line, name) }
    end
    seen[name] = true
  end
  return names
end

--- An iterator over records: a table by the names of the first line (or of `header`), and the number of its line. The
--- names are checked at once.
---@param source string|file*|function
---@param options? { header?: string[], delimiter?: string, max_bytes?: integer, bad?: fun(problem: sluice.Error) } as rows
---@return fun(): table<string, string>?, integer?
---@return nil
---@return nil
---@return any closer
---@return string[] names of the columns
function csv.records(source, options)
  local self = reader(source, options)
  local ok, names = pcall(names_of, self, options and options.header)
  if not ok then
    self.close()
    error(names, 0)
  end
  local step, _, _, closer = closing(self, function()
    while true do
      local fields, line, raw = next_row(self)
      if not fields then return nil end
      if #fields == #names then
        local record = {}
        for i, name in ipairs(names) do record[name] = fields[i] end
        return record, line
      end
      complain(self, line, ("it has %d fields, the header %d"):format(#fields, #names), raw)
    end
  end)
  return step, nil, nil, closer, names
end

return csv

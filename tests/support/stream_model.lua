-- A model of a Productsup stream, in memory: takes the bodies of uploads, checks each line as the documents say, and
-- answers batch objects in the shapes that the documents and recorded answers have. Its lines may be counted from 0 or
-- 1, its examples may show the line, its head, the decoded product or nothing, and requests take a while and may fail.
--
--   local stream = model.new { base = 1, bad = function(line) return line:find "bad" and "Syntax error" end }
--   local up = uploader.uploader(stream.client, 1, {})
local errors = require "sluice.err"
local json = require "sluice.json"
local task = require "sluice.task"

local model = {}

local function lines_of(body)
  local text = type(body) == "string" and body or body:text()
  assert(#text > 0, "an empty body was sent")
  assert(not text:find "\n\n" and text:sub(1, 1) ~= "\n", "a blank line was sent")
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines, #text
end

local function example_value(self, line)
  if self.value == "none" then return json.null end
  if self.value == "head" then return line:sub(1, 24) .. "..." end
  if self.value == "decoded" then return json.decode(line) end
  return line
end

-- Takes the good lines in; gives the errors by kind and their number.
local function take(self, lines, remove)
  local list, by_message, refused = {}, {}, 0
  for i, line in ipairs(lines) do
    local message = self.bad(line)
    if message then
      refused = refused + 1
      local kind = by_message[message]
      if not kind then
        kind = { message = message, occurrences = 0, example = { lineNumber = i - 1 + self.base, value = example_value(self, line) } }
        by_message[message], list[#list + 1] = kind, kind
      end
      kind.occurrences = kind.occurrences + 1
    else
      self.products[tostring(json.decode(line).id)] = not remove and line or nil
    end
  end
  return list, refused
end

local function batch_of(self, n, list, refused)
  self.batches = self.batches + 1
  local status = refused == 0 and "success" or refused == n and "failure" or "warning"
  return {
    type = "batch", id = ("b-%d"):format(self.batches),
    attributes = {
      status = refused == n and "failed" or "uploaded", errorCount = self.lies and 0 or refused,
      stages = {
        upload = { completedAt = "2022-11-25T15:40:10+01:00", status = status, successCount = n - refused, errorCount = refused,
          errors = json.array(list) },
        processing = json.null,
      },
    },
  }
end

local function request(self, body, remove)
  self.requests, self.open = self.requests + 1, self.open + 1
  self.most_open = math.max(self.most_open, self.open)
  local number = self.requests
  for _ = 1, self.delay(number) do task.yield() end
  local lines, bytes = lines_of(body)
  self.most_lines, self.most_bytes = math.max(self.most_lines, #lines), math.max(self.most_bytes, bytes)
  local problem = self.fail(number, #lines, bytes)
  self.open = self.open - 1
  if problem then error(errors.new(problem), 0) end
  self.lines = self.lines + #lines
  return self.change(batch_of(self, #lines, take(self, lines, remove)))
end

local function no() end
local function zero() return 0 end

function model.new(o)
  local self = { base = 1, bad = no, fail = no, delay = zero, change = function(batch) return batch end, products = {},
    requests = 0, open = 0, most_open = 0, batches = 0, lines = 0, most_lines = 0, most_bytes = 0 }
  for key, value in pairs(o or {}) do self[key] = value end
  self.client = {
    name = "feed",
    upload_products = function(_, args) return request(self, args.body) end,
    delete_products = function(_, args) return request(self, args.ids, true) end,
  }
  return self
end

return model

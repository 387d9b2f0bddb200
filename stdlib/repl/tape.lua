--- What a session's requests were and what came back: written to a file of its own from the session's beginning, so that `.test` can
--- take out what belongs to the chunks that worked. One exchange at a time is in memory; a session that has written 256 MB is kept
--- no further. The file is private, without secrets, and goes with the session.
---
---     local tape = tape.new()
---     wire.put(tape)                        -- or tape:call(call, send) from what is in the way already
---     local at = tape:place()               -- how many exchanges there are
---     tape:copy("session.har", { { 1, 4 } })
---     tape:close()
---
--- `crypto.random` gives ids that follow from a seed in the file while a tape runs, as with `--record`: no keys are made in a session.
local aside = require "sluice.aside"
local err = require "sluice.err"
local har = require "sluice.har"
local json = require "sluice.json"
local log = require "sluice.log"
local recording = require "sluice.recording"

local tape = {}

local MOST_BYTES = 256 * 1024 * 1024

---@class sluice.repl.Tape
---@field heard? fun(call: sluice.wire.Call?, ok: boolean) called after each call of a client, and (nil) for a request of sluice.http
---@field lost? { at: integer, why: string } the first exchange that could not be kept, and why
local Tape = {}
Tape.__index = Tape

--- Begins one; the file is there from the first request on. `most`: of bytes.
---@param most? integer
---@return sluice.repl.Tape
function tape.new(most)
  return setmetatable({ path = aside.name "session" .. ".har", most = most or MOST_BYTES }, Tape)
end

local function lose(self, why)
  self.lost = self.lost or { at = self:place(), why = why }
end

--- Ids follow from the file's seed from here on. Where the file can't be made nothing is kept.
function Tape:start()
  if self.way or self.lost then return end
  local ok, problem = pcall(recording.start, self.path)
  if ok then self.way = problem else lose(self, tostring(problem)) end
end

-- Whether nothing is kept any more.
local function full(self)
  self:start()
  if not self.way then return true end
  local over = self.way.bytes > self.most
  if over then lose(self, ("the session has sent and got more than %d MB"):format(self.most // 1048576)) end
  return over
end

-- Lets one go on and keeps it. Where that fails (a full disk) the answer counts, and nothing is kept any more.
local function keep(self, method, request, send)
  local came
  local function noted(...)
    came = table.pack(send(...))
    return table.unpack(came, 1, came.n)
  end
  local results = table.pack(pcall(self.way[method], self.way, request, noted))
  if results[1] then return table.unpack(results, 2, results.n) end
  if not came then error(results[2], 0) end
  lose(self, "it could not be written: " .. tostring(results[2]))
  self.most = 0
  return table.unpack(came, 1, came.n)
end

--- A client's call goes on, and is kept.
---@param call sluice.wire.Call
---@param send function
function Tape:call(call, send)
  local answer, problem, text, head
  if full(self) then answer, problem, text, head = send()
  else answer, problem, text, head = keep(self, "call", call, send) end
  if self.heard then self.heard(call, answer ~= nil) end
  return answer, problem, text, head
end

--- The same for a request of sluice.http. What is streamed goes by: it would be in memory as a whole.
---@param request sluice.wire.Http
---@param send fun(options: sluice.http.Options): table?, sluice.Error?
function Tape:http(request, send)
  local options = request.options
  if self.heard then self.heard(nil, true) end
  if options.stream or options.save or request.pieces then
    lose(self, "a body that is streamed is not kept: " .. request.method .. " " .. har.url(request.address))
    return send(options)
  end
  if full(self) then return send(options) end
  return keep(self, "http", request, send)
end

--- How many exchanges there are.
---@return integer
function Tape:place() return self.way and self.way.count or 0 end

-- The entries' lines without the comma between them, in order.
local function entries(path)
  local file = assert(io.open(path, "rb"))
  local head = file:read "L"
  return head, function()
    local line = file:read "L"
    while line == "\n" do line = file:read "L" end
    if line then return (line:gsub(",?\n$", "")) end
    file:close()
  end
end

local function wanted(ranges, n)
  for _, range in ipairs(ranges) do
    if n > range[1] and n <= range[2] then return true end
  end
  return false
end

--- Writes the exchanges of ranges (`{ { after, to }, … }` of `place`) as a HAR file that `replay` opens. Secrets that were learnt
--- meanwhile are masked as well.
---@param path string
---@param ranges integer[][]
---@return integer count
function Tape:copy(path, ranges)
  self:start()
  if not self.way then err.raise { code = "state", message = self.lost.why } end
  local head, each = entries(self.way.aside)
  local own = assert(json.decode(head:match '^{"log":(.*),"entries":%[\n$' .. "}"))
  local first, last = har.frame(own._sluice)
  local part = path .. ".part"
  os.remove(part)
  local out, problem = require("sluice.file").append(part)
  if not out then error(problem, 0) end
  local n, count = 0, 0
  local function write(text)
    local ok, failed = out:write(text)
    if not ok then error(failed, 0) end
  end
  write(first)
  for line in each do
    n = n + 1
    if wanted(ranges, n) then
      write((count > 0 and ",\n" or "") .. log.mask(line))
      count = count + 1
    end
  end
  write(last)
  out:close()
  local ok, failed = os.rename(part, path)
  if not ok then err.raise { code = "state", message = ("%s can't be written: %s"):format(path, failed) } end
  return count
end

--- Ends it and removes its file.
function Tape:close()
  if not self.way then return end
  pcall(self.way.close, self.way) -- what could not be written is of no use now
  os.remove(self.way.aside)
  os.remove(self.path)
  self.way = nil
end

return tape

--- What was done in a session: each chunk, whether it worked, what it has set, which operations it called, and a few facts of what
--- it gave. `.save` makes a recipe of it and `.test` a spec; the requests are on a tape (sluice.repl.tape).
---
---     local t = transcript.new()
---     t:begin(text, session.env)                    -- before a chunk is evaluated
---     t:note { text = text, ok = true, n = 1, values = { 42 } }
---     for _, chunk in ipairs(t.chunks) do … end
---
--- Values are not kept: a chunk keeps its text and at most a dozen short facts, so a session may be long.
local facts = require "sluice.repl.facts"
local iterators = require "sluice.iterators"
local tape = require "sluice.repl.tape"
local time = require "sluice.time"

local transcript = {}

---@class sluice.repl.Chunk
---@field n integer
---@field text string
---@field ok boolean
---@field expression boolean
---@field iterator? boolean its value is one, of which nothing or a page was looked at
---@field last? integer the chunk whose value `_` was when it began
---@field assigned string[] globals that it has set, sorted
---@field calls string[] "shop.sources": the operations that it called, each once, and "http"
---@field from integer place of the tape at its beginning
---@field started number seconds since the session's first chunk
---@field facts sluice.repl.Fact[] of its value
---@field set_facts table<string, sluice.repl.Fact[]> of the globals that it has set

---@class sluice.repl.Transcript
---@field chunks sluice.repl.Chunk[]
---@field tape sluice.repl.Tape
local Transcript = {}
Transcript.__index = Transcript

--- An empty one; its tape is what a session puts in the way of requests.
---@return sluice.repl.Transcript
function transcript.new()
  local self = setmetatable({ chunks = {}, tape = tape.new() }, Transcript)
  self.tape.heard = function(call)
    local chunk = self.chunks[#self.chunks]
    local name = call and ("%s.%s"):format(call.client.name, call.row.name) or "http"
    if chunk and not chunk.heard[name] then
      chunk.heard[name] = true
      table.insert(chunk.calls, name)
    end
  end
  return self
end

local function copy_of(env)
  local copy = {}
  for name, value in next, env or {} do copy[name] = value end
  return copy
end

--- A chunk begins.
---@param text string as it was typed
---@param env table? the globals of the prompt
function Transcript:begin(text, env)
  self.tape:start()
  self.first = self.first or time.mono()
  table.insert(self.chunks, {
    n = #self.chunks + 1, text = text:gsub("^%s*=%s*", ""):gsub("%s+$", ""), ok = false, assigned = {}, calls = {}, heard = {}, facts = {},
    set_facts = {}, from = self.tape:place(), started = time.mono() - self.first, last = self.last,
  })
  self.env, self.before = env, copy_of(env)
end

-- The globals that are others than before the chunk, but for what the prompt itself sets.
local function changed(before, env, skip)
  local names = {}
  for name, value in next, env or {} do
    if type(name) == "string" and name ~= "_" and not skip[name] and not rawequal(before[name], value) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- The chunk has ended. `values` are what an expression gave, `skip` names in the environment that are nobody's variables (connections
--- that were made by the way).
---@param o { text: string, ok: boolean, n?: integer, values?: table, skip?: table<string, any> }
function Transcript:note(o)
  local chunk, env = self.chunks[#self.chunks], self.env
  if not chunk or chunk.noted then
    self:begin(o.text)
    chunk, env = self.chunks[#self.chunks], nil
  end
  chunk.noted, chunk.ok = true, o.ok
  chunk.expression = load("return " .. chunk.text) ~= nil
  chunk.assigned = changed(self.before, env, o.skip or {})
  local value = chunk.expression and o.ok and o.values and o.values[1]
  if value ~= nil and value ~= false or value == false and (o.n or 0) > 0 then
    self.last = chunk.n
    chunk.iterator = iterators.is(value) or nil
    chunk.facts = facts.of(value)
  end
  for _, name in ipairs(o.ok and chunk.assigned or {}) do chunk.set_facts[name] = facts.of(env[name]) end
  self.env, self.before = nil, nil
end

--- The place of the tape where a chunk's exchanges end.
---@param n integer
---@return integer
function Transcript:to(n)
  local following = self.chunks[n + 1]
  return following and following.from or self.tape:place()
end

--- The chunks that worked, in order.
---@return sluice.repl.Chunk[]
function Transcript:worked()
  local list = {}
  for _, chunk in ipairs(self.chunks) do
    if chunk.ok then list[#list + 1] = chunk end
  end
  return list
end

--- The globals that chunks which failed have set, by name.
---@return table<string, true>
function Transcript:set_by_failed()
  local names = {}
  for _, chunk in ipairs(self.chunks) do
    for _, name in ipairs(not chunk.ok and chunk.assigned or {}) do names[name] = true end
  end
  return names
end

--- The session ends.
function Transcript:close() self.tape:close() end

return transcript

--- A session of the prompt: its variables, its connections, and what is done of a chunk. Prints nothing.
---
---     local session = require("sluice.repl.session").new { columns = 100, rows = 40 }
---     session:eval "local page = shop.search_products { size = 1 }"      --> true, 0
---     session:eval "page.hits.total"                                     --> true, 1, 300
---     session:close()
---
--- The config, the tools and the transcript are made with the first chunk (`ready`), connections when they are first named.
local chunk = require "sluice.repl.chunk"
local err = require "sluice.err"

local session = {}

---@class sluice.repl.Session
---@field env table globals of the prompt
---@field connections table<string, sluice.Client> those that were made
---@field config? sluice.Config
---@field broken? boolean there is one, with a mistake
---@field columns integer
---@field rows integer
---@field color? boolean
---@field yes? boolean writes are not asked about
---@field ask? fun(question: string): string? how a person is asked; nil without a terminal
---@field transcript sluice.repl.Transcript from the first chunk on, as `guard` is
---@field guard sluice.repl.Guard
local Session = {}
Session.__index = Session

-- ---- names ----

local function config_names(self)
  return self.config and require("sluice.config").connections(self.config) or {}
end

local function connection(self, name)
  local made = self.connections[name]
  if made then return made end
  for _, known in ipairs(config_names(self)) do
    if known == name then
      made = require("sluice.connect").connect(name)
      require("sluice.client").dotted(made)
      if self.ask then require("sluice.call").interactive(true) end
      self.connections[name] = made
      return made
    end
  end
end

local function all_names(self)
  local names = config_names(self)
  for _, t in ipairs { self.env, _G } do
    for name in next, t do
      if type(name) == "string" then names[#names + 1] = name end
    end
  end
  return names
end

-- Why no name can be a connection.
local function no_connections(self)
  if self.config then return nil end
  if self.broken then return "there are no connections, since sluice.yaml has a mistake: mend it, and start the prompt again" end
  return ("there are no connections: no sluice.yaml is in %s or above it"):format(require("lfs").currentdir())
end

local function missing(self, name)
  local _, near = require("sluice.text").near(name, all_names(self))
  local meant = near and ("; did you mean '%s'?"):format(near) or ""
  err.raise { code = "usage", message = ("there is no global '%s'%s"):format(tostring(name), meant), hint = not near and no_connections(self) or nil }
end

local LOOKS = 10000 -- instructions between two looks whether Ctrl-C has come

-- Coroutines of the prompt are stopped by Ctrl-C too: the hook of a task does not reach into them. Where it has come they are stopped at
-- each instruction, so that no pcall goes on.
local function coroutines()
  local core, own = require "sluice.core", {}
  for name, fn in pairs(coroutine) do own[name] = fn end
  local function stop()
    local broken = core.broken()
    debug.sethook(stop, "", broken and 1 or LOOKS)
    if broken then error("stopped", 0) end
  end
  local function watched(fn)
    return function(...)
      debug.sethook(stop, "", LOOKS)
      return fn(...)
    end
  end
  function own.create(fn) return coroutine.create(type(fn) == "function" and watched(fn) or fn) end
  function own.wrap(fn) return coroutine.wrap(type(fn) == "function" and watched(fn) or fn) end
  return own
end

-- Code that is loaded at the prompt sees what the prompt sees, unless it is given something else.
local function loaders(env)
  function env.load(text, name, mode, ...)
    if select("#", ...) > 0 then return load(text, name, mode, ...) end
    return load(text, name, mode, env)
  end
  function env.loadfile(path, mode, ...)
    if select("#", ...) > 0 then return loadfile(path, mode, ...) end
    return loadfile(path, mode, env)
  end
  function env.dofile(path)
    local fn, problem = loadfile(path, nil, env)
    if not fn then error(problem, 0) end
    return fn()
  end
end

local function environment(self)
  local declared, env = { _ = true }, { sluice = require "sluice", coroutine = coroutines() }
  env._G = env
  loaders(env)
  function env.print(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    self.write(table.concat(words, "\t") .. "\n")
  end
  return setmetatable(env, {
    __index = function(_, name)
      local found = connection(self, name)
      if found == nil then found = _G[name] end
      if found == nil and not declared[name] then missing(self, name) end
      return found
    end,
    __newindex = function(t, name, value)
      declared[name] = true -- also where the value is nil
      rawset(t, name, value)
    end,
  })
end

-- ---- life ----

--- A new session. `fields`: columns, rows, color, yes, ask, write (where `print` goes), run (whose config it is).
---@param fields table
---@return sluice.repl.Session
function session.new(fields)
  local self = setmetatable(fields, Session)
  self.connections, self.write = {}, self.write or io.write
  self.run = self.run or require("sluice.run").current()
  self.env = environment(self)
  return self
end

-- The config of the run; without `-c` there may be none.
local function read_config(self)
  if not self.run.options.config and not require("sluice.config").find() then return end
  self.broken = true
  self.config = self.run:config()
  self.broken = nil
end

--- Makes what a first chunk or a completion needs. Raises where the config is wrong; the next time goes on without one.
function Session:ready()
  if self.guard then return end
  if self.run.options["dry-run"] then -- before all else: whatever goes wrong behind it, nothing is sent
    require("sluice.rehearsal").begin(self.run)
    self.dry = self.run.dry
  end
  self.transcript = require("sluice.repl.transcript").new()
  self.guard = require("sluice.repl.guard").new(self)
  require("sluice.repl.tools").install(self)
  self.former = require("sluice.wire").put(self.guard)
  read_config(self)
end

--- A connection by its name. Raises where there is none.
---@param name string
---@return sluice.Client
function Session:connect(name)
  self:ready()
  return connection(self, name) or require("sluice.connect").connect(name)
end

--- Ends it: requests go out again, the tape is gone, the run's store is closed.
---@param code? integer the exit code
function Session:close(code)
  if self.guard then
    require("sluice.wire").put(self.former)
    self.transcript:close()
  end
  if self.run.opened or self.run.dead_letters then
    require("sluice.run").close(self.run, code or 0)
  elseif self.run.rehearsal then
    self.run.rehearsal:close()
  end
end

-- ---- evaluating ----

-- What an error's handler gives: a value of ours as it is, with the place in a file of the user's or in the chunk; else the traceback too.
local function locator(text)
  return function(problem)
    local trace
    problem, trace = require("sluice.fail").locate(problem)
    if err.is(problem) and not problem.where then problem.where = chunk.line_of(text) end
    return { problem = problem, trace = trace }
  end
end

local function note(self, results)
  if not self.current then return end
  local text = chunk.with_colons(self.current, self.connections)
  self.current = nil
  self.transcript.chunks[#self.transcript.chunks].text = text:gsub("^%s*=%s*", ""):gsub("%s+$", "")
  local n = results[1] and results.n - 1 or 0
  self.transcript:note { text = text, ok = results[1], n = n, values = results[1] and table.pack(table.unpack(results, 2, results.n)) or nil }
end

--- A chunk that was stopped did not work.
function Session:stopped() note(self, { false, n = 1 }) end

--- Does a chunk: true, how many values, the values; or false, 1, what was raised (its traceback is `session.trace`). `_` is the
--- first value from then on. (waits)
---@param text string
---@return boolean ok
---@return integer n
---@return any ...
function Session:eval(text)
  self:ready()
  self.trace = nil
  self.guard:begin()
  local ok, fn, done, names = pcall(chunk.load, text, self.env)
  if not ok then return false, 1, fn end
  for _, name in ipairs(names) do
    if rawget(self.env, name) == nil then self.env[name] = nil end -- declared, whatever becomes of its value
  end
  self.transcript:begin(done, self.env)
  self.current = done
  local results = table.pack(xpcall(fn, locator(text)))
  note(self, results)
  if not results[1] then
    self.trace = results[2].trace
    return false, 1, results[2].problem
  end
  if results[2] ~= nil then rawset(self.env, "_", results[2]) end
  return true, results.n - 1, table.unpack(results, 2, results.n)
end

return session

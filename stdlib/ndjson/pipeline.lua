--- What `sluice ndjson` does with each record, put together once: skip, where, each, drop, rename, select, and on to emit.
---
---     local line = pipeline.new { where = { "rec.qty > 0" }, each = { "rec.price = rec.price * 1.1" }, emit = function(rec) … end }
---     line.step(rec, n)
local err = require "sluice.err"
local ndjson = require "sluice.ndjson"
local text = require "sluice.text"

local pipeline = {}

local function usage(format, ...)
  err.raise { code = "usage", message = "sluice ndjson: " .. format:format(...), hint = "sluice help ndjson" }
end

-- ---- code ----

-- Lua's libraries, what NDJSON needs, and the names that CODE sets itself; reading any other ends the command.
local function environment(emit)
  local env = { json = require "sluice.json", ndjson = ndjson, emit = emit }
  for name, value in pairs(_G) do env[name] = value end
  return setmetatable(env, { __index = function(_, name)
    local near = text.near(name, { "rec", "n", table.unpack(text.keys(env)) })
    usage("there is no '%s'%s; what --each sums up is begun in --begin '%s = 0'", name, near, name)
  end })
end

local function compile(option, head, code, tail, env)
  local chunk, problem = load(head .. code .. tail, "=" .. option, "t", env)
  if chunk then return chunk end
  usage("%s", (problem:gsub("^(%-%-?%w+):%d+: ", "%1: ")))
end

-- A function(rec, n) for each text; the head stands on CODE's first line, so that lines are counted from there.
local function functions(list, option, head, tail, env)
  local made = {}
  for i, code in ipairs(list or {}) do
    made[i] = compile(option, "return function(rec, n) " .. head, code, tail, env)()
  end
  return made
end

local function run(option, code, env)
  return code and compile(option, "", code, "", env) or function() end
end

-- ---- lists ----

local function words(line)
  local list = {}
  for word in ((line or "") .. ","):gmatch "%s*(.-)%s*," do
    if word ~= "" then list[#list + 1] = word end
  end
  return list
end

--- The paths and the names of their fields that --select asks for: "id,prices=variants[*].price". nil where it is nil.
---@param line? string
---@return string[]? paths
---@return string[]? names
function pipeline.paths(line)
  if not line then return nil end
  local paths, names, empty = {}, {}, ndjson.record "{}"
  for i, word in ipairs(words(line)) do
    local name, path = word:match "^([^=%[]-)%s*=%s*(.+)$"
    paths[i], names[i] = path or word, name or word
    local fine, problem = pcall(ndjson.get, empty, paths[i])
    if not fine then usage("--select: %s", err.is(problem) and problem.message or problem) end
  end
  if not paths[1] then usage "--select: which fields? id,price" end
  return paths, names
end

local function renames(line)
  local list = {}
  for i, word in ipairs(words(line)) do
    local from, to = word:match "^([^=]+)=([^=]+)$"
    if not from then usage("--rename is FROM=TO, not '%s'", word) end
    list[i] = { from, to }
  end
  return list
end

-- ---- steps ----

-- Each step has the next one as its last act, so that what is not asked for costs nothing.
local steps = {}

function steps.select(next_step, options)
  local paths, names = options.paths, options.names
  return paths and function(rec, n) return next_step(ndjson.select(rec, paths, names), n) end
end

function steps.rename(next_step, options)
  local list = renames(options.rename)
  return list[1] and function(rec, n)
    for _, pair in ipairs(list) do ndjson.rename(rec, pair[1], pair[2]) end
    return next_step(rec, n)
  end
end

function steps.drop(next_step, options)
  local list = words(options.drop)
  return list[1] and function(rec, n)
    for _, name in ipairs(list) do rec[name] = nil end
    return next_step(rec, n)
  end
end

function steps.each(next_step, options, env)
  for i = #(options.each or {}), 1, -1 do
    local fn, after = functions({ options.each[i] }, "--each", "do ", "\nend return rec end", env)[1], next_step
    next_step = function(rec, n)
      local result = fn(rec, n)
      if result then return after(result, n) end
    end
  end
  return next_step
end

function steps.where(next_step, options, env)
  local tests = functions(options.where, "--where", "return (", "\n) end", env)
  return tests[1] and function(rec, n)
    for i = 1, #tests do
      if not tests[i](rec, n) then return end
    end
    return next_step(rec, n)
  end
end

function steps.skip(next_step, options)
  local first = options.skip or 0
  return first > 0 and function(rec, n)
    if n > first then return next_step(rec, n) end
  end
end

--- Puts the steps together. Mistakes in the texts raise `usage`; the steps raise what CODE raises.
---@param options { where?: string[], each?: string[], begin?: string, finish?: string, drop?: string, rename?: string, skip?: integer,
--- paths?: string[], names?: string[], emit: fun(rec: any) }
---@return { begin: fun(), step: fun(rec: any, n: integer), finish: fun() }
function pipeline.new(options)
  local env, step = environment(options.emit), options.emit
  for _, name in ipairs { "select", "rename", "drop", "each", "where", "skip" } do
    step = steps[name](step, options, env) or step
  end
  return { begin = run("--begin", options.begin, env), step = step, finish = run("--end", options.finish, env) }
end

return pipeline

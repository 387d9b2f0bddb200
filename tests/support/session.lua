-- A session of the prompt without a terminal: globals, connections of a project, a transcript, and eval as the REPL does it.
--
--   local s = require("support.session").new(project)
--   s:type 'found = shop:search_products { size = 5 }'
--   s:close()
local client = require "sluice.client"
local config = require "sluice.config"
local definition = require "sluice.definition"
local transcript = require "sluice.repl.transcript"
local wire = require "sluice.wire"

local session = {}

local Session = {}
Session.__index = Session

local function made(self, name)
  for _, known in ipairs(config.connections(self.config)) do
    if known == name then
      local keys = config.connection(self.config, name)
      self.connections[name] = client.new(definition.load(keys.api, self.config.folder), keys)
      return self.connections[name]
    end
  end
  return _G[name]
end

function session.new(project)
  local self = setmetatable({ env = { sluice = require "sluice", print = function() end }, connections = {}, transcript = transcript.new() }, Session)
  self.config = config.load(project.dir .. "/sluice.yaml")
  setmetatable(self.env, { __index = function(_, name) return self.connections[name] or made(self, name) end })
  self.former = wire.put(self.transcript.tape)
  return self
end

--- Evaluates chunks, one after the other; what the last one gave.
function Session:type(...)
  local results
  for _, text in ipairs { ... } do
    self.transcript:begin(text, self.env)
    local code = text:gsub("^%s*=", "")
    local chunk = load("return " .. code, "=prompt", "t", self.env) or assert(load(code, "=prompt", "t", self.env))
    results = table.pack(pcall(chunk))
    self.transcript:note { text = text, ok = results[1], n = results.n - 1, values = table.pack(table.unpack(results, 2, results.n)) }
    if results[1] and results[2] ~= nil then self.env._ = results[2] end
  end
  return table.unpack(results, 1, results.n)
end

function Session:close()
  wire.put(self.former)
  self.transcript:close()
end

return session

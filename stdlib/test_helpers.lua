--- What `sluice test` gives to specs beside busted's own: `sandbox()` and `replay(file)`, as globals.
---
---     local s = sandbox { products = 50 }                       -- the four APIs on localhost, in this process
---     s:connect("shop"):sources()                               -- shop, feed, site, depot
---     local done = s:run "delta_feed.lua from=shop to=feed stream=124773"
---     assert.equal(50, done.sums.sent)
---     s.server:touch(3)                                         -- what else the sandbox can be told
---     s:stop()
---
---     local r = replay "session.har"                            -- until the end of the test
---     shop:sources()                                            -- as it was recorded; nothing goes over the network
---     assert.equal(0, r:left())
local err = require "sluice.err"

local helpers = {}

local CONFIG = [[
version: 1
store: sqlite:state.db
shared: %s
connections:
  shop: { api: stock2shop, base_url: %s, queue_url: %s, username: %s, password: %s, client_id: 21, channel_id: 47, index_lag: 1s,
    limits: { api: 3000/s, login: 1000/s } }
  feed: { api: productsup_stream, base_url: %s, token: %s, limits: { products: 3000/s, batches: 3000/s, other: 3000/s } }
  site: { api: productsup_platform, base_url: %s, token: %s, limits: { write: 3000/s, process: 3000/s, read: 3000/s, other: 3000/s } }
  depot: { api: veeqo, base_url: %s, api_key: %s, index_lag: 1s, limits: { api: 3000/s } }
]]

local function own_program()
  local lfs = require "lfs"
  local path = lfs.symlinkattributes("/proc/self/exe", "target")
  return path or err.raise { code = "internal", message = "where this program is can't be told" }
end

local function new_folder()
  local path = require("sluice.aside").name "spec"
  require("sluice.state").open(path .. "/state.db"):close() -- makes the folder, private
  return path
end

local function words_of(words)
  if type(words) == "table" then return words end
  local list = {}
  for word in words:gmatch "%S+" do list[#list + 1] = word end
  return list
end

---@class sluice.test.Done what a run gave
---@field status integer
---@field stdout string
---@field stderr string
---@field sums? table the summary

--- `sluice run` of a recipe as a process of its own.
---@param words string|string[] the recipe and its arguments, with blanks in between or as a list
---@param more string[] options before them
---@return sluice.test.Done
local function run(words, more)
  local argv = { own_program(), "run", "--json" }
  table.move(more, 1, #more, #argv + 1, argv)
  table.move(words_of(words), 1, #words_of(words), #argv + 1, argv)
  local done = assert(require("sluice.process").run { argv = argv, timeout = 600 })
  done.sums = require("sluice.json").decode(done.stdout)
  return done
end

-- ---- the sandbox ----

---@class sluice.test.Sandbox
---@field url string
---@field folder string of its own, with a sluice.yaml and the store
---@field config string path of that sluice.yaml
---@field server table the sandbox itself: touch, add, fault, requests, … (docs/sandbox.md)
local Sandbox = {}
Sandbox.__index = Sandbox

local running, shared = {}, nil

-- One folder of budgets and tokens for all sandboxes of this process: nobody else's.
local function share()
  if shared then return shared end
  shared = new_folder()
  require("sluice.call").share(shared)
  return shared
end

local function config_of(server)
  local o, texts = server.options, {}
  for i, value in ipairs { share(), server.url, server.url, o.username, o.password, server.url, o.token, server.url, o.platform_token, server.url,
    o.veeqo_key } do
    texts[i] = require("sluice.json").encode(value)
  end
  return CONFIG:format(table.unpack(texts))
end

--- Starts a sandbox with high rates. Options: those of the sandbox (docs/sandbox.md): products, orders, lag, …
---@param options? table
---@return sluice.test.Sandbox
function helpers.sandbox(options)
  local all = { rate_scale = 1000, products = 100 }
  for name, value in pairs(options or {}) do all[name] = value end
  local server = require("sluice.sandbox").start(all)
  local self = setmetatable({ server = server, url = server.url, folder = new_folder() }, Sandbox)
  self.config = self.folder .. "/sluice.yaml"
  local file = assert(io.open(self.config, "w"))
  assert(file:write(config_of(server)))
  assert(file:close())
  running[self] = true
  return self
end

--- A client for shop, feed, site or depot of the sandbox.
---@param name string
---@return sluice.Client
function Sandbox:connect(name)
  local config = require "sluice.config"
  local keys = config.connection(config.load(self.config), name)
  return require("sluice.client").new(require("sluice.definition").load(keys.api), keys)
end

--- Runs a recipe against it, as a process of its own: `s:run "recipe.lua from=shop …"`. (waits)
---@param words string|string[]
---@return sluice.test.Done
function Sandbox:run(words) return run(words, { "-c", self.config }) end

--- Stops it and removes its folder; what a spec forgets is stopped at the end of the file.
function Sandbox:stop()
  if not running[self] then return end
  running[self] = nil
  self.server:stop()
  require("sluice.aside").remove(self.folder)
end

-- ---- replays ----

---@class sluice.test.Replay
---@field way sluice.Replay
local Replay = {}
Replay.__index = Replay

local current

--- From now on all requests of this process are answered from a recording, until `close` or the end of the test.
---@param path string a HAR file
---@return sluice.test.Replay
function helpers.replay(path)
  if current then current:close() end
  local self = setmetatable({ path = path, way = require("sluice.replay").start(path) }, Replay)
  self.former = require("sluice.wire").put(self.way)
  current = self
  return self
end

--- How many recorded requests were not asked for.
---@return integer
function Replay:left() return self.way:left() end

--- Runs a recipe on the recording, as a process of its own with an empty store. (waits)
---@param words string|string[]
---@param config? string path of its sluice.yaml
---@return sluice.test.Done
function Replay:run(words, config)
  local more = { "--replay", self.path }
  if config then table.move({ "-c", config }, 1, 2, #more + 1, more) end
  return run(words, more)
end

--- Requests go out again, the clocks are real.
function Replay:close()
  if current ~= self then return end
  current = nil
  require("sluice.wire").put(self.former)
  self.way:close()
end

-- ---- busted ----

--- Makes them globals of specs, and ends what a spec leaves behind.
function helpers.install()
  _G.sandbox, _G.replay = helpers.sandbox, helpers.replay
  local busted = require "busted"
  busted.subscribe({ "test", "end" }, function()
    if current then current:close() end
    return nil, true
  end)
  busted.subscribe({ "file", "end" }, function()
    for one in pairs(running) do one:stop() end
    return nil, true
  end)
  busted.subscribe({ "suite", "end" }, function()
    if shared then require("sluice.aside").remove(shared) end
    return nil, true
  end)
end

return helpers

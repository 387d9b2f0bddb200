-- A project of its own in a fresh folder, with a sandbox in this process behind it: a config, a store, and `sluice` as
-- child processes.
--
--   local project = require("support.project").new { products = 1200 }
--   local done = project:run "scripts/delta_feed.lua from=shop to=feed stream=124773"
--   done.status, done.stdout, done.stderr, done.sums
--   project:stop()
--
--   project.full { orders = 12 }        -- with all that the recipes of scripts/ need: Veeqo too, a queue, secrets of its own
local json = require "sluice.json"
local platform_products = require "sluice.sandbox.platform_products"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

local project = {}

local Project = {}
Project.__index = Project

local root
local function here()
  root = root or io.popen("pwd"):read "l"
  return root
end

local CONFIG = [[
version: 1
store: sqlite:state.db
connections:
  shop: { api: stock2shop, base_url: "%s", username: sandbox, password: sandbox, limits: { api: 3000/s, login: 1000/s } }
  feed: { api: productsup_stream, base_url: "%s", token: sandbox-token, limits: { products: 3000/s, batches: 3000/s, other: 3000/s } }
  site: { api: productsup_platform, base_url: "%s", token: "1234:sandbox", limits: { write: 3000/s, process: 3000/s, read: 3000/s, other: 3000/s } }
]]

--- Options are the sandbox's; its rates are high unless given.
function project.new(options)
  local all = { rate_scale = 1000, products = 300 }
  for key, value in pairs(options or {}) do all[key] = value end
  local self = setmetatable({ dir = tmp.dir(), sandbox = sandbox.start(all) }, Project)
  tmp.write(self.dir .. "/sluice.yaml", (CONFIG:gsub("%%s", self.sandbox.url)))
  return self
end

local FULL = [[
version: 1
store: sqlite:state.db
connections:
  shop: { api: stock2shop, base_url: "%(url)", queue_url: "%(url)", client_id: 21, channel_id: 47, index_lag: 100ms, username: bot,
    password: "%(password)", limits: { api: 3000/s, login: 1000/s } }
  feed: { api: productsup_stream, base_url: "%(url)", token: "%(token)", limits: { products: 3000/s, batches: 3000/s, other: 3000/s } }
  site: { api: productsup_platform, base_url: "%(url)", token: "%(platform_token)",
    limits: { write: 3000/s, process: 3000/s, read: 3000/s, other: 3000/s } }
  depot: { api: veeqo, base_url: "%(url)", api_key: "%(veeqo_key)", index_lag: 100ms, limits: { api: 3000/s } }
]]

local SECRETS = { password = "pass/w0rd+of-shop", token = "t0ken/of-feed", platform_token = "1234:k3y/of-site", veeqo_key = "k3y+of-depot" }

--- A project with all four connections, small, whose secrets are no common words.
function project.full(options)
  local all = { username = "bot", products = 60, orders = 12, veeqo_products = 3, veeqo_orders = 5 }
  for name, value in pairs(SECRETS) do all[name] = value end
  for name, value in pairs(options or {}) do all[name] = value end
  local self = project.new(all)
  tmp.write(self.dir .. "/sluice.yaml", (FULL:gsub("%%%((.-)%)", function(name) return name == "url" and self.sandbox.url or all[name] end)))
  return self
end

--- All that must not be seen of a full project: what the config holds, and the token of the shop's login.
function Project:secrets()
  local list = { SECRETS.platform_token:match ":(.*)", self.sandbox.users.bot.token }
  for _, value in pairs(SECRETS) do list[#list + 1] = value end
  return list
end

--- A file of n lines of JSON: make(i) gives a table.
function Project:lines(name, n, make)
  local list = {}
  for i = 1, n do list[i] = json.encode(make(i)) end
  return tmp.write(self.dir .. "/" .. name, table.concat(list, "\n") .. "\n")
end

--- The same of flat products: P-1, P-2, …
function Project:flat(name, n)
  return self:lines(name, n, function(i) return { id = "P-" .. i, title = "Product " .. i, price = i } end)
end

--- From now on the client goes by the rates of the documents.
function Project:slow()
  local path = self.dir .. "/sluice.yaml"
  tmp.write(path, (tmp.read(path):gsub(", limits: {.-}", "")))
end

--- Stops the sandbox; once more does nothing.
function Project:stop()
  if not self.stopped then self.sandbox:stop() end
  self.stopped = true
end

-- Words that begin with "sluice" are a command of their own, others what `sluice run` gets.
local function argv_of(self, words)
  local argv = { "env", "XDG_STATE_HOME=" .. self.dir .. "/shared", here() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice" }
  local own = words:match "^sluice (.*)$"
  if own then words = own else table.move({ "run", "--json" }, 1, 2, #argv + 1, argv) end
  for word in words:gmatch "%S+" do
    argv[#argv + 1] = word:match "^scripts/" and here() .. "/" .. word or word
  end
  return argv
end

local function result_of(done)
  done.sums = json.decode(done.stdout)
  return done
end

--- `sluice run` in the project's folder, or another command: `p:run "sluice state list --json"`. `first`: what a shell does
--- before it ("ulimit -n 100").
function Project:run(words, first)
  local argv = argv_of(self, words)
  if first then argv = { "sh", "-c", first .. ' && exec "$@"', "sh", table.unpack(argv) } end
  return result_of(assert(process.run { argv = argv, cwd = self.dir, timeout = 60 }))
end

--- The same, but the process gets a signal where it stands at a step for the nth time ("after": n seconds after its
--- start). `hit` says whether it came to that.
function Project:crash(signal, step, n, words)
  local steps = self.dir .. "/steps"
  local argv = { "sh", here() .. "/tests/support/crash.sh", steps, signal, step, tostring(n) }
  for _, word in ipairs(argv_of(self, words)) do argv[#argv + 1] = word end
  local done = assert(process.run { argv = argv, cwd = self.dir, timeout = 60 })
  done.hit = done.stdout:find "hit" ~= nil
  done.stdout, done.stderr = tmp.read(steps .. "/out"), tmp.read(steps .. "/err")
  return result_of(done)
end

--- The site 123 imports what was committed to it and what its streams hold, at once: its rows by id, and how many.
function Project:import()
  local site = self.sandbox.platform.sites[123]
  local count = platform_products.import(self.sandbox, site)
  return site.stages.import.rows, count
end

--- How many batches of the site 123 are in each state: { open =, committed =, discarded = }.
function Project:batch_states()
  local states = {}
  for _, batch in pairs(self.sandbox.platform.sites[123].batches) do states[batch.state] = (states[batch.state] or 0) + 1 end
  return states
end

local function plain(text, change)
  local value = json.decode(text)
  if change then change(value) end
  return json.encode(value, { pretty = true })
end

local function id_as_text(product) product.id = tostring(product.id) end

--- How the stream differs from the catalogue, product by product, in value; nil where it does not.
function Project:difference(stream)
  local store, count = self.sandbox:stream(stream or 124773), 0
  for id, text in self.sandbox.catalogue:each() do
    count = count + 1
    local held = store:get(tostring(id))
    if held == nil then return ("product %s is not in the stream"):format(id) end
    if plain(held) ~= plain(text, id_as_text) then return ("product %s is another in the stream"):format(id) end
  end
  if store.count ~= count then return ("the stream has %d products, the shop %d"):format(store.count, count) end
end

return project

-- `sluice completion` in the shells themselves: a line is typed on a terminal, TAB is pressed, and the line that the shell then
-- starts is looked at. What is not installed is skipped by name.
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local TYPED = lfs.currentdir() .. "/tests/support/typed.py"

local CONFIG = [[
version: 1
connections:
  shop: { api: stock2shop, username: "${NOBODY_SETS_THIS}", password: { command: [touch, asked] } }
  feed: { api: productsup_stream, token: { file: not/there } }
schedules:
  delta: { recipe: send_products.lua, every: 5m }
]]

local RECIPE = [[
local sluice = require "sluice"
error "a recipe is not run for its names"
return sluice.recipe {
  about = "x", args = { from = { "a shop", type = "connection" }, shape = { "how", one_of = { "product", "variant" } }, file = "a file" },
  run = print,
}
]]

-- How a shell starts with what it is told first and with nobody's settings. zsh reads .zshrc of its home by itself.
local shells = {
  bash = { setup = "PS1='READY> '; source <(sluice completion bash)", argv = function(init) return { "bash", "--rcfile", init, "-i" } end },
  zsh = { setup = "PS1='READY> '; autoload -Uz compinit; compinit -D -u; source <(sluice completion zsh)",
    argv = function() return { "zsh", "-i" } end },
  fish = { setup = "function fish_prompt; echo -n 'READY> '; end; set -U fish_greeting; sluice completion fish | source",
    argv = function(init) return { "fish", "--no-config", "-i", "-C", "source " .. init } end },
}

-- A project whose `sluice` writes down how it was called, but for completion.
local function project()
  local dir = tmp.dir()
  tmp.write(dir .. "/sluice.yaml", CONFIG)
  tmp.write(dir .. "/send_products.lua", RECIPE)
  tmp.write(dir .. "/products.ndjson", "")
  assert(lfs.mkdir(dir .. "/bin"))
  local path = tmp.write(dir .. "/bin/sluice", ([[
#!/bin/sh
if [ "$1" = completion ]; then exec %s "$@"; fi
printf '%%s\n' "$@" > "%s/called.new" && mv "%s/called.new" "%s/called"
]]):format(SLUICE, dir, dir, dir))
  assert(process.run { argv = { "chmod", "755", path } })
  return dir
end

-- The words of the command that came of typing a line with TABs in it.
local function typed(name, line)
  local dir, shell = project(), shells[name]
  local env = { "env", "PATH=" .. dir .. "/bin:/usr/bin:/bin", "HOME=" .. dir, "TERM=xterm", "XDG_STATE_HOME=" .. dir, "XDG_CONFIG_HOME=" .. dir,
    "XDG_DATA_HOME=" .. dir }
  local argv = table.move({ "python3", TYPED, "READY> ", line .. "\r", dir .. "/called" }, 1, 5, #env + 1, env)
  local start = shell.argv(tmp.write(dir .. "/.zshrc", shell.setup .. "\n"))
  table.move(start, 1, #start, #argv + 1, argv)
  local done = assert(process.run { argv = argv, cwd = dir, timeout = 100 })
  assert.equal(0, done.status, done.stderr)
  assert.is_nil(lfs.attributes(dir .. "/asked"), "a secret was asked for")
  local words = {}
  for word in tmp.read(dir .. "/called"):gmatch "[^\n]+" do words[#words + 1] = word end
  return words
end

for name in pairs(shells) do
  describe("sluice completion in " .. name, function()
    local function completes(line, ...)
      if not process.find(name) or not process.find "python3" then return pending(name .. " is not installed here") end
      assert.same({ ... }, typed(name, line))
    end

    it("commands and subcommands", function() completes("sluice sched\tex\t", "schedule", "explain") end)
    it("options and what they take", function() completes("sluice runs list --st\tpart\t", "runs", "list", "--state=partial") end)
    it("connections, operations and their arguments", function()
      completes("sluice call sh\tsearch_pr\tsiz\t5", "call", "shop", "search_products", "size=5")
    end)
    it("schedules", function() completes("sluice schedule why de\t", "schedule", "why", "delta") end)
    it("recipes, their arguments and values", function()
      completes("sluice run se\tfr\tfe\tsha\tv\t", "run", "send_products.lua", "from=feed", "shape=variant")
    end)
    it("files behind =", function() completes("sluice run send_products.lua file=prod\t", "run", "send_products.lua", "file=products.ndjson") end)
    it("nothing where there is nothing", function() completes("sluice nothing x\t", "nothing", "x") end)
  end)
end

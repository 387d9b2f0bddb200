--- `sluice run`, and the run that a recipe is given: sums, cursors, dead letters, progress.
local err = require "sluice.err"

local run = {
  about = "Run a recipe or a script once",
  usage = [[
usage: sluice run RECIPE [key=value …] [-n] [--full] [--summary FILE] [--record FILE | --replay FILE] [-c FILE] [--json] [-v]

  sluice run scripts/delta_feed.lua from=shop to=feed stream=124773
  sluice run scripts/delta_feed.lua from=shop to=file:products.ndjson stream=test --full
  sluice run report.lua limit:=10        key:=json gives a typed value, key=- standard input
  sluice run RECIPE --args               what the recipe takes
  sluice run RECIPE -n                   what it would send; with -v each body whole
]],
  options = {
    { "--args", "what the recipe takes, instead of running it" },
    { "--full", "start over: forget what earlier runs have delivered (cursors start at the beginning)" },
    { "--summary FILE", "the summary as a JSON document into a file, beside what is shown" },
    { "-n, --dry-run", "reads happen; each write is shown (method, URL, size, first lines) and answered with a plausible result, "
      .. "nothing is sent; cursors, outbox, batches and dead letters stay as they are" },
    { "--record FILE", "all requests and answers into a HAR file, without secrets; customers' data stays in it" },
    { "--replay FILE", "answers come from such a file, nothing goes over the network, waits cost no time, the store begins empty" },
  },
}

---@class sluice.Run
---@field schedule? string name of the schedule that has started it; nil by hand, as the three below
---@field due? number its due time, seconds
---@field due_text? string the same as people of the schedule's zone write it: 2026-03-29T03:00:00+02:00
---@field attempt? integer 1, or more where earlier ones for the same due time have failed
local Run = {}
Run.__index, Run.__name = Run, "sluice.run"

local kinds = { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" }

local function new(fields)
  local self = setmetatable(fields, Run)
  self.sums, self.batches, self.reasons, self.cursors, self.endings = {}, {}, {}, {}, {}
  for _, kind in ipairs(kinds) do self.sums[kind] = 0 end
  self.started = require("sluice.time").mono()
  return self
end

local current

--- The run of this process; outside of `sluice run` one that counts and shows nothing.
---@return sluice.Run
function run.current()
  current = current or new { silent = true, options = {} }
  return current
end

--- For specs: makes another run the current one (nil: a silent one) and gives it.
function run.set(fields)
  current = fields and new(fields)
  return current
end

--- Counts records. `added` is what a recipe makes beyond one record for each read (a product split into variants).
---@param kind "read"|"added"|"sent"|"unchanged"|"skipped"|"rejected"|"unknown"
---@param n? integer default 1; negative takes back
function Run:count(kind, n)
  local sum = self.sums[kind]
  if not sum then err.raise { code = "usage", message = ("run:count: no kind '%s'"):format(tostring(kind)) } end
  self.sums[kind] = sum + (n or 1)
end

--- A record that the recipe leaves out on purpose.
---@param reason string counted by reason in the summary
function Run:skip(reason)
  self:count "skipped"
  self.reasons[reason] = (self.reasons[reason] or 0) + 1
end

--- The config, read when first needed.
function Run:config()
  if not self.loaded then
    local config = require("sluice.config").load(self.options.config, { without = "schedules" })
    if self.aside then self.aside:take(config) end
    self.loaded = config
  end
  return self.loaded
end

-- A path in full, without . and .. (symbolic links stay what they are).
local function full(path)
  if path:sub(1, 1) ~= "/" then path = require("lfs").currentdir() .. "/" .. path end
  local steps = {}
  for step in path:gmatch "[^/]+" do
    if step == ".." then table.remove(steps) elseif step ~= "." then steps[#steps + 1] = step end
  end
  return "/" .. table.concat(steps, "/")
end

-- What cursors and the ledger know the recipe by: its path from the config's folder on, however it was typed and from
-- wherever, so that cron and a person in another folder mean the same cursor.
local function identity(self)
  if not self.path then return self.name or "script" end
  local path, folder = full(self.path), full(self:config().folder)
  local inside = path:sub(1, #folder + 1) == folder .. "/"
  return ((inside and path:sub(#folder + 2) or path):gsub("%.lua$", ""))
end

-- A run of a schedule is in the ledger already, and is to end there whatever the recipe does.
local function take_turn(self)
  local turn = require("sluice.scheduled").take()
  if not turn then return end
  local store = require("sluice.state").open(self:config().store)
  require("sluice.scheduled").adopt(turn, store)
  require("sluice.scheduled").mask_output()
  self.opened, self.identity, self.id = store, identity(self), turn.run
  self.schedule, self.due, self.due_text, self.attempt = turn.schedule, turn.due, turn.due_text, turn.attempt
end

--- The store of the config, opened when first needed; from then on the run is in the ledger.
function Run:store()
  if not self.opened then
    self.opened = require("sluice.state").open(self:config().store)
    self.identity = identity(self)
    self.id = self.opened:run_start { recipe = self.identity .. (self.errand or ""), args = self.args_text or "{}" }
  end
  return self.opened
end

local function key_text(self)
  local key = {}
  for _, name in ipairs(self.recipe and self.recipe.key or {}) do key[name] = tostring(self.args[name]) end
  return require("sluice.json").encode(key, { pretty = true }) -- pretty is sorted, so the text is stable
end

---@class sluice.RunCursor
local RunCursor = {}
RunCursor.__index, RunCursor.__name = RunCursor, "sluice.runcursor"

--- A named cursor of this recipe. It is locked and read when an iterator opens it.
---@param name string
---@return sluice.RunCursor
function Run:cursor(name)
  return setmetatable({ run = self, name = name }, RunCursor)
end

--- Opens it for an account of the source (iterators do this); the same state cursor every time.
---@param account string
function RunCursor:open(account)
  if not self.state then
    local store = self.run:store()
    self.state = store:cursor { recipe = self.run.identity, name = self.name, account = account, key = key_text(self.run) }
    self.full = self.run.options.full
    self.before = self.state:get()
    table.insert(self.run.cursors, self)
  end
  return self.state
end

--- Makes what was delivered so far final: the dead letters are made durable, then the cursors move, each in one
--- transaction. To be called after the sink has confirmed (`upload:finish()`).
function Run:commit()
  local task = require "sluice.task"
  self:check_sums()
  if self.dead_letters then self.dead_letters:sync() end
  task.step "before_commit"
  for _, cursor in ipairs(self.cursors) do cursor.state:commit() end
  task.step "after_commit"
  self.committed = true
end

--- Notes what a feed has given, for a fingerprint of all of it whatever the order: a schedule that gives the same again
--- and again is seen by it.
---@param id string|integer
---@param modified string
---@param digest string
function Run:gave(id, modified, digest)
  local hash = require("sluice.crypto").md5(id .. "\0" .. modified .. "\0" .. digest)
  self.given = self.given or { count = 0, sum = 0 }
  self.given.count = self.given.count + 1
  self.given.sum = self.given.sum + tonumber(hash:sub(1, 16), 16) -- both wrap around
end

--- A function that is called where the run fails, before its sums are taken: a sink waits for what is on its way.
---@param fn fun()
function Run:on_failure(fn) self.endings[#self.endings + 1] = fn end

-- Records that were read or made, and how many of them have a fate.
local function balance(self)
  local s = self.sums
  return s.read + s.added, s.sent + s.unchanged + s.skipped + s.rejected + s.unknown
end

-- What was read before a run failed and got no further than to the recipe certainly did not go.
local function settle(self)
  for _, ending in ipairs(self.endings) do pcall(ending) end
  local made, fates = balance(self)
  if self.unbalanced or made <= fates then return end
  self:count("skipped", made - fates)
  self.reasons["the run failed first"] = made - fates
end

--- Raises `partial` where a record that was read has no fate.
function Run:check_sums()
  local made, fates = balance(self)
  self.unbalanced = made ~= fates
  if not self.unbalanced then return end
  err.raise {
    code = "partial",
    message = ("%d records were read or made, but %d were sent, unchanged, skipped or rejected"):format(made, fates),
    hint = "a recipe that leaves out a record says so with run:skip(reason), one that makes several of one with run:count('added', n)",
  }
end

-- What waits in the run's list (sluice.rejects) was met before.
local function put_waiting(self)
  if self.rejects then self.rejects:put() end
end

--- Puts a record into the dead-letter file of this run and counts it as rejected.
---@param raw string the record's JSON text
---@param reason string
---@param extra? table further fields of the line: stream, batch, line
function Run:reject(raw, reason, extra)
  local list = self.gathered
  if list then
    list.raws[#list.raws + 1], list.reasons[#list.reasons + 1], list.extras[#list.extras + 1] = raw, reason, extra or false
    return
  end
  put_waiting(self)
  self.dead_letters = self.dead_letters or require("sluice.deadletters").open(self)
  self.dead_letters:put(raw, reason, extra)
  self:count "rejected"
end

--- The same for many, as one durable transaction: all of them are in the file when it returns, or (an error, which names the
--- record by its number) none.
---@param raws string[]
---@param reasons string|string[] one for all, or one for each
---@param extras? (table|false)[] further fields for each
function Run:reject_all(raws, reasons, extras)
  if #raws == 0 then return end
  put_waiting(self)
  self.dead_letters = self.dead_letters or require("sluice.deadletters").open(self)
  self.dead_letters:put_all(raws, reasons, extras)
  self:count("rejected", #raws)
end

--- What a function rejects, as reject_all does it. The function must not wait.
---@param fn fun()
function Run:reject_together(fn)
  if self.gathered then return fn() end
  local list = { raws = {}, reasons = {}, extras = {} }
  self.gathered = list
  local ok, problem = pcall(fn)
  self.gathered = nil
  self:reject_all(list.raws, list.reasons, list.extras)
  if not ok then error(problem, 0) end
end

--- Notes a batch and its verdict for the summary.
---@param batch { stream: string, batch: string, verdict: string }
function Run:batch(batch) self.batches[#self.batches + 1] = batch end

--- Says how far a transfer is: a line on a terminal, events with `--json`. The table may be the same each time; `ended` says
--- that this one is over.
---@param state { done?: integer, total?: integer, what?: string, client?: sluice.Client, ended?: boolean }
function Run:progress(state)
  if not self.silent then require("sluice.progress").update(self, state) end
end

-- Whether the last commit of a cursor, whoever made it, is at another position than the one before this run.
local function has_moved(cursor)
  return pcall(cursor.state.rollback, cursor.state) and cursor.state:get() ~= cursor.before
end

-- What a run leaves behind: in the ledger, and as summary.
local function finish(self, code, problem)
  local _ <close> = self.rehearsal
  for _, cursor in ipairs(self.cursors) do
    self.moved = (self.moved or 0) + (has_moved(cursor) and 1 or 0)
  end
  self.delivered = self.given and ("%d-%016x"):format(self.given.count, self.given.sum)
  local summary = require("sluice.summary").of(self, code, problem)
  if self.dead_letters then self.dead_letters:close() end
  for _, cursor in ipairs(self.cursors) do cursor.state:close() end
  if self.opened then
    require("sluice.prune").daily(self:config(), self.opened) -- while this run still counts as under way
    self.opened:run_finish(self.id, summary.ledger)
    self.opened:close()
  end
  return summary
end

--- Ends a run that has nothing to sum up (a session at the prompt): what it has opened is closed, the ledger has its row.
---@param self sluice.Run
---@param code integer
function run.close(self, code) finish(self, code) end

local function exit_code(self)
  local signal = require("sluice.task").stopping()
  if self.sums.unknown > 0 then return 7 end
  if signal then return 128 + signal end
  return self.sums.rejected > 0 and 3 or 0
end

-- Loads a file as a chunk with strict globals; a mistake in it is the user's, named by file and line.
local function load_script(path)
  local chunk, problem = loadfile(path ~= "-" and path or nil, "t", require("sluice.strict").env())
  if chunk then return chunk end
  err.raise { code = "usage", message = tostring(problem) }
end

local function recipe_name(path)
  return (path:gsub("^%./", ""):gsub("%.lua$", ""))
end

local function take_options(argv, globals)
  local options = require "sluice.options"
  local words, given = options.parse(argv, { command = "sluice run", rows = run.options })
  given.config, given.json, given.quiet, given.verbose = globals.config, globals.json, globals.quiet, globals.verbose or globals.debug
  return given, words
end

-- With --json standard output is for the summary alone.
local function redirect_print(json)
  if not json then return end
  io.output(io.stderr)
  print = function(...) -- luacheck: ignore
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    io.stderr:write(table.concat(words, "\t"), "\n")
  end
end

--- Runs a script's text: what it returns, a recipe if it is one. `require` finds what lies beside it.
---@param path string
---@param given table its arguments
function run.load(path, given)
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  return load_script(path)(given)
end

local function execute(self, path, given)
  local value = run.load(path, given)
  local recipes = require "sluice.recipe"
  if not recipes.is(value) then return end
  self.recipe = value
  if self.options.args then
    io.write(value.about, "\n", recipes.help(value), "\n")
    return
  end
  self.args = recipes.arguments(value, given)
  self.args_text = require("sluice.json").encode(self.args)
  value.run(self.args, self)
  self:check_sums()
end

--- Whether an argument of this name is a secret.
---@param name string|integer
---@return boolean
function run.is_secret(name)
  for _, word in ipairs { "token", "passw", "secret", "api_?key" } do
    if tostring(name):lower():find(word) then return true end
  end
  return false
end

local function hide(value, secret)
  if type(value) ~= "table" then
    if secret then require("sluice.log").secret(tostring(value)) end
    return
  end
  for name, inner in next, value do hide(inner, secret or run.is_secret(name)) end -- not what is still on standard input
end

--- Arguments that are secrets by their names, at any depth, are masked like those of the config, in the ledger as well.
function run.hide_secrets(given) hide(given, false) end

--- A copy of arguments as people may see them: *** stands for what is a secret by its name.
---@param given table<string, any>
---@return table<string, any>
function run.shown_arguments(given)
  local copy = setmetatable({}, getmetatable(given))
  for name, value in next, given do
    if run.is_secret(name) then copy[name] = "***"
    else copy[name] = type(value) == "table" and run.shown_arguments(value) or value end
  end
  return copy
end

--- Does the work of a run from its beginning to its end: whatever happens is said, the ledger and the summary tell it.
---@param self sluice.Run
---@param work fun(self: sluice.Run, ...)
---@return integer exit code
function run.lead(self, work, ...)
  redirect_print(self.options.json)
  local fail, trace = require "sluice.fail", nil
  local ok, problem = xpcall(work, function(value)
    local located
    located, trace = fail.locate(value)
    return located
  end, self, ...)
  if not ok then settle(self) end
  require("sluice.progress").finish(self)
  local signal = require("sluice.task").stopping()
  local stopped = not ok and signal and err.is(problem) and problem.code == "cancelled"
  local code = ok and exit_code(self) or stopped and 128 + signal or fail.exit_code(problem)
  local finished, summary = pcall(finish, self, code, problem)
  if finished then require("sluice.summary").print(self, summary) end
  if stopped then
    require("sluice.log").print "sluice: stopped by a signal\n"
  elseif not ok then
    require("sluice.log").print(fail.text(problem, trace))
  elseif not finished then
    error(summary, 0)
  end
  return code
end

function run.command(argv, globals)
  local options, words = take_options(argv, globals)
  local path = table.remove(words, 1)
  if not path then err.raise { code = "usage", message = "sluice run: which recipe?", hint = "sluice help run" } end
  local given = require("sluice.scheduled").arguments() or require("sluice.recipe").words(words)
  run.hide_secrets(given)
  local self = run.set { name = recipe_name(path), path = path, options = options, args = given }
  take_turn(self)
  require("sluice.rehearsal").begin(self)
  return run.lead(self, execute, path, given)
end

return run

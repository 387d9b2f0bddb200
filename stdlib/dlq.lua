--- `sluice dlq`: records that were rejected, and another try for them.
local err = require "sluice.err"
local json = require "sluice.json"
local letters = require "sluice.letters"
local ndjson = require "sluice.ndjson"
local options = require "sluice.options"

local dlq = {
  about = "Show what was rejected, and send it again",
  usage = [[
usage: sluice dlq list                       dead-letter files: run, recipe, how many, why
       sluice dlq show FILE|RUN              their records
       sluice dlq retry FILE|RUN [key=value …]   gives the records to the recipe again

  sluice dlq list --json                     one array of { run, name, path, recipe, time, records, open, settled, unreadable,
                                             reasons }
  sluice dlq show 12 --reason "too large"    those with that text in the reason
  sluice dlq show 12 --all --limit 5
  sluice dlq show 12 --json                  the lines as they are
  sluice dlq retry 12                        with the arguments of run 12
  sluice dlq retry 12 token=…                arguments that the ledger does not tell (it masks secrets), or other ones

retry needs a recipe that says how (`retry`, see docs/recipes.md); those that send do. A record may be mended in its line before.
It is a run of its own, in the ledger and
with a summary. A record that went through is settled, and a second retry leaves it alone; one that is rejected again stays,
with the new reason. Where the retry fails or is killed, what it had not committed is given again. Records that are no JSON
object, or had a secret in them (masked), are unreadable: they can only be looked at. Exit codes as of `sluice run`: 3 where some were rejected again.
]],
  options = {
    { "--reason TEXT", "those with this text in the reason", only = "show" },
    { "--limit N", "so many (20; with --json all)", only = "show", read = options.whole(1) },
    { "--all", "settled ones as well", only = "show" },
  },
}

local SHOWN = 20
local ALL_RUNS = 10000

local function usage(text, hint, ...)
  err.raise { code = "usage", message = "sluice dlq: " .. text:format(...), hint = hint or "sluice help dlq" }
end

local verbs = {}

-- ---- list ----

local function by_count(reasons)
  local list = {}
  for reason, n in pairs(reasons) do list[#list + 1] = { reason = reason, count = n } end
  table.sort(list, function(a, b) return a.count > b.count or (a.count == b.count and a.reason < b.reason) end)
  return list
end

local function facts_of(file)
  local sums = letters.count(file.path, file.most)
  return {
    run = file.run, name = file.name, path = file.path, recipe = sums.recipe, time = sums.first, records = sums.records,
    open = sums.open, settled = sums.settled, unreadable = sums.unreadable, reasons = json.array(by_count(sums.reasons)),
  }
end

local function reason_text(reasons)
  local first = reasons[1]
  if not first then return "-" end
  local text = #first.reason > 60 and first.reason:sub(1, (utf8.offset(first.reason, 0, 60) or 60) - 1) .. "…" or first.reason
  return ("%s (%d)%s"):format(text, first.count, #reasons > 1 and (", %d more reasons"):format(#reasons - 1) or "")
end

function verbs.list(words, globals)
  options.parse(words, { command = "sluice dlq", verb = "list", none = true, rows = dlq.options })
  local cfg = require("sluice.config").load(globals.config)
  local deadletters, list = require "sluice.deadletters", {}
  local files = deadletters.files(cfg.store)
  deadletters.count_lines(cfg.store, files)
  for i, file in ipairs(files) do list[i] = facts_of(file) end
  if globals.json then
    io.write(json.encode(json.array(list)), "\n")
    return 0
  end
  local rows = { { "run", "recipe", "when", "records", "open", "settled", "unreadable", "reasons" } }
  for i, f in ipairs(list) do
    rows[i + 1] = { tostring(f.run), f.recipe or "-", f.time or "-", f.records, f.open, f.settled, f.unreadable, reason_text(f.reasons) }
  end
  if #list > 0 then io.write(require("sluice.text").table(rows))
  elseif not globals.quiet then require("sluice.log").print "nothing was rejected\n" end
  return 0
end

-- ---- show ----

local function is_wanted(letter, state, given)
  if state == "settled" and not given.all then return false end
  return not given.reason or (not ndjson.bad(letter) and tostring(letter.reason):find(given.reason, 1, true) ~= nil)
end

local function show_letter(n, letter, state)
  if ndjson.bad(letter) then
    io.write(("%d  this line is no JSON: %s\n"):format(n, letter.reason))
    return
  end
  local record = letter.record
  local text = type(record) == "userdata" and ndjson.raw(record) or json.encode(record)
  if letter.raw_base64 then text = require("sluice.crypto").unbase64(letter.raw_base64):gsub("[^\x20-\x7e]", "?") end
  io.write(("%d  %s  %s%s\n   %s\n"):format(n, tostring(letter.time), tostring(letter.reason),
    state ~= "open" and " [" .. state .. "]" or "", text))
end

local show_spec = {
  command = "sluice dlq", verb = "show", rows = dlq.options,
  one = "file", ask = "which file? its name, or the number of the run", hint = "sluice dlq list",
}

function verbs.show(words, globals)
  local names, given = options.parse(words, show_spec)
  local cfg = require("sluice.config").load(globals.config)
  local file, shown, left = letters.find(cfg.store, names[1]), 0, 0
  local limit = given.limit or (globals.json and math.huge or SHOWN)
  for n, letter, state in letters.each(file.path, file.most) do
    if is_wanted(letter, state, given) then
      if shown >= limit then left = left + 1
      else
        shown = shown + 1
        if globals.json then io.write(ndjson.bad(letter) and letter.raw or ndjson.raw(letter), "\n")
        else show_letter(n, letter, state) end
      end
    end
  end
  if globals.quiet or globals.json then return 0 end
  if left > 0 then require("sluice.log").print(("%d more: --limit %d\n"):format(left, shown + left)) end
  if shown == 0 then require("sluice.log").print "no such record\n" end
  return 0
end

-- ---- retry ----

local function row_of(store, file)
  for _, row in ipairs(store:runs(ALL_RUNS)) do
    if row.id == file.run then return row end
  end
  err.raise { code = "not_found", message = ("run %d is no longer in the ledger, so its recipe and arguments are not known"):format(file.run),
    hint = "sluice dlq show " .. file.name .. " --json gives the records, for a recipe of your own" }
end

-- The ledger knows recipes by their path from the config's folder, without .lua.
local function path_of(cfg, row, file)
  local base = row.recipe:sub(1, 1) == "/" and row.recipe or cfg.folder .. "/" .. row.recipe
  for _, path in ipairs { base .. ".lua", base } do
    if require("lfs").attributes(path, "mode") == "file" then return path end
  end
  err.raise { code = "not_found", message = ("the recipe of run %d is gone: there is no %s.lua"):format(file.run, base),
    hint = "put it back, or look at the records with sluice dlq show " .. file.name }
end

local function arguments_of(row, given, recipe, cfg)
  local args = json.decode(row.args) or {}
  for name, value in pairs(given) do args[name] = value end
  for name, value in pairs(args) do
    if type(value) == "string" and value:find("***", 1, true) then
      usage("retry: the ledger masks the argument '%s' of run %d", ("add it: %s=…"):format(name), name, row.id)
    end
  end
  return require("sluice.recipe").arguments(recipe, args, cfg)
end

local function recipe_at(path, given)
  local recipe = require("sluice.run").load(path, given)
  if not require("sluice.recipe").is(recipe) then
    usage("retry: %s is a plain script, not a recipe", "sluice dlq show gives the records", path)
  end
  if recipe.retry then return recipe end
  usage("retry: %s does not say how its rejected records are sent again",
    "add `retry = function(args, run, records)` to the recipe (docs/recipes.md), or mend the records at the source", path)
end

-- The file is this process's alone until it ends.
local function hold(store, file)
  if store:run_alive(file.run) then
    err.raise { code = "locked", message = ("run %d is still at work and adds to %s"):format(file.run, file.name), hint = "wait until it has ended" }
  end
  return store:lock(file.path) or err.raise {
    code = "locked", message = ("another retry has %s in hand"):format(file.name), hint = "wait until it has ended",
  }
end

local function work(self, store, file)
  local _ <close> = hold(store, file)
  self:store()
  self.dead_letters = letters.open(file, self)
  self.recipe.retry(self.args, self, self.dead_letters:records())
  self:commit()
end

function verbs.retry(words, globals)
  local word = table.remove(words, 1)
  if not word then usage("retry: which file? its name, or the number of the run", "sluice dlq list") end
  local given = require("sluice.recipe").words(words)
  local run = require "sluice.run"
  run.hide_secrets(given)
  local cfg = require("sluice.config").load(globals.config)
  local file = letters.find(cfg.store, word)
  local sums = letters.count(file.path, file.most)
  if sums.open == 0 then
    if not globals.quiet then
      require("sluice.log").print(("nothing to send again: %d settled, %d unreadable\n"):format(sums.settled, sums.unreadable))
    end
    return 0
  end
  local store <close> = require("sluice.state").open(cfg.store)
  local row = row_of(store, file)
  local path = path_of(cfg, row, file)
  local recipe = recipe_at(path, given)
  local args = arguments_of(row, given, recipe, cfg)
  local self = run.set {
    name = row.recipe, path = path, options = { config = globals.config, json = globals.json, quiet = globals.quiet }, recipe = recipe,
    args = args, args_text = json.encode(args), errand = " (dlq retry)", loaded = cfg,
  }
  return run.lead(self, work, store, file)
end

-- ---- the command ----

function dlq.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice dlq", verbs = verbs })
end

return dlq

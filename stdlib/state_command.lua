--- `sluice state`: what the store knows, for people who look after it.
local err = require "sluice.err"
local options = require "sluice.options"
local time = require "sluice.time"

local command = {
  about = "Show the state: cursors, open batches, runs; set a cursor; back up; forget what is old",
  usage = [[
usage: sluice state list                     cursors, open batches, the newest runs
       sluice state get CURSOR               the position of a cursor
       sluice state set CURSOR POSITION      puts a cursor elsewhere; refused while a run has it
       sluice state export FILE|-            a backup of the store, while runs go on
       sluice state export --ndjson FILE|-   the same as readable lines
       sluice state prune                    forgets what is older than `keep:` in sluice.yaml allows

  sluice state list --json                   one document { store, cursors, batches, runs }; times are seconds since 1970
  sluice state get 1                         by its number in the list, or by words that are found in one cursor alone:
  sluice state get delta_feed products       in its recipe, name, account or key
  sluice state set 1 "2026-01-31 08:00:00"   UTC, as the feed writes it; prints the old and the new one
  sluice state export backup.db              put it in the place of the store (no run may be under way) to go back to it
  sluice state export --ndjson - | grep 124773

set       makes the cursor forget what it remembers as delivered: what changed since then is sent again, whatever was sent
          before, and what changed before then is not. To start over there is `sluice run … --full`.
export    is complete and on the disk, or not there: it is written aside and renamed. Login tokens are never in it, and
          known secrets are masked in --ndjson.
prune     `sluice run` does it as well, at most once a day. Cursors, open batches and runs under way stay.
]],
  options = { { "--ndjson", "readable lines instead of a copy of the store", only = "export" } },
}

local RUNS = 10
local ALL_RUNS = 10000
local PAGE = 1000 -- occurrences that are read at once

local function usage(text, hint, ...)
  err.raise { code = "usage", message = "sluice state: " .. text:format(...), hint = hint or "sluice help state" }
end

-- ---- the store ----

local function exists(path) return require("lfs").attributes(path, "mode") ~= nil end

-- Opening makes the file; where no run has made one there is nothing to show.
local function open(globals)
  local cfg = require("sluice.config").load(globals.config)
  if not exists(cfg.store) then
    err.raise { code = "not_found", message = ("there is no store yet: %s does not exist"):format(cfg.store),
      hint = "the first `sluice run` that uses a cursor or a connection makes it; `store:` in " .. cfg.file .. " says where" }
  end
  return require("sluice.state").open(cfg.store), cfg
end

-- ---- list ----

local function when(seconds) return seconds and time.format(seconds // 1 | 0, "sql") or "-" end

local function cursor_rows(cursors)
  local rows = { { "cursor", "recipe", "name", "account", "key", "position", "remembered", "committed", "held by" } }
  for i, c in ipairs(cursors) do
    rows[i + 1] = { tostring(c.id), c.recipe, c.name, c.account, c.key:gsub("%s+", " "), c.position or "-", c.remembered,
      when(c.committed), c.locked and "process " .. (c.holder or "?") or "-" }
  end
  return rows
end

local function batch_rows(batches)
  local rows = { { "batch", "api", "account", "resource", "records", "sent at", "run" } }
  for i, b in ipairs(batches) do
    rows[i + 1] = { b.batch, b.api, b.account, b.resource, b.records, when(b.put), b.run and tostring(b.run) or "-" }
  end
  return rows
end

local function run_rows(runs)
  local rows = { { "run", "recipe", "started", "state", "exit", "read", "sent", "rejected", "unknown" } }
  for i, r in ipairs(runs) do
    rows[i + 1] = { tostring(r.id), r.recipe, when(r.started), r.state, r.exit_code or "-", r.read or "-", r.sent or "-",
      r.rejected or "-", r.unknown or "-" }
  end
  return rows
end

local function section(title, rows)
  io.write(title, "\n")
  if #rows == 1 then io.write("  none\n\n") return end
  io.write((require("sluice.text").table(rows):gsub("([^\n]+)", "  %1")), "\n")
end

local verbs = {}

function verbs.list(words, globals)
  options.parse(words, { command = "sluice state", verb = "list", none = true })
  local store <close> = open(globals)
  local cursors, batches, runs = store:cursors(), store:batches_open(), store:runs(RUNS)
  if globals.json then
    local json = require "sluice.json"
    io.write(json.encode { store = store:path(), cursors = json.array(cursors), batches = json.array(batches),
      runs = json.array(runs) }, "\n")
    return 0
  end
  io.write("store ", store:path(), "\n\n")
  section("cursors", cursor_rows(cursors))
  section("batches without a verdict", batch_rows(batches))
  section(("the newest %d runs"):format(RUNS), run_rows(runs))
  return 0
end

-- ---- one cursor ----

local function label(c) return ("%d (%s, %s, %s, %s)"):format(c.id, c.recipe, c.name, c.account, (c.key:gsub("%s+", " "))) end

local function matches(c, words)
  local all = ("%s %s %s %s"):format(c.recipe, c.name, c.account, c.key)
  for _, word in ipairs(words) do
    if not all:find(word, 1, true) then return false end
  end
  return true
end

local function nearest(cursors, word)
  local known = {}
  for _, c in ipairs(cursors) do
    known[#known + 1] = c.name
    known[#known + 1] = c.recipe:match "[^/]*$"
  end
  return require("sluice.text").near(word, known)
end

-- The cursor with that number, or the only one in which all words are found.
local function find(store, words)
  local cursors, found, labels = store:cursors(), {}, {}
  local number = #words == 1 and math.tointeger(tonumber(words[1]))
  for _, c in ipairs(cursors) do
    if number == c.id then return c end
    if not number and matches(c, words) then found[#found + 1] = c end
  end
  if #found == 1 then return found[1] end
  for _, c in ipairs(#found > 0 and found or cursors) do labels[#labels + 1] = label(c) end
  local text = table.concat(words, " ")
  local list = #labels > 0 and table.concat(labels, "\n") or "there is none in this store"
  if #found > 1 then usage("'%s' is found in %d cursors; say more, or its number", list, text, #found) end
  err.raise { code = "not_found", message = ("sluice state: there is no cursor '%s'%s"):format(text, nearest(cursors, words[1])), hint = list }
end

function verbs.get(words, globals)
  if not words[1] then usage("get: which cursor?") end
  local store <close> = open(globals)
  local c = find(store, words)
  if globals.json then io.write(require("sluice.json").encode(c), "\n")
  elseif c.position then io.write(c.position, "\n")
  else require("sluice.log").print(("cursor %s has no position yet\n"):format(label(c))) end
  return 0
end

-- As feeds write it: a second in UTC. A cursor that a recipe's own iterator keeps may have anything.
local function position_of(c, text)
  if text == "" then usage("set: the position is empty", "to start over there is `sluice run … --full`") end
  if c.position and not time.parse(c.position) then return text end
  local seconds = time.parse(text)
  if not seconds then
    usage("set: '%s' is not a position of this cursor: it is a time", 'write it like "2026-01-31 08:00:00" (UTC)', text)
  end
  if seconds > time.now() then
    usage("set: %s is in the future", "what changes until then would not be sent; now it is " .. time.format(time.now() // 1 | 0, "sql"), text)
  end
  return time.format(seconds // 1 | 0, "sql")
end

function verbs.set(words, globals)
  if #words < 2 then usage("set: a cursor and a position", 'sluice state set 1 "2026-01-31 08:00:00"') end
  local text = table.remove(words)
  local store <close> = open(globals)
  local c = find(store, words)
  local position = position_of(c, text)
  local cursor = store:cursor { recipe = c.recipe, name = c.name, account = c.account, key = c.key }
  local old, remembered = cursor:get(), cursor:remembered()
  cursor:restart()
  cursor:advance(position)
  cursor:commit()
  cursor:close()
  if globals.json then
    io.write(require("sluice.json").encode { cursor = c.id, old = old, new = position, forgotten = remembered }, "\n")
  else
    io.write(("cursor %s\nold  %s\nnew  %s\n"):format(label(c), old or "-", position))
    if remembered > 0 then io.write(("%d remembered deliveries are forgotten\n"):format(remembered)) end
  end
  return 0
end

-- ---- export ----

-- What the connections use may stand in a text of a server; then it is masked.
local function know_secrets(cfg)
  for _, secret in ipairs(require("sluice.config").secrets(cfg)) do
    if secret.text then require("sluice.log").secret(secret.text) end
  end
end

local function dump_lines(store, write)
  local json, mask = require "sluice.json", require("sluice.log").mask
  local function all(kind, rows)
    for _, row in ipairs(rows) do
      row.kind = kind
      write(mask(json.encode(row)) .. "\n")
    end
  end
  all("cursor", store:cursors())
  all("batch", store:batches_open())
  all("write", store:outbox_rows())
  all("run", store:runs(ALL_RUNS))
  all("schedule", store:schedules())
  local after, page
  repeat
    page = store:occurrences { after = after, most = PAGE }
    for _, row in ipairs(page) do row.made_as = row.kind end
    after = page[#page] and page[#page].id
    all("occurrence", page)
  until #page == 0
end

local function dump(store, cfg, target)
  know_secrets(cfg)
  if target == "-" then return dump_lines(store, function(line) io.write(line) end) end
  local out = require("sluice.ndjson").writer(target)
  dump_lines(store, function(line) out:write((line:gsub("\n$", ""))) end)
  out:close()
end

-- What exports left behind that were killed; who has the lock knows that none is under way.
local function remove_leftovers(path)
  local dir, base = path:match "^(.*)/([^/]*)$"
  for name in require("lfs").dir(dir) do
    if name:sub(1, #base) == base then os.remove(dir .. "/" .. name) end
  end
end

-- Beside the store: its folder is private and has room for what the store has.
local function export_to_output(store)
  local path = store:path() .. ".export"
  local lock = store:lock(path)
  if not lock then
    err.raise { code = "locked", message = "another export to standard output is under way", hint = "wait for it, or export to a file" }
  end
  remove_leftovers(path)
  store:export(path)
  local file = assert(io.open(path, "rb"))
  os.remove(path)
  for bytes in file:lines(1 << 20) do io.write(bytes) end
  file:close()
  lock:close()
end

local export_spec = {
  command = "sluice state", verb = "export", rows = command.options, one = "file", ask = "to which file? - is standard output",
}

function verbs.export(words, globals)
  local names, given = options.parse(words, export_spec)
  local target = names[1]
  local store <close>, cfg = open(globals)
  if given.ndjson then dump(store, cfg, target)
  elseif target == "-" then export_to_output(store)
  else store:export(target) end
  if target ~= "-" and not globals.quiet then require("sluice.log").print(("%s is written\n"):format(target)) end
  return 0
end

-- ---- prune ----

function verbs.prune(words, globals)
  options.parse(words, { command = "sluice state", verb = "prune", none = true, hint = "`keep:` in sluice.yaml says what stays" })
  local store <close>, cfg = open(globals)
  local list = require("sluice.prune").run(cfg, store)
  if globals.json then
    io.write(require("sluice.json").encode(list), "\n")
    return 0
  end
  for _, step in ipairs(list) do
    io.write(("%d %s older than %.6g days forgotten\n"):format(step.count, step.what, step.keep / 86400))
  end
  return 0
end

-- ---- the command ----

function command.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice state", verbs = verbs })
end

return command

--- `sluice outbox`: what became of writes that must not be doubled, and a person's word where nothing can tell.
local asking = require "sluice.asking"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local options = require "sluice.options"
local text = require "sluice.text"

local command = {
  about = "Show and settle writes that must not be doubled (orders)",
  usage = [[
usage: sluice outbox list [STATE …]          what is not confirmed; `all`, or states: intended sent confirmed rejected unknown
       sluice outbox show KEY [--body] [--ask]   one write: times, attempts, the server's answer
       sluice outbox settle [KEY …] [--confirmed | --rejected | --resend]   asks the API, or takes your word

  sluice outbox list unknown                   those that a person has to settle
  sluice outbox show A-1001 --ask              does the search find it by that key? worth a try with a new recipe's first order
  sluice outbox settle                         asks the API about all that are sent or unknown, as the next run would
  sluice outbox settle A-1001 --confirmed      you have looked, and it is there
  sluice outbox settle A-1001 --resend         you have looked, and it is not: the next run that hands it in sends it
  sluice outbox settle A-1001 --rejected       it is not there, and must not be sent
  sluice outbox settle A-1001 --scope=channel_id=47 --resend      the one of two orders that have the same code

KEY is what the record is known by (the channel's order code). States: intended, certainly nothing was sent; sent, it may have
been done, and how it ended is not known yet; confirmed; rejected, the API refused it; unknown, nothing can tell.
Exit code 7 where writes stay unknown.
]],
  completes = { STATE = { "all", "intended", "sent", "confirmed", "rejected", "unknown" } },
  options = {
    { "--body", "what was sent, as well", only = "show" },
    { "--ask", "does the API show it now?", only = "show" },
    { "--confirmed", "it is there", only = "settle" },
    { "--rejected", "it is not there, and must not be sent", only = "settle" },
    { "--resend", "it is not there: the next run that hands it in sends it", only = "settle" },
    { "--operation NAME", "writes of this operation alone" },
    { "--account NAME", "writes of this account alone" },
    { "--scope TEXT", "writes with this scope alone (channel_id=47)" },
  },
}

local PAGE = 500
local STATES = { "intended", "sent", "confirmed", "rejected", "unknown" }

local function usage(format, ...)
  err.raise { code = "usage", message = "sluice outbox: " .. format:format(...), hint = "sluice help outbox" }
end

local NARROW = { "operation", "account", "scope" }

local function parse(argv, verb) return options.parse(argv, { command = "sluice outbox", verb = verb, rows = command.options }) end

local function narrow(given, filter)
  for _, name in ipairs(NARROW) do filter[name] = given[name] end
  return filter
end

local function open_store(globals)
  local cfg = require("sluice.config").load(globals.config)
  return require("sluice.state").open(cfg.store), cfg
end

local function time_text(seconds)
  return seconds and require("sluice.time").format(seconds) or ""
end

-- A row as data: bodies are personal data, and shown only where that is asked for.
local function plain(row, body)
  local copy = {}
  for name, value in pairs(row) do copy[name] = value end
  for _, name in ipairs { "intended", "sent", "settled", "looked" } do copy[name] = row[name] and time_text(row[name]) end
  copy.body = body and row.body and log.mask(row.body) or nil
  copy.answer, copy.note = row.answer and log.mask(row.answer), row.note and log.mask(row.note)
  return copy
end

local HEADS = { "key", "scope", "state", "operation", "account", "attempts", "since", "note" }

local function cells(row)
  local since = row.settled or row.state == "sent" and row.sent or row.intended
  return { row.key, row.scope, row.state, row.operation, row.account, row.attempts, time_text(since), (row.note or ""):sub(1, 100) }
end

-- Writes rows that come in pages: a table, or one JSON list.
local function printer(globals)
  local self = { count = 0 }
  function self.page(rows)
    local lines = { self.count == 0 and HEADS or nil }
    for _, row in ipairs(rows) do
      local one = plain(row)
      if globals.json then io.write(self.count == 0 and "[" or ",\n", json.encode(one)) else lines[#lines + 1] = cells(row) end
      self.count = self.count + 1
    end
    if #rows > 0 and not globals.json then io.write(text.table(lines)) end
  end
  function self.close()
    if globals.json then io.write(self.count == 0 and "[" or "", "]\n") end
  end
  return self
end

-- ---- list ----

local function wanted_states(words)
  local wanted = {}
  for _, word in ipairs(words) do
    local known = word == "all"
    for _, state in ipairs(STATES) do
      if word == state or word == "all" then wanted[state], known = true, true end
    end
    if not known then
      usage("there is no state '%s'%s", word, text.near(word, STATES))
    end
  end
  if #words == 0 then wanted = { intended = true, sent = true, rejected = true, unknown = true } end
  return wanted
end

-- Pages of rows, oldest first. What is confirmed may be a lot; the rest is found by its state.
local function pages(store, wanted, given)
  local after = 0
  return function()
    local rows = {}
    repeat
      local found = store:outbox_rows(narrow(given, { after = after, most = PAGE, state = wanted.one }))
      for _, row in ipairs(found) do
        after, row.body = row.id, nil
        if wanted[row.state] then rows[#rows + 1] = row end
      end
    until #rows > 0 or #found < PAGE
    return #rows > 0 and rows or nil
  end
end

local function few(store, wanted, given)
  local all = {}
  for _, state in ipairs(STATES) do
    if wanted[state] then
      for rows in pages(store, { one = state, [state] = true }, given) do table.move(rows, 1, #rows, #all + 1, all) end
    end
  end
  table.sort(all, function(a, b) return a.id < b.id end)
  return all
end

local function list(argv, globals)
  local words, given = parse(argv, "list")
  local wanted = wanted_states(words)
  local store <close> = open_store(globals)
  local out = printer(globals)
  if wanted.confirmed then
    for rows in pages(store, wanted, given) do out.page(rows) end
  else
    out.page(few(store, wanted, given))
  end
  out.close()
  if out.count == 0 and not globals.json and not globals.quiet then log.print "nothing to show\n" end
  return 0
end

-- ---- show ----

local NEAR = 1000 -- the newest keys are compared with one that is not there

local function find(store, key, given)
  local rows = store:outbox_rows(narrow(given, { key = key }))
  if #rows > 0 then return rows end
  local keys = {}
  for _, row in ipairs(store:outbox_rows(narrow(given, { newest = true, most = NEAR }))) do keys[#keys + 1] = row.key end
  err.raise { code = "not_found", message = ("the outbox has no '%s'%s"):format(key, text.near(key, keys)),
    hint = "`sluice outbox list all` shows the keys" }
end

-- The connection of the config that the row was written with: the one of that account whose API has the operation at that
-- host.
local function connection_for(cfg, row)
  local config = require "sluice.config"
  for _, name in ipairs(config.connections(cfg)) do
    local ok, client = pcall(require("sluice.connect").connect, name)
    if ok and client.account == row.account then
      for _, operation in ipairs(client.definition.operations) do
        if operation.name == row.operation
          and require("sluice.request").base(client.definition, client.options, operation.host) == row.host then
          return client
        end
      end
    end
  end
end

-- Whether the API shows it, asked as settling asks.
local function ask(cfg, row)
  local client = connection_for(cfg, row)
  if not client then return nil, "no connection of the config is this account at this host" end
  local ok, found = pcall(require("sluice.outbox").look, client, row)
  if not ok then return nil, tostring(found) end
  if found == nil then return nil, "nothing can be asked, or not what would tell" end
  return found
end

local function show(argv, globals)
  local words, given = parse(argv, "show")
  if #words ~= 1 then usage "show: which key?" end
  local store <close>, cfg = open_store(globals)
  require("sluice.run").current().loaded = cfg
  for _, row in ipairs(find(store, words[1], given)) do
    local one = plain(row, given.body)
    one.held = store:outbox_held(row.id)
    if given.ask then
      local found, why = ask(cfg, row)
      one.found = found and "yes" or found == false and "no" or "can't tell: " .. why
    end
    if globals.json then
      io.write(json.encode(one), "\n")
    else
      for _, name in ipairs { "key", "scope", "state", "operation", "host", "account", "attempts", "intended", "sent", "looked", "settled", "run",
        "note", "found", "answer", "body" } do
        if one[name] ~= nil and one[name] ~= "" then io.write(("%-10s %s\n"):format(name, tostring(one[name]))) end
      end
      if one.held then io.write "held       a process is working on it\n" end
    end
  end
  return 0
end

-- ---- settle ----

local function by_person(intent, given)
  if given.resend then intent:back()
  else intent:settle(given.confirmed and "confirmed" or "rejected", nil, asking.BY_PERSON) end
end

-- Asks the API. Only what is found is settled here: absence takes time to prove, which the next run has.
local function by_asking(cfg, intent)
  local row = intent:row()
  local found, why = ask(cfg, row)
  if why then log.warn("outbox", "%s can't be looked for: %s", row.key, why) end
  if found then intent:settle("confirmed", json.encode(found), "found by a search") end
end

local function chosen(store, keys, given)
  local rows = {}
  for _, key in ipairs(keys) do
    local found = find(store, key, given)
    if given.decision and #found > 1 then
      local scopes = {}
      for i, row in ipairs(found) do scopes[i] = ("%s --scope=%s"):format(row.operation, row.scope) end
      usage("there are %d writes '%s' (%s): say which with --scope, --operation or --account", #found, key, table.concat(scopes, ", "))
    end
    table.move(found, 1, #found, #rows + 1, rows)
  end
  if #keys > 0 then return rows end
  return few(store, { sent = true, unknown = true }, given)
end

local function settle_one(store, cfg, row, given)
  local intent <close> = store:outbox_claim_id(row.id)
  if not intent and not given.decision then return row end
  if not intent then
    err.raise { code = "locked", message = ("a running process works on '%s'"):format(row.key), hint = "wait for its end" }
  end
  local now = intent:row().state
  if given.decision and now == "confirmed" and not given.confirmed then
    usage("'%s' is confirmed; what is done can't be taken back here", row.key)
  end
  if given.decision then by_person(intent, given) elseif now == "sent" or now == "unknown" then by_asking(cfg, intent) end
  return intent:row()
end

local function read_decision(words, given)
  local decisions = 0
  for _, name in ipairs { "confirmed", "rejected", "resend" } do decisions = decisions + (given[name] and 1 or 0) end
  if decisions > 1 then usage "settle: one of --confirmed, --rejected and --resend" end
  if decisions == 1 and #words == 0 then usage "settle: a decision is about a KEY" end
  given.decision = decisions == 1
end

local function settle(argv, globals)
  local words, given = parse(argv, "settle")
  read_decision(words, given)
  local store <close>, cfg = open_store(globals)
  require("sluice.run").current().loaded = cfg
  local out, open = printer(globals), 0
  local rows = chosen(store, words, given)
  for i, row in ipairs(rows) do
    rows[i] = settle_one(store, cfg, row, given)
    if rows[i].state == "sent" or rows[i].state == "unknown" then open = open + 1 end
  end
  out.page(rows)
  out.close()
  if open > 0 and not globals.json and not globals.quiet then
    log.print(("%d not settled: the next run finds them, or proves absence and sends them again; or you settle them\n"):format(open))
  end
  return open > 0 and 7 or 0
end

function command.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice outbox", default = "list", verbs = { list = list, show = show, settle = settle } })
end

return command

--- `sluice call`: one call of an operation, for the shell. Arguments are read here and checked by the definition; the call goes
--- the way of all calls: shared budgets and tokens, masks, repeats.
local call_words = require "sluice.call_words"
local client = require "sluice.client"
local core = require "sluice.core"
local definition = require "sluice.definition"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local options = require "sluice.options"
local request = require "sluice.request"
local wire = require "sluice.wire"

local command = {
  about = "Call one operation of a connection",
  usage = [[
usage: sluice call CONNECTION OPERATION [key=value …] [key:=json …] [@FILE] [options]

  sluice call shop sources
  sluice call shop search_products query:='{"match_all":{}}' size=5
  sluice call feed streams --paginate | wc -l      all pages, a line of JSON for each entry; without it the first page
  sluice call feed upload_products stream=124773 @products.ndjson
  sluice call shop post_order channel_id=47 @order.json --outbox channel_order_code
  sluice call feed stream stream=124773 --curl     the curl command that is equal, secrets masked; nothing is sent
  sluice call feed delete_stream --help            its arguments

key=value     text, or what the argument's type makes of it        key:=json     any JSON
key=@FILE     the file's text (- for standard input)                key:=@FILE    the file's JSON
@FILE         the argument that is the body; where there is none, an object whose members are the arguments

Standard output: the result as JSON, on a terminal with a line for each value; nothing where the answer has no body.
`raw=true` prints the answer as it came. Exit codes: 0; 2 wrong arguments; 4 for 401 and 403; 5 for 429 and 5xx after the repeats, and
where no answer came; 7 where it is not known whether it was done; 1 for all other refusals.
]],
  options = {
    { "--paginate", "all pages of an operation that has them, as NDJSON, one page in memory at a time" },
    { "--headers", "status and headers of each answer, masked, to standard error" },
    { "--curl", "prints the command instead of calling" },
    { "-n, --dry-run", "an operation that changes something is shown and not sent" },
    { "--outbox KEY", "through the outbox of the config's store: sent once, whoever asks how often; KEY is the field it is known by" },
    { "-y, --yes", "don't ask. What may never be repeated (deletes for good) is asked about on a terminal, and refused without one" },
    { "--record FILE", "the request and its answer into a HAR file, without secrets" },
    { "--replay FILE", "the answer comes from such a file, nothing is sent" },
    { "--help", "behind an operation: what it takes" },
  },
}

local function usage(text, ...)
  err.raise { code = "usage", message = "sluice call: " .. text:format(...), hint = "sluice help call" }
end

local function operation_help(target, row) return (require("sluice.api").operation_text(target.definition, row)) end

-- The request, of the first page where there are several. A mistake in the arguments comes with what the operation takes.
local function prepare(target, row, args)
  local extra = row.paging and require("sluice.paging").first(row, args) or nil
  local ok, req = pcall(request.prepare, target.definition, row, target.options, args, extra)
  if ok then return req end
  if err.is(req) and req.code == "usage" then
    req.hint = "key:=json gives lists, objects and numbers as such\n" .. operation_help(target, row)
  end
  error(req, 0)
end

-- ---- what is asked before ----

local function confirmed(target, row, req)
  if not core.isatty(0) or not core.isatty(2) then
    err.raise { code = "usage", message = ("sluice call: %s.%s can't be taken back; without a terminal it is called with --yes only")
      :format(target.name, row.name), hint = "look first: --dry-run" }
  end
  log.print(("%s\n%s %s\nsend it? [y/N] "):format(row.doc, req.method, req.url))
  local answer = io.read "l" or ""
  return answer:match "^%s*[yY]" ~= nil
end

local function must_ask(row, given)
  return row.resend == "never_automatic" and definition.writes(row) and not (given.yes or given["dry-run"] or given.replay)
end

-- ---- showing ----

-- Shows each answer's head as it comes, whatever else is in the way.
local function show_heads()
  local former
  local way = {}
  function way.call(_, call, send)
    local next_way = former and function() return former:call(call, send) end or send
    local answer, failure, body, head = next_way()
    local seen = answer or head
    if not seen then return answer, failure, body, head end
    local lines = { ("HTTP %d"):format(seen.status) }
    for _, name in ipairs(require("sluice.text").keys(seen.headers)) do lines[#lines + 1] = ("%s: %s"):format(name, seen.headers[name]) end
    log.print(table.concat(lines, "\n") .. "\n\n")
    return answer, failure, body, head
  end
  function way.http(_, http, send)
    if former then return former:http(http, send) end
    return send()
  end
  former = wire.put(way)
end

local function print_value(value)
  if value == nil then return end
  local text, problem = json.encode(value, core.isatty(1) and { pretty = true } or { sort = true })
  if not text then error(problem, 0) end
  io.write(text, "\n")
end

local function print_pages(target, row, args)
  local out = require("sluice.ndjson").writer "-"
  for entry in target:call(row.name, args) do
    out:write(type(entry) == "table" and json.encode(entry, { sort = true }) or entry)
    if require("sluice.task").stopping() then break end
  end
  out:close()
end

-- The result of a login is the token: what is shown of it is its mask.
local function print_result(target, row, args)
  if row.paging then return print_value(client.page(target, row.name, args)) end
  local value, answer = target:call(row.name, args)
  if answer.body == "" then return end
  if args.raw then return io.write(answer.body) end
  if row.name == target.login_operation then value = json.decode(answer.body) end
  print_value(value)
end

-- ---- the outbox ----

local function through_outbox(run, target, row, args, key)
  local into, with, record = require("sluice.outbox_record").target(row), {}, args
  if into then
    for name, value in pairs(args) do with[name] = name ~= into and value or nil end
    record = args[into]
    if type(record) == "string" then record = assert(json.decode(record)) end
  end
  local box = require("sluice.outbox").open { connection = target, operation = row.name, key = key, with = with }
  run:count "read"
  local _, job = box:send(record)
  box:finish()
  local stored = job.key and box:stored(job.key)
  print_value(stored and stored.answer and json.decode(stored.answer) or nil)
end

-- ---- the command ----

local function call(run, target, row, args, given)
  local req = prepare(target, row, args)
  if given.curl then return io.write(require("sluice.curl").command(target, row, req), "\n") end
  if given.paginate and not row.paging then usage("%s has no pages: leave out --paginate", row.name) end
  if given.headers then show_heads() end
  if given.outbox then return through_outbox(run, target, row, args, given.outbox) end
  if must_ask(row, given) and not confirmed(target, row, req) then
    err.raise { code = "cancelled", message = "not sent" }
  end
  if given.paginate then return print_pages(target, row, args) end
  return print_result(target, row, args)
end

local function target_of(words)
  if not words[1] then usage "which connection? sluice call CONNECTION OPERATION" end
  local target = require("sluice.connect").connect(words[1])
  if not words[2] then
    usage("which operation of %s? `sluice api show %s` lists them", words[1], target.api)
  end
  return target, definition.operation(target.definition, words[2])
end

function command.command(argv, globals)
  local words, given = options.parse(argv, { command = "sluice call", rows = command.options })
  for name, value in pairs(globals) do given[name] = value end
  local runs = require "sluice.run"
  local name = ("call %s.%s"):format(words[1] or "?", words[2] or "?")
  local run = runs.set { name = name, options = given, silent = true }
  local target, row = target_of(words)
  if given.help then return io.write(operation_help(target, row), "\n") and 0 end
  local args = call_words.read(row, table.move(words, 3, #words, 1, {}))
  runs.hide_secrets(args)
  require("sluice.call").interactive(core.isatty(2))
  require("sluice.rehearsal").begin(run)
  if given.outbox then
    run.silent = nil
    return runs.lead(run, call, target, row, args, given)
  end
  local ok, problem = pcall(call, run, target, row, args, given)
  if run.rehearsal then run.rehearsal:close() end
  if not ok then error(problem, 0) end
  return 0
end

return command

--- `.test spec.lua`: the chunks that worked as a busted spec, and beside it (spec.har) what the servers answered them, without secrets.
--- The spec replays offline and asserts what was seen; it is run once to see that it does.
---
---     print(save_test.command(session, { "spec.lua" }))  --> "spec.lua and spec.har: 9 assertions, which hold; sluice test spec.lua"
local auth = require "sluice.auth"
local err = require "sluice.err"
local facts = require "sluice.repl.facts"
local log = require "sluice.log"
local rewrite = require "sluice.repl.rewrite"
local saved_file = require "sluice.repl.saved_file"
local text = require "sluice.text"
local time = require "sluice.time"

local save_test = {}

local FILE = [[
-- Saved from a session of `sluice repl` on %s: what was done, and what was seen. It goes by the answers in %s.
--
--   sluice test %s
local sluice = require "sluice"
%s
local here = debug.getinfo(1, "S").source:match "^@(.-)[^/]*$"

describe(%q, function()
  it("sees what the session saw", function()
    local recorded = replay(here .. %q)
%s
    assert.equal(0, recorded:left()) -- every request that was recorded was made
  end)
end)
]]

local LONG_PAUSE = 0.5 -- seconds between chunks that are made up for: what asks for "now" would ask another thing

-- ---- connections without their secrets ----

local function literal(value)
  if type(value) == "string" then return ("%q"):format(log.mask(value)) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for _, key in ipairs(text.keys(value)) do parts[#parts + 1] = ("[%q] = %s"):format(key, literal(value[key])) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local leave_out = { api = true, ca_file = true, client_cert = true, client_key = true, deadline = true, insecure = true, limits = true,
  name = true, proxy = true, timeout = true }

-- sluice.connect { … } with what makes the same requests. A secret is any word: nobody logs in.
local function connect_line(name, connection)
  local options, parts = connection.options, { ("api = %q"):format(connection.api), ("name = %q"):format(name) }
  for _, key in ipairs(text.keys(options)) do
    local value = options[key]
    if auth.is(value) then parts[#parts + 1] = key .. ' = "replayed"'
    elseif not leave_out[key] then parts[#parts + 1] = ("%s = %s"):format(key, literal(value)) end
  end
  return ("    local %s = sluice.connect {\n      %s,\n    }"):format(name, table.concat(parts, ",\n      "))
end

-- ---- the body ----

-- The lines between the chunks: as much time passes as passed then.
local function pauses()
  local passed = 0
  return function(chunk, put)
    local pause = chunk.started - passed
    passed = chunk.started
    if pause >= LONG_PAUSE and #chunk.calls > 0 then put(("sluice.task.sleep(%.1f) -- as the session did; here it takes no time"):format(pause)) end
  end
end

local function assertions(count)
  return function(chunk, put)
    local function put_all(name, list)
      for _, line in ipairs(facts.lines(name, list)) do
        count.n = count.n + 1
        put(line)
      end
    end
    if chunk.name and chunk.name ~= "_" then put_all(chunk.name, chunk.facts) end
    for _, name in ipairs(text.keys(chunk.set_facts)) do put_all(name, chunk.set_facts[name]) end
  end
end

local function ranges_of(transcript, chunks)
  local ranges = {}
  for i, chunk in ipairs(chunks) do ranges[i] = { chunk.from, transcript:to(chunk.n) } end
  return ranges
end

local function check_tape(transcript, ranges)
  local lost = transcript.tape.lost
  if not lost then return end
  for _, range in ipairs(ranges) do
    if range[2] >= lost.at then err.raise { code = "usage", message = ".test: " .. lost.why, hint = "do it again in a session of its own" } end
  end
end

local function text_of(session, path, archive)
  local count = { n = 0 }
  local body = rewrite.new(session.transcript:worked(), {
    connections = session.connections, failed = session.transcript:set_by_failed(), module = saved_file.module_of(session),
    secret = function(value) return ("%q"):format(log.mask(value)) end, before = pauses(), asserts = assertions(count),
  })
  if count.n == 0 then
    err.raise { code = "usage", message = ".test: nothing was seen yet that a spec could assert", hint = "call something, look at its value" }
  end
  local connects = {}
  for i, name in ipairs(body.connections) do connects[i] = connect_line(name, session.connections[name]) .. "\n" end
  local lines = table.concat(connects) .. "\n" .. body:text "    "
  local name = archive:match "[^/]*$"
  return FILE:format(time.format(time.now()):sub(1, 10), name, path, saved_file.requires(body), saved_file.about(body.kept), name, lines),
    count.n, ranges_of(session.transcript, body.kept)
end

-- ---- does it hold? ----

local function try(path)
  local program = require("lfs").symlinkattributes("/proc/self/exe", "target")
  local done, problem = require("sluice.process").run { argv = { program, "test", "-o", "plainTerminal", path }, timeout = 120 }
  if not done then error(problem, 0) end
  return done.status == 0, done.stdout .. done.stderr
end

--- Writes the spec and its recording, and runs it; the line that says so. A spec that does not hold stays, and is a `partial` error.
---@param session table
---@param words string[] FILE.lua [--force]
---@return string
function save_test.command(session, words)
  local path, force = saved_file.words(".test", words)
  local archive = path:gsub("%.lua$", ".har")
  saved_file.free(".test", path, force, path)
  saved_file.free(".test", archive, force, path)
  local written, count, ranges = text_of(session, path, archive)
  check_tape(session.transcript, ranges)
  saved_file.write(path, written)
  session.transcript.tape:copy(archive, ranges)
  local holds, output = try(path)
  if not holds then
    err.raise { code = "partial", message = ("%s and %s are written, but the spec does not hold offline"):format(path, archive),
      hint = "what it asks may hang on the time or on chance; mend it there", body = log.body(output, 1500) }
  end
  return ("%s and %s: %d assertion%s, which hold; sluice test %s"):format(path, archive, count, count == 1 and "" or "s", path)
end

return save_test

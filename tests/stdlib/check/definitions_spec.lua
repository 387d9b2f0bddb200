-- What `sluice check` finds in a project's own definitions, and where.
local check = require "sluice.check"
local definitions = require "sluice.check.definitions"
local tmp = require "support.tmp"

local GOOD = tmp.read "examples/apis/tickets.lua"

-- The findings about examples/apis/tickets.lua with some of its text replaced by other text.
local function faults(...)
  local text, words = GOOD, { ... }
  for i = 1, #words, 2 do
    local from, to = text:find(words[i], 1, true)
    text = text:sub(1, assert(from, words[i]) - 1) .. words[i + 1] .. text:sub(to + 1)
  end
  local lines = {}
  for i, one in ipairs(definitions.findings(text, "apis/tickets.lua")) do
    lines[i] = ("%s:%s: %s"):format(one.line, one.column, one.message)
  end
  return lines
end

describe("sluice.check.definitions", function()
  it("finds nothing where nothing is wrong", function() assert.same({}, faults()) end)

  it("names all faults with their places", function()
    assert.same({ "18:5: operations[2] 'open_ticket': resend is missing",
      "30:7: operations[3] 'close_ticket': unknown field 'claas' (did you mean 'class'?)" }, -- the first of a row's own fields
      faults('success = { 201 }, class = "all", resend = "unsafe"', 'success = { 201 }, class = "all"', 'body = [[{"state":"closed"}]]', 'claas = 1'))
    assert.same({ "15:25: operations[1] 'tickets' paging: kind 'ofset' is none of: cursor, offset, page (did you mean 'offset'?)" },
      faults('kind = "offset"', 'kind = "ofset"'))
    assert.same({ "14:41: operations[1] 'tickets' args 'state': type 'txt' is none of: any, boolean, id, ids, integer, list, number, object, "
      .. "records, reference, seconds, secret, text, time (did you mean 'text'?)" }, faults('type = "text", one_of', 'type = "txt", one_of'))
    assert.same({ "10:47: errors[404]: unknown field 'hnt' (did you mean 'hint'?)" }, faults("hint =", "hnt ="))
    assert.same({ "4:3: unknown field 'nme' (did you mean 'name'?)" }, faults('name = "tickets",', 'nme = "tickets",'))
  end)

  it("passes over lines that say so", function()
    assert.same({}, faults('kind = "offset"', 'kind = "ofset"', "size = 50 },", "size = 50 }, -- sluice: ignore"))
  end)

  it("finds what can't be run, or is no table", function()
    local function one(text) return definitions.findings(text, "apis/x.lua")[1] end
    assert.same({ file = "apis/x.lua", line = 2, message = "no" }, one "\nerror 'no'")
    assert.same({ file = "apis/x.lua", message = "must return a table, returns a nil" }, one "")
  end)

  it("is a part of the check of a project", function()
    local dir = tmp.dir()
    assert(os.execute(("mkdir '%s/apis'"):format(dir)))
    tmp.write(dir .. "/sluice.yaml", "version: 1\n")
    tmp.write(dir .. "/apis/tickets.lua", (GOOD:gsub(', resend = "unsafe"', "")))
    tmp.write(dir .. "/apis/broken.lua", "return {\n")
    local list = check.run { config = dir .. "/sluice.yaml" }
    assert.same({ 2, dir .. "/apis/broken.lua", dir .. "/apis/tickets.lua" }, { #list, list[1].file, list[2].file })
    assert.same({ 18, 5 }, { list[2].line, list[2].column })
    assert.matches("resend = \"safe\"", list[2].hint)
  end)
end)

-- Due times around clock changes of many zones, compared with Python's zoneinfo going minute by minute (tests/support/clocks.py).
-- SLUICE_CLOCKS_LONG=1 (`make clocks`) takes every change of the zones that are known for trouble, and some of all the others.
local cron = require "sluice.cron"
local json = require "sluice.json"

local seed = os.getenv "SLUICE_CLOCKS_SEED" or "1"
local runs = os.getenv "SLUICE_CLOCKS_LONG" and { "28 0 6", "0 6 3" } or { "20 4 4" }

local function slow_way(size)
  local pipe = assert(io.popen(("python3 tests/support/clocks.py %s %s"):format(seed, size)))
  return function()
    local line = pipe:read "l"
    if line then return assert(json.decode(line)) end
    assert.is_true(pipe:close(), "python3 with zone data is needed")
  end
end

local function walk(spec, from, to)
  local list, t = {}, spec:next(from)
  while t and t <= to do
    list[#list + 1] = t
    t = spec:next(t)
  end
  return list
end

local function differences(case)
  local spec = assert(cron.parse(case.text))
  local list = walk(spec, case.from, case.to)
  if table.concat(list, " ") ~= table.concat(case.due, " ") then return "next" end
  local count, first, last = spec:count(case.from, case.to)
  if count ~= #list or first ~= list[1] or last ~= list[#list] then return "count" end
  local tail = spec:last(case.from, case.to, 7)
  if table.concat(tail, " ") ~= table.concat(list, " ", math.max(1, #list - 6)) then return "last" end
end

describe("clock changes", function()
  for _, size in ipairs(runs) do
    it("are what Python's zoneinfo finds minute by minute (" .. size .. ", seed " .. seed .. ")", function()
      local cases, due = 0, 0
      for case in slow_way(size) do
        local wrong = differences(case)
        if wrong then error(("%s differs: %q from %d to %d"):format(wrong, case.text, case.from, case.to), 0) end
        cases, due = cases + 1, due + #case.due
      end
      assert.is_true(cases >= 200 and due > 1000)
    end)
  end

  it("are compared by a check that can fail", function()
    local case = { text = "TZ=Europe/Berlin\n30 2 * * *", from = 1743267600, to = 1743346800, due = { 1743296400 } }
    assert.is_nil(differences(case))
    case.due = { 1743294600 }
    assert.equal("next", differences(case))
  end)
end)

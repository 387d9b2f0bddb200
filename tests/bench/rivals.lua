-- What rows have in common whose candidates read a file and write one: what they write is compared in value, once, on the head
-- of the file; then everything goes to /dev/null. Floors are three quarters of what is wanted.
--
--   local rivals = dofile(bench.here .. "/rivals.lua")(bench)
--   local list = { { name = "sluice", command_on = function(file, out) return … end } }
--   rivals.with(list, "node", "node", 10, function(file, out) return … end)      -- wanted: ten times our CPU
--   rivals.compete("records, flat", rivals.file "flat", list)
local data = require "data"
local json = require "sluice.json"

local FLOOR, HEAD = 0.75, 1000

-- Equal in value; others print fewer digits, and lua-cjson has floats where we have integers.
local function equal(a, b)
  if type(a) == "number" and type(b) == "number" then return a == b or math.abs(a - b) <= 1e-12 * math.abs(a) end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, v in pairs(a) do if not equal(v, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

local function lines_of(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = assert(json.decode(line)) end
  return list
end

-- The first lines of a file as a file of their own.
local function head_of(path)
  local head = path .. ".head"
  assert(os.execute(("head -%d %s > %s"):format(HEAD, path, head)))
  return head
end

local function same_output(dir, row, candidates, file)
  local first
  for i, one in ipairs(candidates) do
    if one.command_on then
      local out = ("%s/same%d.ndjson"):format(dir, i)
      assert(os.execute(one.command_on(head_of(file), out)), one.name .. " fails on the head of the file")
      local lines = lines_of(out)
      first = first or lines
      if #lines == 0 or not equal(first, lines) then
        error(("%s: %s writes something else than %s"):format(row, one.name, candidates[1].name), 0)
      end
    end
  end
end

return function(bench)
  local rivals = { floor = FLOOR, equal = equal }

  -- 500,000 flat records of 238 bytes, or 100,000 nested ones of 2.1 kB.
  function rivals.file(kind)
    if kind == "flat" then return data.file(bench.dir .. "/flat.ndjson", data.flat, 500000) end
    return data.file(bench.dir .. "/nested.ndjson", data.nested, 100000)
  end

  -- Adds a peer; `wanted` times our CPU is what it should take (nil: nothing is wanted).
  function rivals.with(list, program, name, wanted, command_on)
    bench.peer(list, program, { name = name, want = wanted and wanted * FLOOR, command_on = command_on })
  end

  function rivals.compete(title, file, list, options)
    for _, one in ipairs(list) do
      if one.command_on then one.command = one.command_on(file, "/dev/null") end
    end
    same_output(bench.dir, title, list, file)
    bench.race(title, list, options)
  end

  return rivals
end

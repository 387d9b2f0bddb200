-- The bench's rows of records: what a script or an upload does to each line of a large file, beside what others take for it.
-- Two files: 500,000 flat records of 238 bytes, 100,000 nested ones of 2.1 kB. Everything goes to /dev/null; what the candidates
-- write is compared once, on the head of the file. Floors are three quarters of what is wanted.
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

-- Each candidate has command(file, out).
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
  local rows, peer, here, dir = bench.rows, bench.peer, bench.here, bench.dir

  local function file_of(kind)
    if kind == "flat" then return data.file(dir .. "/flat.ndjson", data.flat, 500000) end
    return data.file(dir .. "/nested.ndjson", data.nested, 100000)
  end

  local function compete(title, kind, list, options)
    local file = file_of(kind)
    for _, one in ipairs(list) do
      if one.command_on then one.command = one.command_on(file, "/dev/null") end
    end
    same_output(dir, title, list, file)
    bench.race(title, list, options)
  end

  local function ours(task)
    return { name = "sluice", command_on = function(file, out)
      return ("%s run %s/peers/records_sluice.lua task=%s file=%s out=%s"):format(bench.sluice, here, task, file, out)
    end }
  end

  local function with(list, program, name, wanted, command_on)
    peer(list, program, { name = name, want = wanted * FLOOR, command_on = command_on })
  end

  local function node(list, task, wanted)
    with(list, "node", "node", wanted, function(file, out)
      return ("node %s/peers/records.js %s %s %s"):format(here, task, file, out)
    end)
  end

  local function python(list, task, wanted)
    with(list, "python3", "python json", wanted, function(file, out)
      return ("python3 %s/peers/records.py %s %s %s"):format(here, task, file, out)
    end)
  end

  function rows.records_flat()
    local list = { ours "flat" }
    node(list, "flat", 10)
    python(list, "flat", 16)
    with(list, "lua5.4", "lua-cjson", 12, function(file, out)
      return ("lua5.4 %s/peers/records_cjson.lua %s %s"):format(here, file, out)
    end)
    with(list, "jq", "jq -c", 30, function(file, out) return ("jq -c '.price *= 1.1' %s > %s"):format(file, out) end)
    list[#list + 1] = { name = "wc -l", want = 0.10 * FLOOR, command = "wc -l " .. file_of "flat" }
    compete("records, flat: price * 1.1", "flat", list)
  end

  function rows.records_path()
    local list = { ours "nested_path" }
    node(list, "nested", 10)
    python(list, "nested", 14)
    compete("records, nested: by a path", "nested", list)
  end

  function rows.records_views()
    local list = { ours "nested_views" }
    node(list, "nested", 8)
    python(list, "nested", 11)
    compete("records, nested: by views", "nested", list)
  end

  function rows.records_filter()
    for _, kind in ipairs { "flat", "nested" } do
      local list = { ours(kind .. "_filter") }
      node(list, kind .. "_filter", 10)
      python(list, kind .. "_filter", 14)
      compete(("records, %s: filter, rename"):format(kind), kind, list)
    end
  end

  -- In C: there is nothing for a script to do.
  function rows.records_pass()
    local tool, file = bench.build .. "/bench/pass", file_of "flat"
    local libs = "$(pkg-config --cflags --libs zlib yaml-0.1 libcrypto)"
    local objects = ("%s/runtime/data/*.o %s/runtime/base/*.o"):format(bench.build, bench.build)
    assert(os.execute(("cc -O2 -D_GNU_SOURCE -Iruntime -o %s %s/peers/pass.c %s %s -lm"):format(tool, here, objects, libs)))
    assert(os.execute(("%s %s %s/same.ndjson && cmp %s %s/same.ndjson"):format(tool, file, dir, file, dir)), "not the same bytes")
    local bytes = assert(io.open(file)):seek "end"
    bench.race("validate, split, chunk, write", { { name = "sluice, in C", command = ("%s %s /dev/null"):format(tool, file) },
      { name = "wc -l", want = 0.18 * FLOOR, command = "wc -l " .. file } }, { bytes = bytes, rate = 1200 * FLOOR })
  end

  return { "records_flat", "records_path", "records_views", "records_filter", "records_pass" }
end

-- The bench's rows of records: what a script or an upload does to each line of a large file, beside what others take for it.
-- Two files: 500,000 flat records of 238 bytes, 100,000 nested ones of 2.1 kB.
return function(bench)
  local rows, here, dir = bench.rows, bench.here, bench.dir
  local rivals = dofile(here .. "/rivals.lua")(bench)
  local with = rivals.with

  local function ours(task)
    return { name = "sluice", command_on = function(file, out)
      return ("%s run %s/peers/records_sluice.lua task=%s file=%s out=%s"):format(bench.sluice, here, task, file, out)
    end }
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
    list[#list + 1] = { name = "wc -l", want = 0.10 * rivals.floor, command = "wc -l " .. rivals.file "flat" }
    rivals.compete("records, flat: price * 1.1", rivals.file "flat", list)
  end

  function rows.records_path()
    local list = { ours "nested_path" }
    node(list, "nested", 10)
    python(list, "nested", 14)
    rivals.compete("records, nested: by a path", rivals.file "nested", list)
  end

  function rows.records_views()
    local list = { ours "nested_views" }
    node(list, "nested", 8)
    python(list, "nested", 11)
    rivals.compete("records, nested: by views", rivals.file "nested", list)
  end

  function rows.records_filter()
    for _, kind in ipairs { "flat", "nested" } do
      local list = { ours(kind .. "_filter") }
      node(list, kind .. "_filter", 10)
      python(list, kind .. "_filter", 14)
      rivals.compete(("records, %s: filter, rename"):format(kind), rivals.file(kind), list)
    end
  end

  -- In C: there is nothing for a script to do.
  function rows.records_pass()
    local tool, file = bench.build .. "/bench/pass", rivals.file "flat"
    local libs = "$(pkg-config --cflags --libs zlib yaml-0.1 libcrypto)"
    local objects = ("%s/runtime/data/*.o %s/runtime/base/*.o"):format(bench.build, bench.build)
    assert(os.execute(("cc -O2 -D_GNU_SOURCE -Iruntime -o %s %s/peers/pass.c %s %s -lm"):format(tool, here, objects, libs)))
    assert(os.execute(("%s %s %s/same.ndjson && cmp %s %s/same.ndjson"):format(tool, file, dir, file, dir)), "not the same bytes")
    local bytes = assert(io.open(file)):seek "end"
    bench.race("validate, split, chunk, write", { { name = "sluice, in C", command = ("%s %s /dev/null"):format(tool, file) },
      { name = "wc -l", want = 0.18 * rivals.floor, command = "wc -l " .. file } }, { bytes = bytes, rate = 1200 * rivals.floor })
  end

  return { "records_flat", "records_path", "records_views", "records_filter", "records_pass" }
end

-- The bench's rows of tables: lines are decoded to Lua tables, changed and encoded again, which is what a script can do that
-- does anything it likes with them. The same files as for records.
return function(bench)
  local rows, here = bench.rows, bench.here
  local rivals = dofile(here .. "/rivals.lua")(bench)

  local function row(kind, wanted, filter)
    local function ours(file, out)
      return ("%s run %s/peers/tables_sluice.lua kind=%s file=%s out=%s"):format(bench.sluice, here, kind, file, out)
    end
    local list = { { name = "sluice", command_on = ours } }
    local function with(program, name, script)
      rivals.with(list, program, name, wanted[name], function(file, out)
        return ("%s %s/peers/%s %s %s %s"):format(program, here, script, kind, file, out)
      end)
    end
    with("lua5.4", "lua-cjson", "tables_cjson.lua")
    with("node", "node", "tables.js")
    with("python3", "python json", "tables.py")
    rivals.with(list, "jq", "jq -c", nil, function(file, out) return ("jq -c '%s' %s > %s"):format(filter, file, out) end)
    rivals.compete("tables, " .. kind, rivals.file(kind), list)
  end

  function rows.tables_flat() row("flat", { ["lua-cjson"] = 3.3, node = 2.8, ["python json"] = 4.5 }, ".price *= 1.1") end

  function rows.tables_nested()
    row("nested", { ["lua-cjson"] = 3.4, node = 2.8, ["python json"] = 4.5 }, ".variants[].price *= 1.1")
  end

  return { "tables_flat", "tables_nested" }
end

-- A cursor that starts over (`--full`), where what it has to forget can't be removed at once.
local state = require "sluice.state"
local tmp = require "support.tmp"

describe("a cursor that starts over", function()
  it("counts no earlier delivery after its commit, even while their rows are still there", function()
    local path = tmp.dir() .. "/s.db"
    local function open(store) return store:cursor { recipe = "r", name = "n" } end
    local store = state.open(path)
    local c = open(store)
    for i = 1, 30000 do c:deliver("x" .. i, ("2024 %05d"):format(i), "digest") end
    c:advance("2024 30000", "2024 00000")
    c:commit()
    store:close()
    -- a file-size limit stands for a kill or a full disk behind the commit: the small commit fits, the removal does not
    local script = tmp.write(tmp.dir() .. "/s.lua", ([[
      local store = require("sluice.state").open "%s"
      local c = store:cursor { recipe = "r", name = "n" }
      c:restart()
      c:deliver("x1", "2024 00001", "digest")
      c:advance("2024 00001", "2024 00000")
      c:commit()
      print((c:remembered()) > 20000, c:seen("x1", "2024 00001", "digest"), c:seen("x30000", "2024 30000", "digest"))]]):format(path))
    local build = os.getenv "SLUICE_BUILD" or "build"
    assert.equal("true\ttrue\tfalse\n", io.popen(("ulimit -f 1000; %s/sluice run %s 2>&1"):format(build, script)):read "a")
    store = state.open(path)
    c = open(store)
    assert.equal("2024 00001", c:get())
    assert.is_true(c:seen("x1", "2024 00001", "digest"))
    assert.is_false(c:seen("x2", "2024 00002", "digest"))
    assert.is_false(c:seen("x30000", "2024 30000", "digest"))
    c:deliver("x30000", "2024 30000", "digest")
    c:advance("2024 30000", "2024 29999")
    c:commit()
    assert.is_true(c:seen("x30000", "2024 30000", "digest"))
    store:close()
  end)
end)

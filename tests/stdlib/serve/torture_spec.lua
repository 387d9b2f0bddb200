-- Everything that can happen to daemons and their runs (support/torture.lua). `make torture` is the long form.
local torture = require "support.torture"

describe("daemons and runs that are killed, stopped and lied to", function()
  it("give each due time one fate, and make no attempt twice", function()
    local seconds, seed = tonumber(os.getenv "SLUICE_TORTURE_SECONDS") or 10, math.tointeger(tonumber(os.getenv "SLUICE_TORTURE_SEED")) or 20261128
    local result = torture.run { seconds = seconds, seed = seed }
    if os.getenv "SLUICE_TORTURE_SECONDS" then
      local list = {}
      for name, count in pairs(result.counts) do list[#list + 1] = ("%6d %s"):format(count, name) end
      table.sort(list)
      print(("\nseed %d, %g seconds\n%s"):format(seed, seconds, table.concat(list, "\n")))
    end
    assert.same({}, result.wrong)
    assert.is_true((result.counts.starts or 0) > seconds / 6)
  end)
end)

-- The one thing that client and sandbox share: the operations' names, methods and paths.
local sandbox = require "sluice.sandbox"

describe("the sandbox's routes", function()
  for api, routes in pairs(sandbox.routes) do
    it("of " .. api .. " are those of the client's definition", function()
      local definition, mine, compared = require("sluice.api." .. api), {}, 0
      for _, route in ipairs(routes) do
        if route.name then mine[route.name] = route end
      end
      for _, row in ipairs(definition.operations) do
        local route = assert.is_table(mine[row.name], "the sandbox does not play " .. row.name) and mine[row.name]
        compared = compared + 1
        assert.equal(row.method, route.method, row.name)
        local whole = row.path:gsub("%b[]", "") -- optional parts have routes of their own
        assert.equal((whole:gsub("{[^}]+}", "{}")), (route.path:gsub("{[^}]+}", "{}")), row.name)
      end
      assert.is_true(compared >= 5)
    end)
  end
end)

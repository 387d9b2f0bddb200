-- The annotations beside each C module and the loaded module name the same functions, both ways.
local core = require "sluice.core"

local function declared(text)
  local names = {}
  for module, name in text:gmatch "\nfunction ([%w_]+)%.([%w_]+)%(" do
    if module:match "^%l" then names[name] = true end
  end
  return names
end

describe("annotations", function()
  for module_name, text in pairs(core.annotations()) do
    it("of sluice." .. module_name .. " match the loaded module", function()
      local module, names = require("sluice." .. module_name), declared(text)
      for name, value in pairs(module) do
        if type(value) == "function" then
          assert.is_true(names[name], ("sluice.%s.%s has no annotation"):format(module_name, name))
        end
      end
      for name in pairs(names) do
        assert.equal("function", type(module[name]), ("sluice.%s.%s is annotated but does not exist"):format(module_name, name))
      end
    end)
  end

  it("is a check that can fail", function()
    assert.same({ a = true }, declared "\nfunction m.a(x) end\nfunction Class.b() end\n")
  end)
end)

-- docs/apis.md: it leads to the reference pages (reference_spec.lua holds those) and names each helper.
local definition = require "sluice.definition"
local tmp = require "support.tmp"

-- Rows `name` | … of the section of an API: name -> the rest of the row.
local function rows_of(page, api)
  local section = page:match("\n## " .. api .. "\n(.-)\n## ")
  local rows = {}
  for name, rest in (section or ""):gmatch "\n| `([%w_]+)` | ([^\n]+)" do rows[name] = rest end
  return rows, section
end

describe("docs/apis.md", function()
  local page = tmp.read "docs/apis.md"

  for _, api in ipairs { "stock2shop", "productsup_stream", "productsup_platform", "veeqo" } do
    it("leads to the reference of " .. api .. " and names its helpers", function()
      local def, named = definition.load(api), {}
      local rows, section = rows_of(page, api)
      assert.is_truthy(section:find("](reference/" .. api .. ".md)", 1, true))
      for name in pairs(def.helpers) do
        assert.is_string(rows[name], name)
        named[name] = true
      end
      for name in pairs(rows) do assert.is_true(named[name], name .. " is no helper") end
    end)
  end
end)

-- docs/config.md names each key of the schema and of the connections, and no others.
local definition = require "sluice.definition"
local schema = require "sluice.config.schema"
local tmp = require "support.tmp"

-- heading -> { key = true }, from the first cells of the tables below it.
local function keys_in(page)
  local sections, current = {}, nil
  for line in page:gmatch "[^\n]+" do
    local heading = line:match "^##+ (.+)$"
    if heading then
      current = {}
      sections[heading] = current
    end
    for key in (current and line:match "^| (`[^|]*`) |" or ""):gmatch "`([%w_]+)`" do current[key] = true end
  end
  return sections
end

local function set(rows, by)
  local names = {}
  for key, row in pairs(rows) do names[by and row[by] or key] = true end
  return names
end

describe("docs/config.md", function()
  local sections = keys_in(tmp.read "docs/config.md")

  it("names the keys of the file and of schedules", function()
    assert.same(set(schema.root.fields), sections["Keys"])
    assert.same(set(schema.schedule.fields), sections["schedules"])
    for _, name in ipairs { "keep", "serve", "notify" } do assert.same(set(schema[name].fields), sections[name]) end
    for key in pairs(schema.retry.fields) do assert.matches("`" .. key .. "`", tmp.read "docs/config.md", 1, true) end
  end)

  it("names the keys of connections", function()
    local common = set(definition.common_keys, "name")
    assert.same(common, sections["Every connection"])
    for _, name in ipairs { "stock2shop", "productsup_stream", "productsup_platform", "veeqo" } do
      local own = set(definition.connection_keys(definition.load(name)), "name")
      for key in pairs(common) do own[key] = nil end
      assert.same(own, sections[name])
    end
  end)

  it("names the defaults", function()
    local page = tmp.read "docs/config.md"
    local written = { timeout = "60s", deadline = "10m", index_lag = "120s" }
    local seconds = require("sluice.config.values").duration
    for _, row in ipairs(definition.connection_keys(definition.load "stock2shop")) do
      if written[row.name] then
        assert.equal(row.default, seconds(written[row.name]))
        assert.matches("| `" .. row.name .. "` | duration | " .. written[row.name] .. " |", page, 1, true)
      end
    end
  end)

  it("names how long things stay", function()
    local page = tmp.read "docs/config.md"
    for name, row in pairs(schema.keep.fields) do
      assert.matches(("| `%s` | duration | %dd |"):format(name, row.default // 86400), page, 1, true)
    end
  end)

  it("is compared by a check that can fail", function()
    assert.same({ A = { x = true, y = true }, B = {} }, keys_in "## A\n| `x`, `y` | t |\n### B\n| x | `y` |\n")
  end)
end)

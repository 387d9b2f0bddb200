--- The manual pages, made from what they describe: `sluice help --man NAME` writes one as roff, `make docs` puts them into
--- docs/man.
---
---   pages.text "sluice.1"     sluice(1), from the commands' options and usages; sluice.yaml.5; sluice-lua.7
local command = require "sluice.manual.command"
local roff = require "sluice.manual.roff"
local text = require "sluice.text"

local pages = {}

-- ---- sluice(1) ----

local FILES = {
  { "sluice.yaml", "the config: the next one upward from the working directory, or what -c names; see sluice.yaml(5)" },
  { ".sluice/state.db", "the store: cursors, the ledger of runs, the outbox, schedules (`store:` of the config)" },
  { ".sluice/dlq/", "dead letters beside the store: records that were rejected, with the reasons" },
  { "apis/NAME.lua", "beside sluice.yaml: definitions of APIs of your own" },
  { "~/.local/state/sluice/", "rate budgets and login tokens that all projects of a user share (`shared:` of the config, or below $XDG_STATE_HOME)" },
}

local function add_rows(page, rows)
  for _, row in ipairs(rows) do page:item(row[1], command.meaning(row)) end
end

local function add_command(page, name)
  local about = command.read(name, require(require("sluice.cli").commands[name]))
  page:subheading("sluice " .. name)
  page:text(about.about .. ".")
  for _, line in ipairs(about.synopsis) do page:item(line.words, line.about or "") end
  add_rows(page, about.options)
  local examples = {}
  for _, one in ipairs(about.examples) do
    if one.about then examples[#examples + 1] = "# " .. one.about end
    examples[#examples + 1] = one.words
  end
  for _, note in ipairs(about.notes) do page:text(note) end
  if examples[1] then page:example(examples) end
end

local function sluice_page()
  local page = roff.new { name = "sluice", section = 1, about = "move records between commerce APIs" }
  page:heading "SYNOPSIS"
  page:text "`sluice` COMMAND [argument ...]"
  page:heading "DESCRIPTION"
  page:text("sluice runs recipes, written in Lua, that move records between commerce APIs: at the rate each API allows, losing none, doubling "
    .. "none, and able to say afterwards what became of every one. Results go to standard output, the rest to standard error.")
  page:heading "OPTIONS"
  page:text "All commands take these."
  add_rows(page, require("sluice.cli").options)
  page:heading "COMMANDS"
  for _, name in ipairs(text.keys(require("sluice.cli").commands)) do add_command(page, name) end
  page:heading "EXIT STATUS"
  add_rows(page, require("sluice.fail").exits)
  page:heading "ENVIRONMENT"
  add_rows(page, require "sluice.manual.environment")
  page:heading "FILES"
  add_rows(page, FILES)
  page:heading "SEE ALSO"
  page:text "sluice.yaml(5), sluice-lua(7), `sluice help` TOPIC"
  return page:finish()
end

-- ---- sluice.yaml(5) ----

-- The first config of docs/config.md, which a spec loads.
local function example_config()
  local lines, source = {}, assert(require("sluice.core").file "docs/config.md", "docs/config.md is not built in")
  for line in source:match("\n```yaml\n(.-)```"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

local function yaml_page()
  local page = roff.new { name = "sluice.yaml", section = 5, about = "connections, schedules and settings of sluice" }
  page:heading "DESCRIPTION"
  page:text("The next `sluice.yaml` upward from the working directory is read, or what `-c` names. A key that is not known is an error with "
    .. "its line, its column and the nearest known one; `sluice check` finds all of them. Relative paths start at the file's folder.\n\n"
    .. "`${NAME}` and `${NAME:-default}` in a value are replaced from the environment. A secret may be written as `\"${NAME}\"`, "
    .. "`{ file: PATH }` or `{ command: [PROGRAM, ARGUMENT] }`. A duration is written like 30s, 15m, 2h or 1h30m, a number alone is seconds; "
    .. "a size like 256MB or 1GiB; a rate like 30/s or 60/min.")
  for _, section in ipairs(require("sluice.manual.config").sections()) do
    page:heading((section.name:gsub("^config%.?", ""):gsub("^$", "keys"):upper():gsub("%.", ": ")))
    page:text(section.about .. ".")
    for _, row in ipairs(section.rows) do
      page:item(row.key, ("%s%s. %s"):format(row.type, row.default and (row.default:find "^this or" or row.default == "required")
        and ", " .. row.default or row.default and ", default " .. row.default or "", row.about or ""))
    end
  end
  page:heading "EXAMPLE"
  page:example(example_config())
  page:heading "SEE ALSO"
  page:text "sluice(1), sluice-lua(7), `sluice help config`, `sluice check`"
  return page:finish()
end

-- ---- sluice-lua(7) ----

local function add_values(page, fn)
  for _, param in ipairs(fn.params) do
    page:item(param.name .. (param.optional and "?" or ""), ("%s%s"):format(param.type, param.doc ~= "" and ": " .. param.doc or ""))
  end
  for _, value in ipairs(fn.returns) do
    page:item("returns", ("%s%s"):format(value.type, value.doc ~= "" and ": " .. value.doc or ""))
  end
end

local function add_class(page, class)
  if #class.fields == 0 then return end
  page:subheading(class.name)
  if class.doc ~= "" then page:text(class.doc .. ".") end
  for _, field in ipairs(class.fields) do
    page:item(field.name .. (field.optional and "?" or ""), ("%s%s"):format(field.type, field.doc ~= "" and ": " .. field.doc or ""))
  end
end

local function add_module(page, name)
  local module = require("sluice.manual.modules").page(name)
  page:heading(name == "sluice" and name or "sluice." .. name)
  page:text(module.about)
  for _, fn in ipairs(module.functions) do
    page:item(fn.call, fn.doc)
    if #fn.params + #fn.returns > 0 then page:within(function() add_values(page, fn) end) end
  end
  for _, class in ipairs(module.classes) do add_class(page, class) end
end

local function lua_page()
  local page = roff.new { name = "sluice-lua", section = 7, about = "modules that recipes can require" }
  page:heading "DESCRIPTION"
  page:text("A recipe says `local json = require \"sluice.json\"`, or `local sluice = require \"sluice\"` and `sluice.json`. Seconds are the unit of "
    .. "every duration, bytes of every size. A module gives nil and an error value when the world fails, and raises when the call is wrong; "
    .. "iterators, `sluice.state` and clients of APIs raise in both cases. What is marked (waits) lets other tasks go on meanwhile.")
  add_module(page, "sluice")
  for _, name in ipairs(require("sluice.manual.modules").public) do add_module(page, name) end
  page:heading "ERRORS"
  page:text "Codes of error values, with the exit codes that they give."
  local err, fail = require "sluice.err", require "sluice.fail"
  for _, code in ipairs(err.codes()) do page:item(code, ("exit code %d"):format(fail.exit_code(err.new { code = code, message = "x" }))) end
  page:heading "SEE ALSO"
  page:text "sluice(1), sluice.yaml(5), `sluice help` MODULE, `sluice api`"
  return page:finish()
end

local makers = { ["sluice.1"] = sluice_page, ["sluice.yaml.5"] = yaml_page, ["sluice-lua.7"] = lua_page }

--- The names of the pages, with their sections.
---@return string[]
function pages.names() return text.keys(makers) end

--- A page as roff; nil where there is no such one.
---@param name string
---@return string?
function pages.text(name) return makers[name] and makers[name]() or nil end


return pages

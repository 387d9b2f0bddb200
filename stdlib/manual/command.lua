--- What a command says of itself, as data: for `sluice help`, the manual page and completion.
---
---   local about = command.read("runs", require "sluice.runs_command")
---   about.synopsis[1]     { words = "sluice runs list [--state WORD] [-n N]", about = "the newest runs…", verb = "list" }
---
--- A command module has `about` (one line), `options` (rows as in sluice.options) and `usage`, paragraphs with empty lines
--- between: the ways to call it, a line each ("usage: sluice runs show ID   what it does"); examples ("  sluice runs show 12");
--- and what else is to be known. Two spaces or more stand before what a line means.
local options = require "sluice.options"

local command = {}

local WIDTH = 118
local NAME_MAX = 44 -- what is longer has its meaning below it

-- The words of a line, and what stands behind two spaces or more.
local function halves(line)
  local words, about = line:match "^(.-)%s%s+(%S.*)$"
  return words or line, about
end

local function paragraphs(text)
  local list = {}
  for paragraph in (text .. "\n\n"):gmatch "(.-)\n\n+" do
    if paragraph ~= "" then list[#list + 1] = paragraph end
  end
  return list
end

local function synopsis_of(name, paragraph)
  local list = {}
  for line in paragraph:gmatch "[^\n]+" do
    local words, about = halves((line:gsub("^usage: ", ""):gsub("^%s+", "")))
    local verb = words:match("^sluice " .. name .. " (%l+)%f[^%w]") or words:match("^sluice " .. name .. " %[(%l+)%]$")
    list[#list + 1] = { words = words, about = about, verb = verb }
  end
  return list
end

-- Lines that are indented further belong to what the example before them means.
local function examples_of(paragraph)
  local list = {}
  for line in paragraph:gmatch "[^\n]+" do
    if line:find "^  %S" then
      local words, about = halves(line:sub(3))
      list[#list + 1] = { words = words, about = about }
    else
      list[#list].about = (list[#list].about or "") .. " " .. line:match "^%s*(.*)$"
    end
  end
  return list
end

local function is_examples(paragraph) return paragraph:find "^  sluice " ~= nil end

--- All that a command says.
---@param name string
---@param module { about: string, usage?: string, options?: sluice.options.Row[] }
---@return { name: string, about: string, synopsis: table[], examples: table[], options: sluice.options.Row[], notes: string[] }
function command.read(name, module)
  local about = { name = name, about = module.about, synopsis = {}, examples = {}, options = {}, notes = {} }
  for _, row in ipairs(module.options or {}) do
    if not row.hidden then table.insert(about.options, row) end
  end
  for i, paragraph in ipairs(paragraphs(module.usage or "usage: sluice " .. name)) do
    if i == 1 then about.synopsis = synopsis_of(name, paragraph)
    elseif is_examples(paragraph) then
      local more = examples_of(paragraph)
      table.move(more, 1, #more, #about.examples + 1, about.examples)
    else table.insert(about.notes, (paragraph:gsub("\n$", "")))
    end
  end
  return about
end

--- The subcommands in their order.
---@param about table as command.read gives it
---@return { verb: string, about?: string, words: string }[]
function command.verbs(about)
  local list, seen = {}, {}
  for _, line in ipairs(about.synopsis) do
    if line.verb and not seen[line.verb] then
      seen[line.verb] = true
      list[#list + 1] = line
    end
  end
  return list
end

-- ---- text ----

local function wrapped(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and utf8.len(line) + utf8.len(word) + 1 + #indent > WIDTH then
      lines[#lines + 1], line = line, word
    else line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

--- What an option does, with the subcommands that have it and the words that it takes.
---@param row sluice.options.Row
---@return string
function command.meaning(row)
  local words = {}
  for i, word in ipairs(row.words or {}) do words[i] = tostring(word) end
  return (row.only and row.only:gsub(" ", ", ") .. ": " or "") .. row[2] .. (row.words and "; one of " .. table.concat(words, ", ") or "")
    .. (row.many and not row[2]:find "often" and "; may be given often" or "")
end

--- Options, or other rows of a name and what it means, as lines.
---@param rows sluice.options.Row[]
---@return string
function command.option_lines(rows)
  local width, lines = 0, {}
  for _, row in ipairs(rows) do width = math.max(width, #row[1] <= NAME_MAX and #row[1] or 0) end
  local indent = (" "):rep(width + 4)
  for i, row in ipairs(rows) do
    local gap = #row[1] <= width and (" "):rep(width - #row[1] + 2) or "\n" .. indent
    lines[i] = ("  %s%s%s\n"):format(row[1], gap, wrapped(command.meaning(row), indent))
  end
  return table.concat(lines)
end

--- What `sluice help COMMAND` prints.
---@param name string
---@param module table
---@return string
function command.text(name, module)
  local parts, rows, placed = {}, command.option_lines(command.read(name, module).options), false
  for i, paragraph in ipairs(paragraphs(module.usage or "")) do
    if i > 1 and not is_examples(paragraph) and not placed then
      parts[#parts + 1], placed = rows, true
    end
    parts[#parts + 1] = paragraph:gsub("\n$", "") .. "\n"
  end
  if not placed then parts[#parts + 1] = rows end
  for i = #parts, 1, -1 do
    if parts[i] == "" then table.remove(parts, i) end
  end
  return ("sluice %s: %s\n%s%s"):format(name, module.about, #parts > 0 and "\n" or "", table.concat(parts, "\n"))
end

--- Whether the command's parser, or all commands, take an option.
---@param about table
---@param word string "--limit", "-n"
---@return boolean
function command.has(about, word)
  for _, row in ipairs(about.options) do
    local letter, name = options.spelt(row)
    if word == "--" .. name or letter and word == "-" .. letter then return true end
  end
  return false
end

return command

--- `sluice limits`: every rate budget of this machine, where its rate comes from and how full it is.
local text = require "sluice.text"

local limits = {
  about = "Show every rate budget, where its rate comes from, how full it is",
  usage = [[
usage: sluice limits [WORD …] [--json]

  sluice limits                  all budgets that were used
  sluice limits 124773           those in whose host, account, class or resource a word is found
  sluice limits --json           one array of { host, account, class, resource, rates, from, fill, waiting, sending, sent,
                                 limited, waited, blocked, wait, interval, learnt, idle }; times are seconds

All processes of a user on this machine share them; they are in the per-user folder ($XDG_STATE_HOME/sluice, else
~/.local/state/sluice, or `shared:` of the config).

from      definition: the API's; connection: `limits:` of the connection; learnt: a header or a 429 said less
full      0 %: a request could go at once; 100 %: the next one waits for a whole interval; more: nothing goes for longer
waiting   processes in line; sending: requests under way; limited: answers 429
]],
}

local function folder_of(globals)
  local config = require "sluice.config"
  if globals.config or config.find() then return config.load(globals.config).shared end
end

-- Opening makes the file; where nobody has used a budget there is none to show.
local function exists(folder)
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  local dir = folder or state and state:sub(1, 1) == "/" and state .. "/sluice" or (home or "") .. "/.local/state/sluice"
  return require("lfs").attributes(dir .. "/budgets", "mode") == "file"
end

local function has_words(row, words)
  local all = ("%s %s %s %s"):format(row.host, row.account, row.class, row.resource)
  for _, word in ipairs(words) do
    if not all:find(word, 1, true) then return false end
  end
  return true
end

local function by_key(a, b)
  for _, field in ipairs { "host", "account", "class" } do
    if a[field] ~= b[field] then return a[field] < b[field] end
  end
  return a.resource < b.resource
end

--- The rows of the budgets in which all words are found, sorted.
---@param folder? string
---@param words string[]
---@return sluice.limit.Row[]
function limits.rows(folder, words)
  local list = {}
  for _, row in ipairs(exists(folder) and require("sluice.limit").shared(folder) or {}) do
    if has_words(row, words) then list[#list + 1] = row end
  end
  table.sort(list, by_key)
  return list
end

local function rate_text(row)
  if not row.learnt then return row.rates end
  return ("%.3g/s of %s"):format(row.learnt, row.rates)
end

local function cells(row)
  local full = ("%.0f %%"):format(row.fill * 100)
  if row.blocked > 0 then full = ("blocked %.1f s"):format(row.blocked) end
  return { row.host, row.account, row.class, row.resource, rate_text(row), row.from, full, row.waiting, row.sending, row.sent,
    row.limited, ("%.1f s"):format(row.waited) }
end

function limits.command(argv, globals)
  local words = require("sluice.options").parse(argv, { command = "sluice limits" })
  local rows = limits.rows(folder_of(globals), words)
  if globals.json then
    local json = require "sluice.json"
    io.write(json.encode(json.array(rows)), "\n")
    return 0
  end
  local lines = { { "host", "account", "class", "resource", "rate", "from", "full", "waiting", "sending", "sent", "limited", "waited" } }
  for i, row in ipairs(rows) do lines[i + 1] = cells(row) end
  if #rows > 0 then io.write(text.table(lines)) end
  if #rows == 0 and not globals.quiet then require("sluice.log").print "no budget was used yet\n" end
  return 0
end

return limits

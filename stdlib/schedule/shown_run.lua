--- A row of the ledger as a table for people and programs.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local times = require "sluice.schedule.times"

local shown_run = {}

local SUMS = { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" }
local by_signal = { [129] = true, [130] = true, [143] = true }

--- What became of it, in one word.
---@param row sluice.RunRow
---@return string
function shown_run.word(row)
  if row.state ~= "finished" then return row.state end
  if row.outcome then return row.outcome end
  if by_signal[row.exit_code] then return "cancelled" end
  return row.exit_code == 0 and "ok" or row.exit_code == 3 and "partial" or "failed"
end

local function sums_of(row)
  if not row.read then return nil end
  local sums = {}
  for _, name in ipairs(SUMS) do sums[name] = row[name] or 0 end
  return sums
end

local function moved(sums)
  local parts = {}
  for _, name in ipairs(SUMS) do
    if sums and sums[name] > 0 then parts[#parts + 1] = ("%d %s"):format(sums[name], name) end
  end
  return table.concat(parts, ", ")
end

local function sentence(row, word, sums, seconds)
  if word == "running" then return ("running for %s"):format(times.span(seconds)) end
  if word == "stopped" then return "stopped by a restart of the daemon; another run goes on with it" end
  if word == "lost" then return "lost: its process was gone and had not said how it ended" end
  local what = row.error and row.error ~= "" and row.error:match "^[^\n]*" or moved(sums)
  local code = word == "failed" and row.exit_code and (" (exit %d)"):format(row.exit_code) or ""
  return ("%s%s after %s%s"):format((word:gsub("_", " ")), code, times.span(seconds or 0), what ~= "" and ": " .. what or "")
end

--- The run of a row. `occurrence`: that of its schedule, where it has one.
---@param row sluice.RunRow
---@param ctx { schedule?: table, occurrence?: sluice.OccurrenceRow, now: number }
---@return sluice.view.Run
function shown_run.of(row, ctx)
  local word, sums = shown_run.word(row), sums_of(row)
  local finish = row.finished or word == "running" and ctx.now
  local seconds = finish and math.max(0, finish - row.started) or nil
  return {
    id = row.id, recipe = row.recipe, args = json.decode(row.args or "") or {}, word = word, tone = fate.tone(word),
    text = sentence(row, word, sums, seconds), schedule = row.schedule, occurrence = row.occurrence,
    due = ctx.occurrence and fate.time(ctx.schedule, ctx.occurrence.due) or nil, attempt = row.attempt,
    pid = word == "running" and row.pid ~= 0 and row.pid or nil,
    started = fate.time(ctx.schedule, row.started), ended = fate.time(ctx.schedule, row.finished),
    seconds = seconds, exit_code = row.exit_code, error = row.error ~= "" and row.error or nil, log = row.log ~= "" and row.log or nil,
    sums = sums, requests = row.requests,
    requests_by_outcome = row.outcomes and require("sluice.json").decode(row.outcomes) or nil,
    batches = row.batches, waited = row.waited, peak_bytes = row.peak_bytes,
  }
end

return shown_run

--- What a run says at its end: a table for people on standard error, one JSON document with --json, a row in the ledger.
local time = require "sluice.time"
local grouped = require("sluice.text").grouped
local log = require "sluice.log"

local summary = {}

local SHOWN = 5 -- reasons for rejecting; all are in the dead letters

local function verdicts(batches)
  local counts, names = {}, {}
  for _, batch in ipairs(batches) do
    if not counts[batch.verdict] then names[#names + 1] = batch.verdict end
    counts[batch.verdict] = (counts[batch.verdict] or 0) + 1
  end
  table.sort(names)
  return counts, names
end

local function call_stats()
  if not package.loaded["sluice.call"] then return { requests = 0, retries = 0, waited = 0, waited_budget = 0, limited = 0 } end
  return require("sluice.call").stats()
end

--- The figures of a run.
---@param run sluice.Run
---@param code integer exit code
---@param problem any the error it ended with, or nil
---@return table
function summary.of(run, code, problem)
  local stats, counts = call_stats(), verdicts(run.batches)
  local all = { recipe = run.name, run = run.id, exit_code = code, error = problem and log.mask(tostring(problem)) or nil }
  for kind, n in pairs(run.sums) do all[kind] = n end
  all.batches, all.requests, all.retries = counts, stats.requests, stats.retries
  all.requests_by_outcome = stats.outcomes and next(stats.outcomes) and stats.outcomes or nil
  all.limited, all.waited, all.paused = stats.limited, stats.waited_budget, stats.waited - stats.waited_budget
  all.seconds = time.mono() - run.started
  all.cpu_seconds, all.peak_bytes = time.cpu(), time.peak_bytes()
  all.dead_letters = run.dead_letters and not run.aside and run.dead_letters.path or nil
  all.would_send = run.dry and run.dry:data() or nil
  for _, one in ipairs(run.dead_letters and run.dead_letters.reasons or {}) do
    all.rejected_by_reason = all.rejected_by_reason or {}
    all.rejected_by_reason[one.reason] = one.count
  end
  if next(run.reasons) then all.skipped_by_reason = run.reasons end
  all.ledger = {
    exit_code = code, error = all.error, read = all.read, added = all.added, sent = all.sent, unchanged = all.unchanged,
    skipped = all.skipped, rejected = all.rejected, unknown = all.unknown, batches = #run.batches,
    requests = all.requests, waited = all.waited, peak_bytes = all.peak_bytes,
    moved = run.moved, delivered = run.delivered,
    outcomes = all.requests_by_outcome and require("sluice.json").encode(all.requests_by_outcome, { sort = true }) or nil,
  }
  return all
end

local function batch_text(run)
  local counts, names = verdicts(run.batches)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = counts[name] .. " " .. name end
  return grouped(#run.batches) .. (#parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or "")
end

local function lines_of(run, all)
  local lines = {}
  local function row(label, text) lines[#lines + 1] = ("  %-10s %s"):format(label, text) end
  for _, kind in ipairs { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" } do
    if all[kind] > 0 or kind == "read" or kind == "sent" or kind == "unchanged" or kind == "rejected" then
      row(kind, grouped(all[kind]) .. (kind == "rejected" and all.dead_letters and ", kept in " .. all.dead_letters or ""))
    end
  end
  for reason, n in pairs(run.reasons) do row("", grouped(n) .. " skipped: " .. reason) end
  for i, one in ipairs(run.dead_letters and run.dead_letters.reasons or {}) do
    if i <= SHOWN then row("", ("%s rejected: %s"):format(grouped(one.count), one.reason)) end
  end
  row("batches", batch_text(run))
  for i, line in ipairs(run.dry and run.dry:lines() or {}) do row(i == 1 and "would send" or "", line) end
  row("requests", grouped(all.requests) .. (all.retries > 0 and (" (%d resent)"):format(all.retries) or "")
    .. (all.limited > 0 and (" (%d limited)"):format(all.limited) or ""))
  row("waited", ("%.1f s for the rate budget%s"):format(all.waited, all.waited > all.seconds and ", all tasks together" or "")
    .. (all.paused >= 0.1 and (", %.1f s before resends"):format(all.paused) or ""))
  row("time", ("%.1f s, %.1f s CPU"):format(all.seconds, all.cpu_seconds))
  row("memory", ("%.0f MB at most"):format(all.peak_bytes / 1e6))
  return lines
end

local function write_file(path, text)
  local out = require("sluice.ndjson").writer(path)
  out:write(text)
  out:close()
end

-- Texts alone: a secret of digits must not break a number.
local function masked(value)
  if type(value) == "string" then return log.mask(value) end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[masked(key)] = masked(item) end
  return out
end

--- Shows it: nothing for a script that counted nothing.
function summary.print(run, all)
  all.ledger = nil
  all = masked(all)
  if run.options.summary then write_file(run.options.summary, all) end
  if run.options.json then
    io.stdout:write(require("sluice.json").encode(all), "\n")
    return
  end
  local worked = run.dry or all.read + all.sent + #run.batches > 0
  local told = all.exit_code == 0 or all.error ~= nil -- else the table is all that says why it is not 0
  if not worked and run.watches and all.exit_code == 0 and not run.options.quiet then
    return log.print(run.name .. ": done, nothing has changed\n")
  end
  if not worked or (run.options.quiet and told) then return end
  local how = run.dry and ", dry run: nothing was sent" or ""
  log.print(run.name .. (all.exit_code == 0 and ": done" or ": exit " .. all.exit_code) .. how .. "\n"
    .. table.concat(lines_of(run, all), "\n") .. "\n")
end

return summary

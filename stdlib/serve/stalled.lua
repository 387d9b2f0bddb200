--- Green but stuck: whether a schedule whose runs all say "ok" has stopped doing its work. Pure.
---
---   local reason = stalled.of(runs)      -- the schedule's newest runs, newest first, with their sums
---
--- Each rule asks for a past that was different, and for several runs in a row, so that a quiet Sunday is none of it.
local stalled = {}

--- So many good runs in a row must look alike before it is said.
stalled.IN_A_ROW = 3
--- A fall to zero counts only against so many runs before, ...
stalled.PAST = 5
--- ... of which at least this part sent something.
stalled.USUAL = 0.8
--- The same digest counts only where the runs have sent at least so many records.
stalled.RECORDS = 1

local function good(runs)
  local list = {}
  for _, run in ipairs(runs) do
    if run.state == "finished" and (run.exit_code == 0 or run.exit_code == 3) then list[#list + 1] = run end
  end
  return list
end

local function all(runs, from, upto, holds)
  for i = from, upto do
    if not runs[i] or not holds(runs[i]) then return false end
  end
  return true
end

local function sent(run) return run.sent or 0 end

--- The cursor stays where it is although there is data: each of the last runs read or sent something and moved no cursor,
--- and an earlier one did move one.
local function cursor_stands(runs)
  local n = stalled.IN_A_ROW
  if not all(runs, 1, n, function(run) return run.moved == 0 and (run.read or 0) + sent(run) > 0 end) then return nil end
  for i = n + 1, #runs do
    if (runs[i].moved or 0) > 0 then
      return ("the last %d runs read data, but their cursor did not move"):format(n)
    end
  end
end

--- The same again: the last runs delivered the very same records, and not because nothing else was to be sent ever.
local function repeats(runs)
  local n, first = stalled.IN_A_ROW, runs[1]
  if not first or not first.delivered or sent(first) < stalled.RECORDS then return nil end
  if not all(runs, 1, n, function(run) return run.delivered == first.delivered end) then return nil end
  for i = n + 1, #runs do
    if runs[i].delivered and runs[i].delivered ~= first.delivered then
      return ("the last %d runs sent the same %d records again"):format(n, sent(first))
    end
  end
end

--- Nothing any more: the last runs read and sent nothing, where nearly all before them did.
local function dried_up(runs)
  local n = stalled.IN_A_ROW
  if not all(runs, 1, n, function(run) return sent(run) == 0 and (run.read or 0) == 0 end) then return nil end
  local past, with, sum = 0, 0, 0
  for i = n + 1, #runs do
    past = past + 1
    if sent(runs[i]) > 0 then with, sum = with + 1, sum + sent(runs[i]) end
  end
  if past < stalled.PAST or with / past < stalled.USUAL then return nil end
  return ("the last %d runs had nothing at all; the %d before sent %.0f records on average"):format(n, past, sum / past)
end

--- Why a schedule counts as stalled, as a sentence; nil where it does not. Failed runs are not looked at: they are seen.
---@param runs sluice.RunRow[] newest first
---@return string?
function stalled.of(runs)
  local list = good(runs)
  return cursor_stands(list) or repeats(list) or dried_up(list)
end

return stalled

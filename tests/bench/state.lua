-- The bench's row of bulk state: writes of the outbox (handed in, marked as sent, settled) and dead letters in chunks of 10,000 rows
-- with a payload of 200 bytes, each chunk on the disk before the next; beside the same rows by python's sqlite3 (executemany,
-- synchronous = FULL). Rows in a second of wall clock: what is waited for is the disk. In an outbox each step writes each row,
-- so a write counts three times there, for both. The floor is three quarters of what is wanted.
local json = require "sluice.json"

local WANTED, FLOOR = 150000, 0.75
local CHUNKS, SIZE = 20, 10000
local PARTS = {
  { "outbox: handed in", "plan" }, { "outbox: sent", "send" }, { "outbox: settled", "settle" },
  { "outbox: all three", "plan", "send", "settle", floor = true }, { "dead letters", "letters", floor = true },
}

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), "it fails: " .. command)
  return (text:gsub("%s+$", ""))
end

local function rate(spent, part)
  local seconds = 0
  for i = 2, #part do seconds = seconds + spent[part[i]] end
  return (#part - 1) * CHUNKS * SIZE / seconds
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function medians(spents)
  local result = {}
  for i, part in ipairs(PARTS) do
    local list = {}
    for k, spent in ipairs(spents) do list[k] = rate(spent, part) end
    result[i] = median(list)
  end
  return result
end

local function rounds_of(bench, folder, ours, theirs)
  local with = ("chunks=%d size=%d"):format(CHUNKS, SIZE)
  for _ = 1, bench.rounds do
    assert(os.execute(("rm -rf %s && mkdir -m 700 %s && printf 'version: 1\\nstore: sqlite:ours.db\\n' > %s/sluice.yaml"):format(folder, folder,
      folder)))
    table.insert(ours, json.decode(output_of(("%s run -q -c %s/sluice.yaml tests/bench/peers/state_sluice.lua %s 2>/dev/null; test $? = 3")
      :format(bench.sluice, folder, with))))
    if bench.python then
      table.insert(theirs, json.decode(output_of(("python3 tests/bench/peers/state_sqlite.py %s %d %d"):format(folder, CHUNKS, SIZE))))
      output_of(("python3 tests/bench/peers/state_sqlite.py same %s"):format(folder))
    end
  end
end

local function lines_of(ours, theirs)
  local lines, missed = { { "bulk state", "rows/s", "wanted", "python sqlite3", "x python", "" } }, 0
  for i, part in ipairs(PARTS) do
    local good = not part.floor or ours[i] >= WANTED * FLOOR
    if not good then missed = missed + 1 end
    lines[i + 1] = { part[1], ("%.0f"):format(ours[i]), part.floor and (">= %.0f"):format(WANTED * FLOOR) or "",
      theirs and ("%.0f"):format(theirs[i]) or "",
      theirs and ("%.2f"):format(ours[i] / theirs[i]) or "", part.floor and (good and "ok" or "MISSED") or "" }
  end
  return lines, missed
end

--- `with`: sluice, dir, rounds. Gives the lines of the table, how many figures are missed, the peers that are not here.
return function(with)
  local folder = os.getenv "STATE_DIR" or with.dir .. "/state"
  local ours, theirs = {}, {}
  with.python = os.execute "python3 -c 'import sqlite3' >/dev/null 2>&1" == true
  local kind = output_of(("mkdir -p %s && stat -f -c %%T %s"):format(folder, folder))
  if kind == "tmpfs" or kind == "ramfs" then error(folder .. " is in memory, not on a disk: STATE_DIR names another folder", 0) end
  rounds_of(with, folder, ours, theirs)
  local lines, missed = lines_of(medians(ours), with.python and medians(theirs) or nil)
  lines[#lines + 1] = { ("in %s (%s)"):format(folder, kind) }
  assert(os.execute("rm -rf " .. folder))
  return lines, missed, with.python and {} or { "python3 sqlite3" }
end

-- make bench: one table, our figure beside each installed peer's. CPU seconds (user and system), medians of rounds in
-- which the candidates take turns, so that a machine whose speed drifts does so for all of them.
package.path = "tests/?.lua;" .. package.path
local json = require "sluice.json"
local text = require "sluice.text"
local args = ...

local sluice, rounds = args.sluice, math.tointeger(tonumber(args.rounds))
local build = sluice:match "^(.*)/[^/]*$"
local dir = build .. "/bench"
local here = "tests/bench"
assert(os.execute("mkdir -p " .. dir))

local function have(program)
  return os.execute("command -v " .. program .. " >/dev/null 2>&1") == true
end

local function capture(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "a"
  pipe:close()
  return (out:gsub("%s+$", ""))
end

local function measure(command)
  local out = dir .. "/figures.json"
  local quoted = "'" .. ("exec " .. command):gsub("'", "'\\''") .. "'"
  os.execute(("%s/tests/measure %s sh -c %s >%s/out 2>%s/err"):format(build, out, quoted, dir, dir))
  local file = assert(io.open(out), "no figures for: " .. command)
  local figures = assert(json.decode(file:read "a"))
  file:close()
  if figures.status ~= 0 then
    local problem = io.open(dir .. "/err"):read "a"
    error(("status %d: %s\n%s"):format(figures.status, command, problem:sub(1, 2000)), 0)
  end
  return figures
end

local function median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[(n + 1) // 2] or (list[n // 2] + list[n // 2 + 1]) / 2
end

-- candidates: { { name, command, floor }, … }, ours first. `floor`: how many times its CPU ours must be under (>= 1 where
-- we must be faster), or the share of ours that we may cost at most (ceiling = …).
local table_rows = { { "row", "who", "cpu s", "rss MB", "x ours", "wanted", "" } }
local failed = 0

local function verdict(ratio, want)
  if not want then return "", "" end
  local good = ratio >= want
  if not good then failed = failed + 1 end
  return (">= %.2f"):format(want), good and "ok" or "MISSED"
end

-- A figure of our own with its ceiling, in the table's columns.
local function judge(who, figures, shown, most, row)
  local good = shown <= most
  if not good then failed = failed + 1 end
  table_rows[#table_rows + 1] = { row or "", who, ("%.3f"):format(figures.cpu), ("%.1f"):format(figures.rss_mb), ("%.2f"):format(shown),
    ("<= %.2f"):format(most), good and "ok" or "MISSED" }
end

-- options, of our own figure: { bytes = read, rate = MB per CPU second that we must reach }. Gives ours: { cpu, rss_mb }.
local function race(name, candidates, options)
  local times = {}
  for i in ipairs(candidates) do times[i] = { cpu = {}, rss = 0 } end
  for _ = 1, rounds do
    for i, one in ipairs(candidates) do
      if one.before then one.before() end
      local figures = measure(one.command)
      table.insert(times[i].cpu, figures.cpu)
      times[i].rss = math.max(times[i].rss, figures.rss_mb)
    end
  end
  local ours = median(times[1].cpu)
  for i, one in ipairs(candidates) do
    local cpu = median(times[i].cpu)
    local ratio = cpu / ours
    local want, word = verdict(ratio, one.want)
    if i == 1 and options then
      local rate = options.bytes / ours / 1e6
      word = rate >= options.rate and "ok" or "MISSED"
      if word ~= "ok" then failed = failed + 1 end
      want = ("%.0f of %.0f MB/s"):format(rate, options.rate)
    end
    table_rows[#table_rows + 1] = { i == 1 and name or "", one.name, ("%.3f"):format(cpu), ("%.1f"):format(times[i].rss),
      ("%.2f"):format(ratio), want, word }
  end
  return { cpu = ours, rss_mb = times[1].rss }
end

local missing = {}
local function peer(list, program, entry)
  if have(program) then list[#list + 1] = entry else missing[program] = true end
end

-- ---- rows ----

local rows = {}

-- A bare nginx on a free port answers the HTTP rows.
local function with_nginx(fn)
  local nginx = require "support.nginx"
  local server = nginx.start {
    server = "client_body_buffer_size 4m; " .. "location / { return 200 '{\"ok\":true}'; }",
  }
  local ok, problem = pcall(fn, server.url)
  server:stop()
  if not ok then error(problem, 0) end
end

rows.http = function()
  local floor = build .. "/bench/http_small"
  assert(os.execute(("cc -O2 -o %s %s/peers/http_small.c -lcurl"):format(floor, here)))
  with_nginx(function(url)
    local n = 20000
    local function ours(size) return ("%s run %s/peers/http_%s_sluice.lua url=%s/ n=%d"):format(sluice, here, size, url, n) end
    local list = { { name = "sluice", command = ours "small" } }
    list[2] = { name = "libcurl multi in C", want = 1 / 1.6, command = ("%s %s/ %d"):format(floor, url, n) }
    peer(list, "python3", { name = "python http.client", want = 2, command = ("python3 %s/peers/http_small.py %s/ %d"):format(here, url, n) })
    race("http, 20,000 small", list)
    n = 1000
    list = { { name = "sluice", command = ours "big" } }
    local python = ("python3 %s/peers/http_big.py %s/ %d"):format(here, url, n)
    peer(list, "python3", { name = "python http.client", want = 0.6, command = python })
    race("http, 1,000 x 2 MB", list)
  end)
end

-- What a start and an idle daemon cost.
for _, name in ipairs { "startup", "repl", "idle" } do
  rows[name] = function()
    local lines, missed, absent = dofile(here .. "/starts.lua")[name] { sluice = sluice, build = build, dir = dir, rounds = rounds }
    io.write(text.table(lines), "\n")
    failed = failed + missed
    for _, program in ipairs(absent) do missing[program] = true end
  end
end

-- Chunks of the outbox and of dead letters, on the disk.
function rows.state()
  local lines, missed, absent = dofile(here .. "/state.lua") { sluice = sluice, dir = dir, rounds = rounds }
  io.write(text.table(lines), "\n")
  failed = failed + missed
  for _, program in ipairs(absent) do missing[program] = true end
end

-- What a slot of a rate budget costs that all processes of a machine share.
rows.slots = function()
  local tool, n, folder = build .. "/bench/slots", 1000000, dir .. "/slots.d"
  local libs = capture "pkg-config --cflags --libs sqlite3 libcurl yaml-0.1 libmicrohttpd zlib libcrypto"
  assert(os.execute(("cc -O2 -D_GNU_SOURCE -Iruntime -o %s %s/peers/slots.c %s/runtime/*/*.o %s -lm"):format(tool, here, build, libs)))
  assert(os.execute(("rm -rf %s; mkdir -m 700 %s"):format(folder, folder)))
  race("a million slots", { { name = "sluice, mapped file", command = ("%s mapped %d %s"):format(tool, n, folder) },
    { name = "SQLite row, WAL NORMAL", want = 2, command = ("%s sqlite %d %s"):format(tool, n, folder) } })
end

-- Eight processes on one account for a minute, against the sandbox at the real rates: no 429, the whole rate, equal shares.
-- Not among the usual rows, since it takes minutes: `make bench ROWS=shares`.
rows.shares = function()
  local crowd, seconds = require "support.crowd", tonumber(os.getenv "SECONDS" or 60)
  local cases = { { "3/s", kind = "shop" }, { "3/s, 4 of 8 killed", kind = "shop", kill = 4 }, { "30/s", kind = "feed" },
    { "30/s, 4 of 8 killed", kind = "feed", kill = 4 }, { "30/s, a clock stepped", kind = "feed", step = 3600, back = 100 },
    { "30/s, one in faketime", kind = "feed", faketime = true } }
  local lines = { { "8 processes, " .. seconds .. " s", "sent of allowed", "largest : smallest share", "429s", "" } }
  for _, case in ipairs(cases) do
    case.processes, case.seconds = 8, seconds
    local r = crowd.run(case)
    local good = r.share >= 0.98 and r.spread <= 1.1 and r.refused == 0 and #r.errors == 0
    if not good then failed = failed + 1 end
    lines[#lines + 1] = { case[1], ("%.1f %%"):format(r.share * 100), ("%.3f"):format(r.spread), r.refused, good and "ok" or "MISSED" }
  end
  io.write(text.table(lines))
end

-- What a due time costs; nothing is wanted of it. Not among the usual rows: `make bench ROWS=cron`.
rows.cron = function() io.write(text.table(dofile(here .. "/cron.lua").rows())) end

-- 10,000 schedules in one daemon, within what is wanted. It waits for a whole minute: `make bench ROWS=schedules`.
rows.schedules = function()
  local with = { sluice = sluice, dir = dir, count = tonumber(os.getenv "SCHEDULES" or 10000), idle = tonumber(os.getenv "IDLE" or 20) }
  local lines, missed, has_peer = dofile(here .. "/schedules.lua").rows(with)
  io.write(text.table(lines))
  failed = failed + missed
  if not has_peer then missing["python3-apscheduler"] = true end
end

-- What stays in memory, whatever goes through: a target of its own, `make memory SIZE=0.01`.
rows.memory = function()
  local with = { sluice = sluice, build = build, dir = dir, size = tonumber(os.getenv "SIZE" or 1) }
  local lines, missed = dofile(here .. "/memory.lua").rows(with)
  io.write(text.table(lines))
  failed = failed + missed
end

-- Groups of rows in files of their own; each gives the names of its usual rows.
local usual = { "http", "startup", "repl", "idle", "slots", "state" }
local bench = { rows = rows, race = race, peer = peer, sluice = sluice, build = build, dir = dir, here = here, rounds = rounds,
  measure = measure, judge = judge }
for _, group in ipairs { "records", "tables", "uploads", "feed" } do
  local names = dofile(("%s/%s.lua"):format(here, group))(bench)
  rows[group] = function() for _, name in ipairs(names) do rows[name]() end end
  usual[#usual + 1] = group
end

local wanted = args.rows ~= "" and args.rows or table.concat(usual, " ")
for name in wanted:gmatch "%S+" do
  io.stderr:write("bench: ", name, "\n")
  local row = rows[name] or error("there is no row " .. name, 0)
  row()
end
if #table_rows > 1 then io.write(text.table(table_rows)) end
io.write(("\nCPU seconds, medians of %d interleaved rounds; 'x ours': how many times ours it costs. Machine: %s, %s cores, %s.\n")
  :format(rounds, capture "uname -m", capture "nproc", capture "date +%Y-%m-%d"))
for program in pairs(missing) do
  io.write("missing: ", program, "\n")
  failed = failed + 1
end
if failed > 0 then error(failed .. " rows miss what is wanted, or their peer", 0) end

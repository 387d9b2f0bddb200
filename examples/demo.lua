-- The main job, three times, against the sandbox: what `make demo` runs.
--   first all 25,000 products, then the 41 that have changed, then nothing
local crypto = require "sluice.crypto"
local http = require "sluice.http"
local json = require "sluice.json"
local task = require "sluice.task"
local text = require "sluice.text"

local args = ...
local sluice = args.sluice or "sluice"
local products = math.tointeger(tonumber(args.products or 25000))
local stream = "124773" -- the sandbox has this one

local dir = (os.getenv "TMPDIR" or "/tmp") .. "/sluice-demo-" .. crypto.md5(crypto.random(8)):sub(1, 8)
assert(os.execute("mkdir -m 700 '" .. dir .. "'"))

local function read(path)
  local file = io.open(path)
  if not file then return "" end
  local all = file:read "a"
  file:close()
  return all
end

-- The sandbox is a process of its own, as the real servers are.
local function start_sandbox()
  local pipe = io.popen(("%s sandbox --port 0 --products %d --rates high --quiet >'%s/sandbox' 2>&1 & echo $!")
    :format(sluice, products, dir))
  local pid = pipe:read "l"
  pipe:close()
  for _ = 1, 300 do
    local url = read(dir .. "/sandbox"):match "http://[%d%.:]+"
    if url then return pid, url end
    task.sleep(0.1)
  end
  error("the sandbox did not start:\n" .. read(dir .. "/sandbox"), 0)
end

local function write_config(url)
  local file = assert(io.open(dir .. "/sluice.yaml", "w"))
  file:write(([[
version: 1
store: sqlite:state.db
shared: shared
connections:
  shop:
    api: stock2shop
    base_url: "%s"
    username: sandbox
    password: sandbox
    limits: { api: 100/s }
  feed:
    api: productsup_stream
    base_url: "%s"
    token: sandbox-token
    limits: { products: 100/s }
]]):format(url, url))
  file:close()
end

local function control(url, path, body)
  local res = assert(http.post(url .. path, { body = json.encode(body), repeatable = false }))
  assert(res.status == 200, res.body)
end

-- One run of the recipe: its summary, as the JSON document that --json gives.
local function run(title)
  io.stdout:write("\n", title, "\n")
  io.stdout:flush()
  local recipe = args.recipe or "scripts/delta_feed.lua"
  local ok, how, code = os.execute(("%s run -c '%s/sluice.yaml' '%s' from=shop to=feed stream=%s --summary='%s/summary.json'")
    :format(sluice, dir, recipe, stream, dir))
  if not ok then error(("the run ended with %s %d"):format(how, code), 0) end
  return assert(json.decode(read(dir .. "/summary.json")))
end

local function verdicts(counts)
  local parts = {}
  for verdict, n in pairs(counts) do parts[#parts + 1] = n .. " " .. verdict end
  table.sort(parts)
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

local function row(name, s)
  return { name, text.grouped(s.read), text.grouped(s.sent), text.grouped(s.unchanged), text.grouped(s.rejected), verdicts(s.batches),
    tostring(s.requests), ("%.1f s"):format(s.waited), ("%.0f MB"):format(s.peak_bytes / 1e6), ("%.1f s"):format(s.seconds) }
end

local function expect(name, s, sent)
  if s.sent ~= sent or s.rejected ~= 0 then
    error(("%s run sent %d products (%d rejected), expected %d"):format(name, s.sent, s.rejected, sent), 0)
  end
end

local function demo(url)
  write_config(url)
  io.stdout:write(("A sandbox at %s plays Stock2Shop (%s products) and the Productsup Stream API.\n")
    :format(url, text.grouped(products)))
  io.stdout:write "It allows 1,000 times the real rates; the connections are limited to 100 requests a second instead of 3 and 30.\n"
  local rows = { { "run", "read", "sent", "unchanged", "rejected", "batches", "requests", "waited", "memory", "time" } }
  local first = run("First run: everything.")
  control(url, "/sandbox/touch", { count = 40 })
  control(url, "/sandbox/add", { count = 1 })
  local second = run("40 products are touched and 1 is added. Second run: exactly those 41.")
  local third = run("Third run: nothing has changed.")
  rows[2], rows[3], rows[4] = row("first", first), row("second", second), row("third", third)
  io.stdout:write("\n", text.table(rows))
  expect("the first", first, products)
  expect("the second", second, 41)
  expect("the third", third, 0)
end

local pid, url = start_sandbox()
local ok, problem = pcall(demo, url)
os.execute("kill " .. pid .. "; rm -rf '" .. dir .. "'")
if not ok then error(problem, 0) end

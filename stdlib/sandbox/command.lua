-- The command line of `sluice sandbox`.
local options = require "sluice.options"

local function usage(text, ...)
  require("sluice.err").raise { code = "usage", message = "sluice sandbox: " .. text:format(...), hint = "sluice help sandbox" }
end

local whole, number, one_of = options.whole(), options.number, options.one_of

local function high_or_not(word)
  local value, expected = one_of("high", "normal")(word)
  return value and (value == "high" and 1000 or 1), expected
end

local function on_or_off(word)
  local value, expected = one_of("on", "off")(word)
  return value and value == "on", expected
end

local function milliseconds(word)
  local n, expected = number(word)
  return n and n / 1000, expected
end

local M = {
  about = "The four APIs on localhost, with their rules and with faults to order",
  usage = [[
usage: sluice sandbox [option …]

  sluice sandbox --products 100 --rates high
  sluice sandbox --port 0 --fault 'status status=503 path=/streams/* nth=2'

It prints connections for sluice.yaml and serves until Ctrl-C. GET /sandbox/ lists its control pages.
]],
  options = {
    { "--port N", "port to listen on (8085; 0: a free one)", read = whole },
    { "--host ADDRESS", "address (127.0.0.1)" },
    { "--products N", "products in the shop (25000)", read = whole },
    { "--seed N", "what they are like (1)", read = whole },
    { "--lag SECONDS", "the search index is so far behind (0)", read = number },
    { "--crowd N", "so many products share one second (0)", read = whole },
    { "--rates HOW", "high: all rates a thousand times as high (normal)", read = high_or_not, words = { "high", "normal" } },
    { "--rate-scale X", "all rates times X", read = number },
    { "--latency MS", "each answer comes so much later", read = milliseconds },
    { "--import-after SECONDS", "batches are processed then", read = number },
    { "--user NAME", "of Stock2Shop (sandbox)" },
    { "--password WORD", "of Stock2Shop (sandbox)" },
    { "--role ROLE", "that the user has" },
    { "--token TOKEN", "of the Stream API (sandbox-token)" },
    { "--platform-token ID:SECRET", "of the Platform API (1234:sandbox)" },
    { "--process-queue SECONDS", "a process of a site is queued so long (1)", read = number },
    { "--process-time SECONDS", "and then runs so long (2)", read = number },
    { "--process-window SECONDS", "a site takes one process in so long (300)", read = number },
    { "--strict-time HOW", "off: a site takes the next process at once, without that window (on)", read = on_or_off, words = { "on", "off" } },
    { "--fault SPEC", "goes wrong to order, may be given often; kinds: status delay reset_before reset_after cut truncate stall malformed "
      .. "garbage", many = true },
    { "--log FILE", "one line per request" },
    { "--quiet", "prints the URL only" },
    { "--dead-token N", "what a dead Stock2Shop token gets", words = { 401, 403, 200 } },
    { "--all-failed N", "what an upload gets of which nothing was accepted", words = { 422, 202 } },
    { "--delete-answer N", "what deletes get", words = { 202, 204 } },
    { "--first-line N", "number of the first line in errors", words = { 0, 1 } },
    { "--legacy-gone N", "what writing product data to a site gets (it works)", words = { 403, 404, 410 } },
    { "--refuse-id-ranges", "the search takes no ranges over id" },
    { "--null-links", "missing page links are null" },
    { "--referenced-min N", "smallest upload to a referenced stream in bytes", read = whole },
    { "--orders N", "orders at the start (0)", read = whole },
    { "--order-delay SECONDS", "they leave the queue then (0)", read = number },
    { "--queue-delay SECONDS", "queued products are applied then (0)", read = number },
    { "--queue-rate N", "so many a second (0: all at once)", read = number },
    { "--count-ignored", "queued products that will be ignored are counted in the answer all the same" },
    { "--summary SHAPE", "the queue's summary", words = { "counts", "list" } },
    { "--order-codes HOW", "the index has channel_order_code as a keyword (found by its exact text) or as text (its words)",
      words = { "keyword", "text" } },
    { "--refuse-id-sort", "the search of orders does not sort by id" },
    { "--veeqo-key KEY", "key of Veeqo (sandbox-key)" },
    { "--veeqo-bucket N", "what its bucket holds (100)", read = whole },
    { "--veeqo-products N", "products there (30)", read = whole },
    { "--veeqo-orders N", "orders there (40)", read = whole },
    { "--veeqo-past-end N", "what a page behind the last gets", words = { 200, 404 } },
    { "--veeqo-lag SECONDS", "until words find what is new (0)", read = number },
  },
}

-- Options of start() that are not called as the command's.
local called = { user = "username", rates = "rate_scale", log = "log_file", fault = "faults" }

local function parse(argv)
  local _, given = options.parse(argv, { command = "sluice sandbox", rows = M.options, none = true })
  local chosen = { port = 8085 }
  if given["rate-scale"] then given.rates = nil end
  for name, value in pairs(given) do chosen[called[name] or name:gsub("%-", "_")] = value end
  local faults = chosen.faults or {}
  chosen.faults = nil
  return chosen, faults
end

-- The client keeps the documented window by itself, unless its connection says otherwise.
local NO_WINDOW = ', limits: { process: 10/s }'

local function connections(sb)
  return ([[
connections:
  shop: { api: stock2shop, base_url: "%s", queue_url: "%s", username: "%s", password: "%s", client_id: 21 }
  feed: { api: productsup_stream, base_url: "%s", token: "%s" }
  site: { api: productsup_platform, base_url: "%s", token: "%s"%s }
  depot: { api: veeqo, base_url: "%s", api_key: "%s" }
]]):format(sb.url, sb.url, sb.options.username, sb.options.password, sb.url, sb.options.token, sb.url, sb.options.platform_token,
    sb.options.strict_time and "" or NO_WINDOW, sb.url, sb.options.veeqo_key)
end

local function announce(sb, quiet, as_json)
  if as_json then
    local json = require "sluice.sandbox.json"
    print(json.encode(json.object("url", sb.url, "port", sb.port, "stream", "124773", "username", sb.options.username, "password",
      sb.options.password, "token", sb.options.token, "platform_token", sb.options.platform_token, "site", 123,
      "veeqo_key", sb.options.veeqo_key)))
  elseif quiet then
    print(sb.url)
  else
    print(("%s has %d products (seed %d), the streams 124773 (chunked) and 224773 (referenced) and the site 123; GET /sandbox/ for more")
      :format(sb.url, sb.options.products, sb.options.seed))
    print("# for sluice.yaml:\nversion: 1\n" .. connections(sb))
  end
  io.stdout:flush()
end

local function open_log(path)
  local file, problem = io.open(path, "a")
  if not file then require("sluice.err").raise { code = "state", message = "can't write the log: " .. problem } end
  file:setvbuf "line"
  return file
end

---Serves until a signal. `start` is sandbox.start.
function M.run(start, argv, globals)
  local task = require "sluice.task"
  local chosen, faults = parse(argv)
  local quiet = chosen.quiet or (globals and globals.quiet)
  local file = chosen.log_file and open_log(chosen.log_file)
  chosen.quiet, chosen.log_file = nil, nil
  if file then chosen.log = function(line) file:write(line) end end
  local sb = start(chosen)
  for _, words in ipairs(faults) do
    local ok, problem = pcall(sb.fault, sb, words)
    if not ok then usage("--fault '%s': %s", words, type(problem) == "table" and problem.sandbox_usage or tostring(problem)) end
  end
  announce(sb, quiet, globals and globals.json)
  while not task.stopping() do pcall(task.sleep, 3600) end
  sb:stop()
  if file then file:close() end
  return 0
end

return M

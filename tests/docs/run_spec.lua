-- Every fenced block of README.md and docs/*.md is run as it stands, in a project whose connections are a sandbox: each line of `sh`,
-- each block of `lua`. What is not run here is named below with its reason, or the spec that runs it; a block that is in no list is run,
-- and so a page can't have one that nobody has tried. `yaml` is loaded by blocks_spec.lua; docs/reference by reference_spec.lua.
local blocks = require "support.blocks"
local tmp = require "support.tmp"
local workshop = require "support.workshop"

-- ---- what is not run here ----

-- page -> { beginning of a block, or text in it, or "*" and its kind, or "*" for all -> the spec that runs or compares it }.
local ELSEWHERE = {
  ["docs/operate.md"] = { ["sluice state export backup.db"] = "tests/docs/operate_spec.lua", ["rm -f state.db"] = "tests/docs/operate_spec.lua" },
  ["docs/own_api.md"] = { ["*"] = "tests/docs/own_api_spec.lua" },
  ["docs/repl.md"] = {
    ["> shop.sources {}"] = "tests/docs/repl_spec.lua", ["> feed.stream {"] = "tests/docs/repl_spec.lua",
    ["> feed.upload_products {"] = "tests/docs/repl_spec.lua", ["> .save first.lua"] = "tests/docs/repl_spec.lua",
    ["*text"] = "tests/docs/repl_view_spec.lua",
  },
  ["docs/tutorial.md"] = { ["*"] = "tests/docs/tutorial_spec.lua" },
  ["docs/serve.md"] = { ["curl -s http"] = "tests/docs/serve_spec.lua" },
  ["docs/testing.md"] = {
    ["describe(\"delta_feed\""] = "tests/docs/testing_spec.lua", ["replay \"tests/stream.har\""] = "tests/docs/testing_spec.lua",
  },
}

-- Blocks that are no commands of ours: page -> { text in it -> why }.
local NOT_RUN = {
  ["README.md"] = {
    ["> found = shop.search_products"] = "a part of docs/repl.md and docs/tutorial.md, whose specs type it",
    ["git clone …"] = "clones and builds: what `make test` itself has done", ["runtime/   the C core"] = "a map of folders",
  },
  ["docs/commands.md"] = {
    ["[############"] = "what is drawn on a terminal", ['"event":"progress"'] = "what is printed: compared with events below",
  },
  ["docs/delta_feed.md"] = {
    ["PATH=/usr/local/bin"] = "a crontab", ["scripts/delta_feed: exit 3"] = "what is printed: compared with a summary below",
  },
  ["docs/operate.md"] = {
    ["17 3 * * *"] = "a crontab", ["useradd --system"] = "changes the machine", ["sudo -u sluice"] = "needs that user",
    ["FROM debian"] = "a Dockerfile",
  },
  ["docs/serve.md"] = { ["scrape_configs"] = "Prometheus' config" },
}

-- Lines that take more than running them: { pattern, fn(project, line) -> done }.
local HOW = {
  { "^sluice serve$", function(p, line) return p:start_and_stop(line, "the page is http") end },
  { "^sluice sandbox", function(p, line) return p:start_and_stop(line:find "%-%-port" and line or line .. " --port 0", "http://127") end },
  { "^export ", function() return { status = 0 } end }, -- the project has them
  { "^curl .*127.0.0.1:8085", function(p, line) return p:sh((line:gsub("http://127.0.0.1:8085", p.sandbox.url))) end },
  { "^sluice schedule trigger delta full:=true %-%-wait", function(p, line)
    local done = p:sh(line)
    assert.matches("no daemon is running", done.stderr, 1, true) -- why it is refused; specs of schedules run it with one
    return { status = 0 }
  end },
  { "^sluice runs logs", function(p, line) -- logs are kept of runs of schedules
    p:sh "sluice serve --once; sluice schedule trigger delta; sluice serve --once"
    local list = require("sluice.json").decode(p:sh("sluice runs list --schedule delta --json").stdout)
    return p:sh((line:gsub("%d+", tostring(list[1].id))))
  end },
  { "^sluice schedule", function(p, line)
    p:sh "sluice serve --once" -- a schedule can be steered once a daemon has seen it
    return p:sh(line)
  end },
}

-- Exit codes other than 0, and why.
local CODES = {
  ["sluice runs cancel 12"] = 1, -- it is over
  ["sluice dlq retry 12"] = 3, -- what was rejected has no id still
}

-- ---- projects of pages ----

local function block_with(page, text)
  for _, block in ipairs(blocks.of(tmp.read(page))) do
    if block.text:find(text, 1, true) then return block.text end
  end
  error(("%s has no block with %s"):format(page, text))
end

-- A run with dead letters: it stands for the run 12 of the pages.
local function rejected_run(p)
  p:write("reject.lua", block_with("docs/recipes.md", "retry = function"))
  local done = p:sh "sluice run reject.lua to=feed stream=124773 from=bad.ndjson"
  assert.equal(3, done.status, done.stderr)
  p.run = require("sluice.json").decode(p:sh("sluice runs list --json").stdout)[1].id
end

local PREPARE = {
  ["docs/commands.md"] = function(p)
    p:write("scripts/report.lua", "print 'a report'\n")
    p:write("look.lua", "shop.sources{}\n")
    rejected_run(p)
    p:sh "mkdir -p .local/share/bash-completion/completions .zfunc .config/fish/completions"
    local done = p:sh "sluice run scripts/post_orders.lua to=shop file=orders.ndjson channel_id=47"
    assert.equal(0, done.status, done.stderr)
    p:write("products.ndjson", '{"id":"a1","name":"A thing","title":"x","qty":60,"price":2,"variants":[{"price":3}]}\n')
  end,
  ["docs/delta_feed.md"] = function(p)
    rejected_run(p)
    p:write("streams.lua", block_with("docs/delta_feed.md", "-- streams.lua"))
  end,
  ["docs/recipes.md"] = function(p) p:write("send.lua", block_with("docs/recipes.md", "least = {")) end,
  ["docs/config.md"] = function(p)
    p:write("scripts/mine.lua", "print 'mine'\n")
  end,
}

-- Arguments of blocks of Lua, by a text in them.
local ARGUMENTS = {
  ["Send the products that changed"] = "from=shop to=feed stream=124773",
  ["Send a file of products to a stream"] = "from=products.ndjson to=feed stream=124773",
  ["Post orders, each once"] = "to=shop file=orders.ndjson", ["-- letters.lua"] = "file=$(ls .sluice/dlq/*)",
  ["http.post(args.hook)"] = "url=$SANDBOX/sandbox/ hook=$SANDBOX/sandbox/",
}

-- What a block has in the place of something that a test must not reach.
local function tamed(p, text)
  text = text:gsub('api = "productsup_stream", token = ', ('api = "productsup_stream", base_url = "%s", token = '):format(p.sandbox.url))
  text = text:gsub('token = "…"', 'token = "sandbox-token"')
  text = text:gsub("https://shop.example/products.ndjson", p.sandbox.url .. "/sandbox/requests") -- lines of JSON
  return (text:gsub('"tail", "%-f"', '"tail", "-n1"')) -- which ends
end

-- ---- running ----

local function place(page, block, more) return ("%s:%d: %s"):format(page, block.line, more or "") end

local function found_in(list, block)
  for text, reason in pairs(list or {}) do
    if block.text:find(text, 1, true) then return text, reason end
  end
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    line = line:gsub("%s+#%s.*$", "")
    if line ~= "" then list[#list + 1] = line end
  end
  return list
end

-- What a line gives, in the words of assert: nil where it is as it should be.
local function run_line(p, line)
  if p.run then line = line:gsub("%f[%d]12%f[%D]", tostring(p.run)) end
  for _, how in ipairs(HOW) do
    if line:find(how[1]) then return how[2](p, line) end
  end
  return p:sh(line)
end

-- What is wrong with a block is put into faults.
local function run_block(p, page, block, faults)
  local function note(done, line)
    if done.status == (CODES[line] or 0) and done.said ~= false then return end
    faults[#faults + 1] = place(page, block, ("%s: exit code %s\n%s%s"):format(line, done.status, done.stdout or "", done.stderr or ""))
  end
  if block.kind == "sh" then
    for _, line in ipairs(lines_of(block.text)) do note(run_line(p, line), line) end
  elseif block.kind == "lua" then
    p:write("block.lua", tamed(p, block.text))
    local _, args = found_in(ARGUMENTS, block)
    note(p:sh("sluice run block.lua " .. (args or "")), "sluice run block.lua")
  else
    faults[#faults + 1] = place(page, block, "nobody says what becomes of a block of kind '" .. block.kind .. "'")
  end
end

-- The blocks of a page that are to be run, and which names of the lists stood for something.
local function to_run(page, list, used)
  local left = {}
  for _, block in ipairs(list) do
    local named = false
    for _, names in ipairs { ELSEWHERE[page] or {}, NOT_RUN[page] or {} } do
      for text in pairs(names) do
        local found = text == "*" or text == "*" .. block.kind or block.text:find(text, 1, true) ~= nil
        named, used[page .. ": " .. text] = named or found, used[page .. ": " .. text] or found
      end
    end
    if not named and block.kind ~= "yaml" then left[#left + 1] = block end
  end
  return left
end

describe("the examples of", function()
  local used = {}

  for _, page in ipairs(blocks.pages()) do
    local left = page:find "^docs/reference/" and {} or to_run(page, blocks.of(tmp.read(page)), used)
    if #left > 0 then
      it(page .. " run", function()
        local p = workshop.new()
        finally(function() p:stop() end)
        if PREPARE[page] then PREPARE[page](p) end
        local faults = {}
        for _, block in ipairs(left) do run_block(p, page, block, faults) end
        assert.equal("", table.concat(faults, "\n"))
      end)
    end
  end

  it("the lists are all there, and so are the specs that run them", function()
    for _, list in ipairs { ELSEWHERE, NOT_RUN } do
      for page, names in pairs(list) do
        for name, reason in pairs(names) do
          assert.is_true(used[page .. ": " .. name], ("%s has no block with: %s"):format(page, name))
          if list == ELSEWHERE then assert.is_true(#tmp.read(reason) > 0) end
        end
      end
    end
  end)

  it("a summary have the lines that a run prints", function()
    local p = workshop.new()
    finally(function() p:stop() end)
    rejected_run(p)
    -- The words of a line, without what differs from run to run.
    local function labels(text)
      local list = {}
      for line in text:gmatch "\n(  [^\n]+)" do
        list[#list + 1] = line:gsub("%d[%d,.]*", "N"):gsub(": [^\n]*", ""):gsub("kept in %S+", "kept in FILE")
      end
      return list
    end
    local printed, shown = {}, labels(block_with("docs/delta_feed.md", "scripts/delta_feed: exit 3"))
    for _, line in ipairs(labels(p:sh("sluice run reject.lua to=feed stream=124773 from=bad.ndjson").stderr)) do printed[line] = true end
    for _, line in ipairs(shown) do assert.is_true(printed[line] or line:find "^  batches" ~= nil, line) end
    assert.is_true(#shown > 8)
  end)

  it("progress are events as a run prints them", function()
    local json, fields, events, n = require "sluice.json", {}, {}, 0
    local p = workshop.new()
    finally(function() p:stop() end)
    local page = tmp.read "docs/commands.md"
    for cell in page:match("\n## Progress\n(.-)\n## "):gmatch "\n| (`[^|]*) |" do
      for name in cell:gmatch "`([%l_]+)`" do fields[name] = true end
    end
    local done = p:sh "sluice run scripts/delta_feed.lua from=shop to=feed stream=124773 --json"
    for line in done.stderr:gmatch "{[^\n]+" do
      for name in pairs(json.decode(line)) do events[name], n = true, n + 1 end
    end
    for name in pairs(events) do assert.is_true(fields[name], name .. " is not in the docs") end
    for line in block_with("docs/commands.md", '"event":"progress"'):gmatch "[^\n]+" do
      for name in pairs(json.decode(line)) do assert.is_true(events[name], name .. " is in no event") end
    end
    assert.is_true(n > 10)
  end)

  it("pages are run by a check that can fail", function()
    local p, faults, seen = workshop.new(), {}, {}
    finally(function() p:stop() end)
    for _, block in ipairs(blocks.of "```sh\nsluice call shop surces\nsluice version  # fine\n```\n```lua\nerror 'no'\n```\n```text\nodd\n```\n") do
      run_block(p, "x.md", block, faults)
    end
    assert.equal(3, #faults)
    assert.matches("^x.md:1: sluice call shop surces: exit code 2\n.*did you mean 'sources'", faults[1])
    assert.matches("^x.md:5: sluice run block.lua: exit code 1\n", faults[2])
    assert.matches("^x.md:8: nobody says what becomes of a block of kind 'text'", faults[3])
    local left = to_run("docs/serve.md", blocks.of "```sh\ncurl -s http\n```\n```sh\nx\n```\n", seen)
    assert.same({ 1, "x\n" }, { #left, left[1].text })
    assert.is_true(seen["docs/serve.md: curl -s http"])
    assert.is_false(p:start_and_stop("sh -c 'echo something else'", "never said").said)
  end)
end)

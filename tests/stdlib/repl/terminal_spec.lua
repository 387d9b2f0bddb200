-- The prompt in a terminal: what its other specs, which have none, can't see.
local scripted = require "support.scripted"
local tmp = require "support.tmp"
local tmux = require "support.tmux"
local typist = require "support.typist"
local walkthrough = require "support.walkthrough"

describe("sluice repl in a terminal", function()
  if not tmux.there() then
    it("is tried with tmux", function() pending "there is no tmux here" end)
    return
  end

  local dir, prompt, api
  local function start(config, env)
    dir = tmp.dir()
    if config then tmp.write(dir .. "/sluice.yaml", config) end
    local argv = walkthrough.new({ dir = dir, env = env }):argv "exec sluice repl"
    prompt = typist.start { argv = argv, cwd = config and dir or "/", columns = 150, rows = 30 } -- nothing is above /
  end
  after_each(function()
    prompt:stop()
    if api then api:close() end
    api = nil
  end)

  it("says why there is no connection", function()
    start()
    prompt:check("> shop.sources {}\nerror: there is no global 'shop'\n  hint: there are no connections: no sluice.yaml is in … or above it\n"
      .. "> shop\nerror: there is no global 'shop'\n…\n> .connections\nno connections: there is no sluice.yaml here, or it has none", "> ")
    prompt:stop()
    start "version: 1\nconnections: [\n"
    prompt:check("> 1 + 1\nerror: sluice.yaml:…\n…\n> shop\nerror: there is no global 'shop'\n"
      .. "  hint: there are no connections, since sluice.yaml has a mistake: mend it, and start the prompt again\n"
      .. "> .connections\nno connections: sluice.yaml has a mistake", "> ")
  end)

  it("takes what is pasted line by line, TABs as they are", function()
    start()
    local lines = { "function sum(n)", "\tlocal all = 0" }
    for i = 1, 30 do lines[#lines + 1] = ("\tall = all\t+ n -- %d äöü 日本"):format(i) end
    table.move({ "\treturn all", "end", "[[a\tb]]", "sum(2)" }, 1, 4, #lines + 1, lines)
    prompt.terminal:paste(table.concat(lines, "\n") .. "\n")
    local seen = prompt.terminal:wait("\n60\n>%s*$", true)
    assert.is_truthy(seen:find('"a\\tb"', 1, true), seen)
    assert.is_nil(seen:find("error", 1, true), seen)
  end)

  it("takes no answer to a write from what was pasted with it, or typed ahead", function()
    start()
    api = scripted.start(function() return { json = {} } end)
    local write = ("sluice.http.post('%s/x')"):format(api.url)
    local t = prompt.terminal
    for _, give in ipairs { function() t:paste(write .. "\ny\n") end,
      function()
        t:line("sluice.task.sleep(1) " .. write)
        t:line "y"
      end } do
      give()
      t:wait("send it%? %[y/N%]%s*$", true)
      t:line "n"
      t:wait("not sent.*\n>%s*$", true)
      t:mark()
    end
    assert.same({}, api.requests)
    t:line(write)
    t:wait("send it%? %[y/N%]%s*$", true)
    t:line "y"
    t:wait("1 request\n>%s*$", true)
    assert.equal(1, #api.requests)
  end)

  it("stops what runs, what is typed, and does nothing else then", function()
    start()
    local t = prompt.terminal
    for _, chunk in ipairs { "while true do end", "for i = 1, 1e12 do if i % 1e6 == 0 then print 'x' end end", "sluice.task.sleep(600)" } do
      t:line(chunk .. " -- runs")
      t:wait "runs\n"
      if chunk:find "print" then t:wait "x\nx\n" end
      t:keys "C-c"
      t:wait("%^C.*\nstopped\n>%s*$", true)
      t:mark()
    end
    t:line "for i = 1, 3 do"
    t:wait("\n>>%s*$", true)
    t:type "half a li"
    t:keys "C-c"
    t:wait("half a li%^C\n>%s*$", true)
    t:mark()
    prompt:check("> 1 + 1\n2", "> ")
  end)

  it("leaves Ctrl-C to the pager, however often", function()
    local pager = tmp.write(tmp.dir() .. "/slowly", "trap '' INT\ncat\necho 'all of it'\nread line < /dev/tty\n")
    start(nil, { PAGER = "sh " .. pager })
    local t = prompt.terminal
    t:line "local list = {} for i = 1, 50 do list[i] = i end json(list)"
    t:wait "all of it"
    for _ = 1, 6 do t:keys "C-c" end
    t:wait(("^C"):rep(6))
    t:keys "Enter"
    local seen = t:wait("\n>%s*$", true)
    assert.is_nil(seen:find("stopped", 1, true), seen)
    t:mark()
    prompt:check("> #list\n50", "> ")
  end)

  it("does a chunk that Ctrl-R has found with one Enter", function()
    start()
    prompt:check("> print('the ' .. 'first')\nthe first\n> 2\n2", "> ")
    prompt.terminal:keys "C-r"
    prompt.terminal:type "fir"
    prompt.terminal:wait "print('the ' .. 'first')"
    prompt.terminal:keys "Enter"
    prompt.terminal:wait("the first\n>%s*$", true)
  end)
end)

-- A line that is edited, by a script on a terminal of its own.
local edit = require "sluice.edit"
local process = require "sluice.process"
local terminal = require "support.terminal"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local HEAD = [[
local edit, task = require "sluice.edit", require "sluice.task"
local editor <close> = assert(edit.open { history = 5 })
local function say(...) io.write("[", table.concat({ ... }, "|"), "]\n") end
]]

-- What a script shows that reads lines while these steps are done.
local function script(text, steps)
  return terminal.run({ sluice, "run", tmp.write(tmp.dir() .. "/edit.lua", HEAD .. text) }, steps)
end

describe("edit", function()
  it("gives a line with its characters, whole", function()
    local shown, status = script([[say(editor:read "name: ")]], { { "name: ", "M\u{FC}sli \u{65E5}\u{672C}\r" } })
    assert.equal(0, status)
    assert.is_truthy(shown:find("[line|Müsli 日本|13]", 1, true), shown)
  end)

  it("says what TAB, Ctrl-C and Ctrl-D are, and goes on with the line behind TAB", function()
    local shown = script([[
      for i = 1, 6 do say(i, editor:read(i .. "> ")) end
    ]], { { "1> ", "shop:so\t" }, { "[1|complete|shop:so|7]", "u\r" }, { "3> ", "gone\3" }, { "4> ", "ab\1\4\r" },
      { "5> ", "\4" }, { "6> ", "last\r" } })
    for _, said in ipairs { "[2|line|shop:sou|8]", "[3|interrupt]", "[4|line|b|1]", "[5|eof]" } do
      assert.is_truthy(shown:find(said, 1, true), said .. "\n" .. shown)
    end
    assert.is_truthy(shown:find("[6|line|last|4]", 1, true), shown)
  end)

  it("ends with a Ctrl-D that was typed before the prompt was there, and not with Ctrl-Space", function()
    local shown = script([[
      say "ready"
      task.sleep(0.3) -- what is typed late is a Ctrl-D as well
      for i = 1, 4 do say(i, editor:read(i .. "> ")) end
    ]], { { "[ready]", "ahead\r\4" }, { "3> ", "a\0b\r" }, { "4> ", "\4" } })
    for _, said in ipairs { "[1|line|ahead|5]", "[2|eof]", "[3|line|ab|2]", "[4|eof]" } do
      assert.is_truthy(shown:find(said, 1, true), said .. "\n" .. shown)
    end
  end)

  it("puts text in place of what stands before the cursor, characters whole", function()
    local shown = script([[
      say(editor:read "> ")
      editor:insert("wörld", 3)
      say(editor:read "> ")
    ]], { { "> ", "a\u{FC}x!\27[D\t" }, { "[complete|aüx!|4]", "\r" } })
    assert.is_truthy(shown:find("[line|awörld!|8]", 1, true), shown)
  end)

  it("takes a TAB in what is pasted as it is, and the next that is typed as one", function()
    local shown = script([[
      say(editor:read "1> ")
      say(editor:read "2> ")
      say(editor:read "3> ")
    ]], { { "1> ", "\27[200~a\tb\r\tc\27[201~" }, { "2> ", "\r" }, { "3> ", "\27[200~d\t" }, { "complete", "" } })
    assert.is_truthy(shown:find("[line|a\tb|3]", 1, true), shown)
    assert.is_truthy(shown:find("[line|\tc|2]", 1, true), shown)
    assert.is_truthy(shown:find("[complete|d|1]", 1, true), shown) -- the end of the paste got lost
  end)

  it("shows text while a line is edited, and the line behind it", function()
    local shown = script([[
      editor:read "> "
      editor:show "one\ntwo\n"
      say(editor:read "> ")
      editor:show "plain\n"
    ]], { { "> ", "half\t" }, { "> half", "!\r" } })
    assert.is_truthy(shown:find("one\ntwo\n> half", 1, true), shown)
    assert.is_truthy(shown:find("[line|half!|5]\nplain\n", 1, true), shown)
  end)

  it("has a history, the newest first, with line breaks in an entry, and Ctrl-R", function()
    local shown = script([[
      for _, text in ipairs { "first", "second\nline", "third", "third" } do editor:add(text) end
      for i = 1, 3 do say((editor:read(i .. "> ")), (select(2, editor:read "and "))) end
    ]], { { "1> ", "\r" }, { "and ", "\27[A\r" }, { "2> ", "\r" }, { "and ", "\27[A\27[A\r" }, { "3> ", "\r" },
      { "and ", "\18irs\r" } })
    assert.is_truthy(shown:find("[line|third]", 1, true), shown)
    assert.is_truthy(shown:find("[line|second\nline]", 1, true), shown)
    assert.is_truthy(shown:find("[line|first]", 1, true), shown)
  end)

  it("lets other tasks go on, one of which may end it", function()
    local shown, status = script([[
      task.spawn(function()
        for i = 1, 3 do task.sleep(0.01) end
        say(tostring(editor:reads()))
        editor:stop "interrupt"
      end)
      say(editor:read "> ")
      say(tostring(editor:reads()))
      task.spawn(function() editor:stop "eof" end)
      say(editor:read "> ")
      task.spawn(function() editor:close() end)
      say(editor:read "> ")
    ]], { { "> ", "half" } })
    assert.equal(0, status)
    assert.matches("%[true%].*%[interrupt%].*%[false%].*%[eof%].*%[eof%]", shown)
  end)

  it("forgets what was typed ahead, and knows a line that a paste has ended", function()
    local shown = script([[
      say(editor:read "1> ")
      task.sleep(0.2) -- the rest of what came at once is there
      editor:forget()
      say(editor:read "2> ")
      for i = 3, 5 do say(tostring((editor:read(i .. "> "))), tostring(editor:pasted())) end
    ]], { { "1> ", "first\rahead\ry\r" }, { "2> ", "asked\r" }, { "3> ", "\27[200~a\rb\27[201~" }, { "4> ", "\r" }, { "5> ", "c\r" } })
    assert.is_truthy(shown:find("[line|asked|5]", 1, true), shown)
    assert.is_nil(shown:find("[line|ahead", 1, true), shown)
    assert.matches("%[line|true%].*%[line|false%].*%[line|false%]", shown)
  end)

  it("is for one reader at a time", function()
    local shown = script([[
      task.spawn(function() say(select(2, pcall(editor.read, editor, "again ")).message) end)
      say(editor:read "> ")
    ]], { { "read already]", "x\r" } })
    assert.is_truthy(shown:find("[a line is being read already]", 1, true), shown)
  end)

  it("ends where a signal ends the process, and gives the terminal back", function()
    local file = tmp.write(tmp.dir() .. "/edit.lua", HEAD .. [[
      task.spawn(function() require("sluice.process").kill(require("sluice.process").pid(), 15) task.sleep(0.01) end)
      task.spawn(function()
        while not task.stopping() do task.yield() end
        editor:stop "eof"
      end)
      say(editor:read "> ")
    ]])
    local shown = terminal.run({ "sh", "-c", ("stty -a > %s.before; %s run %s; stty -a > %s.behind"):format(file, sluice, file, file) }, {})
    assert.is_truthy(shown:find("[eof]", 1, true), shown)
    assert.equal(tmp.read(file .. ".before"), tmp.read(file .. ".behind"))
  end)

  it("refuses what is no terminal, what it does not know and what is closed", function()
    local file = tmp.write(tmp.dir() .. "/edit.lua", [[
      local _, problem = require("sluice.edit").open()
      print(problem.code, problem.message)
    ]])
    local done = assert(process.run { argv = { sluice, "run", file } })
    assert.matches("^state\tstandard input is no terminal\n", done.stdout)
    assert.has_error(function() edit.open { histroy = 1 } end)
    assert.has_error(function() edit.open { history = 0 } end)
    local shown = script([[
      editor:close()
      say(select(2, pcall(editor.read, editor, "> ")).message)
    ]], {})
    assert.matches("is closed%]", shown)
  end)
end)

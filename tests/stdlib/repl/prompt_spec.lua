-- The prompt: lines become chunks, keys do what they say, and what is typed is kept. The terminal itself: tests/bindings/edit_spec.lua.
local core = require "sluice.core"
local err = require "sluice.err"
local log = require "sluice.log"
local prompts = require "sluice.repl.prompt"
local tmp = require "support.tmp"

describe("the prompt", function()
  local path, editor, events, session, edit_before, history_open
  local history = require "sluice.repl.history"

  before_each(function()
    path = tmp.dir() .. "/history"
    events = {}
    editor = { prompts = {}, added = {}, inserted = {}, shown = {} }
    function editor:read(prompt)
      table.insert(self.prompts, prompt)
      local event = table.remove(events, 1) or { "eof" }
      return table.unpack(event, 1, 3)
    end
    function editor:add(text) table.insert(self.added, text) end
    function editor:insert(text, erase) table.insert(self.inserted, { text, erase }) end
    function editor:show(text) table.insert(self.shown, text) end
    function editor:forget() self.forgot = (self.forgot or 0) + 1 end
    function editor:pasted() return self.pasting and #events > 0 end
    function editor:close() self.closed = true end
    edit_before = package.loaded["sluice.edit"]
    package.loaded["sluice.edit"] = { open = function() return editor end }
    history_open = history.open
    history.open = function() return history_open(path) end
    session = { env = { total = 1, totals = 2, other = 3 }, connections = {}, ready = function() end, commands = {} }
  end)
  after_each(function()
    package.loaded["sluice.edit"] = edit_before
    history.open = history_open
  end)

  local function lines(...)
    for _, text in ipairs { ... } do events[#events + 1] = { "line", text, #text } end
  end

  -- All that is read until the end.
  local function read()
    local prompt <close> = assert(prompts.open(session))
    local texts = {}
    for text in function() return prompt:read() end do texts[#texts + 1] = text end
    return texts
  end

  it("gives chunks: of one line, and of several where one is not complete", function()
    lines("1 + 1", "", "  ", "for i = 1, 2 do", "  print(i)", "end", "x = [[a", "", "b]]", "f(", "1)")
    assert.same({ "1 + 1", "for i = 1, 2 do\n  print(i)\nend", "x = [[a\n\nb]]", "f(\n1)" }, read())
    assert.same({ "> ", "> ", "> ", "> ", ">> ", ">> ", "> ", ">> ", ">> ", "> ", ">> ", "> " }, editor.prompts)
  end)

  it("gives what is wrong at once, so that it is said", function()
    lines("x = )", "end", "for i = 1, 2 do", "end end")
    assert.same({ "x = )", "end", "for i = 1, 2 do\nend end" }, read())
  end)

  it("gives commands and questions as they are, at a chunk's beginning alone", function()
    lines(".save x.lua", "?shop", "?", "  .help", "f {", ".5, shop", "}", "?shop.sources {")
    assert.same({ ".save x.lua", "?shop", "?", "  .help", "f {\n.5, shop\n}", "?shop.sources {" }, read())
  end)

  it("ends with Ctrl-D on an empty line; in a chunk that goes on it gives that up, as Ctrl-C does", function()
    events = { { "line", "f(", 2 }, { "eof" }, { "line", "1", 1 }, { "line", "g(", 2 }, { "interrupt" }, { "interrupt" },
      { "line", "2", 1 }, { "eof" } }
    assert.same({ "1", "2" }, read())
    assert.is_true(editor.closed)
  end)

  it("keeps what was typed, with the secrets that were learnt since masked, and reads it the next time", function()
    lines("one()", "f 'pr0mpt+secret'", "password = 'x'", " hidden = 1", "for i = 1, 2 do", "end")
    local prompt = assert(prompts.open(session))
    prompt:read()
    prompt:read()
    log.secret "pr0mpt+secret" -- as when the chunk connects
    for _ = 1, 3 do prompt:read() end
    prompt:close() -- the last one too
    assert.equal("one()\nf '***'\nfor i = 1, 2 do\\nend\n", tmp.read(path))
    assert.same({ "one()", "f 'pr0mpt+secret'", "password = 'x'", " hidden = 1", "for i = 1, 2 do\nend" }, editor.added)
    editor.added = {}
    assert(prompts.open(session)):remember()
    assert.same({ "one()", "f '***'", "for i = 1, 2 do\nend" }, editor.added)
  end)

  it("asks, and takes the answer as it is; nil where the line is given up", function()
    local prompt <close> = assert(prompts.open(session))
    events = { { "line", "y", 1 }, { "complete", "y", 1 }, { "line", "yes", 3 }, { "interrupt" }, { "eof" } }
    assert.equal("y", prompt:ask "send it? ")
    assert.equal("yes", prompt:ask "send it? ") -- TAB completes nothing there
    assert.is_nil(prompt:ask "send it? ")
    assert.is_nil(prompt:ask "send it? ")
    assert.same({}, editor.added)
    assert.same({}, editor.inserted)
  end)

  it("takes no answer from what was typed before the question, or is pasted into it", function()
    local prompt <close> = assert(prompts.open(session))
    function editor:forget() events = self.late or {} end
    events, editor.late = { { "line", "y", 1 } }, { { "interrupt" } }
    assert.is_nil(prompt:ask "send it? ")
    editor.pasting, editor.late = true, { { "line", "y", 1 }, { "line", "n", 1 } }
    local forget = editor.forget
    function editor:forget() -- the first alone finds what waits
      forget(self)
      editor.forget = function() end
    end
    assert.equal("n", prompt:ask "send it? ")
  end)

  describe("on TAB", function()
    local function tab(text, before)
      local prompt <close> = assert(prompts.open(session))
      prompt.lines = before or {}
      prompt:complete(text, #text)
    end

    it("puts in what all candidates have in common, the only one whole", function()
      tab "oth"
      assert.same({ { "other", 3 } }, editor.inserted)
      editor.inserted = {}
      tab "x = to"
      assert.equal("to", ("total"):sub(1, 2))
      assert.is_true(#editor.inserted == 1 or #editor.shown == 1)
    end)

    it("shows them where they have no more in common", function()
      tab "total"
      assert.same({}, editor.inserted)
      assert.matches("total +.*totals", (editor.shown[1]:gsub("\n", " ")))
    end)

    it("does nothing where there is none", function()
      tab "zzzzzz"
      tab "'text "
      assert.same({ {}, {} }, { editor.inserted, editor.shown })
    end)

    it("indents in front of a line that goes on, and completes in it", function()
      tab("", { "for i = 1, 2 do" })
      tab("    ", { "for i = 1, 2 do" })
      assert.same({ { "  " }, { "  " } }, editor.inserted)
      editor.inserted = {}
      tab("  oth", { "for i = 1, 2 do" })
      assert.same({ { "other", 3 } }, editor.inserted)
    end)

    it("leaves what is wrong with the config to the next chunk", function()
      local problem = err.new { code = "config", message = "no" }
      function session.ready() error(problem, 0) end
      tab "oth"
      assert.equal(problem, session.late)
      assert.same({ { "other", 3 } }, editor.inserted)
    end)
  end)

  it("shows candidates in columns, or one below the other with what they are", function()
    assert.equal("a  c\nb\n", prompts.choices({ words = { "a", "b", "c" } }, 8))
    assert.equal("a\nb\n", prompts.choices({ words = { "a", "b" } }, 2))
    assert.equal("a   the first\nbb  the second\n", prompts.choices({ words = { "a", "bb" }, notes = { "the  first", "the\nsecond" } }, 40))
    assert.equal("a  日…\n", prompts.choices({ words = { "a" }, notes = { "日本語" } }, 7))
    local many = { words = {}, notes = {} }
    for i = 1, 13 do many.words[i], many.notes[i] = ("w%02d"):format(i), "note" end
    assert.is_nil(prompts.choices(many, 40):find("note", 1, true))
    assert.equal(13, select(2, prompts.choices(many, 40):gsub("w", "")))
  end)

  it("can't be opened where there is no terminal", function()
    package.loaded["sluice.edit"] = edit_before
    if core.isatty(0) then return end
    local prompt, problem = prompts.open(session)
    assert.is_nil(prompt)
    assert.equal("state", problem.code)
  end)
end)

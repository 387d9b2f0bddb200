local lfs = require "lfs"
local log = require "sluice.log"
local log_reader = require "sluice.serve.log_reader"
local run_log = require "sluice.serve.run_log"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

local SMALL = { max_bytes = 256 << 10 }

local function fresh() return run_log.path(tmp.dir() .. "/state.db", 41) end

-- The texts of a log, streams in front where they are not "out".
local function texts(path)
  local list = {}
  for line in io.lines(path) do
    local stream, text = line:match "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ (%l+) (.*)$"
    assert(stream, "not a line of a log: " .. line)
    list[#list + 1] = (stream == "out" and "" or stream .. " ") .. text
  end
  return list
end

local function read_all(reader)
  local list = {}
  while true do
    local lines = reader:lines()
    if #lines == 0 then return list end
    for _, line in ipairs(lines) do list[#list + 1] = line end
  end
end

describe("the log of a run", function()
  it("has a line for each line, with its time, in a private file", function()
    local path = fresh()
    local lines = assert(run_log.open(path))
    lines:write("out", "one")
    lines:write("err", "two")
    lines:write("out", "")
    lines:note "asked to stop"
    lines:close()
    lines:close()
    assert.same({ "one", "err two", "", "note asked to stop" }, texts(path))
    assert.same({ "rw-------", "rwx------" }, { lfs.attributes(path, "permissions"), lfs.attributes(path:match "^(.*)/", "permissions") })
  end)

  it("comes to the file a moment later, and in batches", function()
    local path = fresh()
    local lines = assert(run_log.open(path))
    lines:write("out", "one")
    assert.equal("", tmp.read(path))
    for _ = 1, 1000 do
      if tmp.read(path) ~= "" then break end
      task.sleep(0.005)
    end
    assert.same({ "one" }, texts(path))
    for i = 1, 1000 do lines:write("out", ("%d %s"):format(i, ("x"):rep(50))) end
    assert.is_true(#tmp.read(path) > 32000) -- without a wait
    lines:close()
    assert.equal(1001, #texts(path))
  end)

  it("says milliseconds at a whole second too", function()
    local path, now = fresh(), time.now
    local lines = assert(run_log.open(path))
    time.now = function() return 1790000000 end
    lines:write("out", "whole")
    time.now = now
    lines:close()
    assert.equal("2026-09-21T14:13:20.000Z out whole\n", tmp.read(path))
  end)

  it("masks secrets, also where a long line is cut in two within one", function()
    log.secret "hunter2hunter2"
    local path = fresh()
    local lines = assert(run_log.open(path))
    lines:write("out", "a hunter2hunter2 b")
    for at = 0, 14 do
      local long = ("x"):rep(3000) .. "hunter2hunter2" .. ("y"):rep(3000)
      lines:write("out", long:sub(1, 3000 + at), true)
      lines:write("err", "between")
      lines:write("out", long:sub(3001 + at), false)
    end
    lines:note "hunter2hunter2"
    lines:close()
    local text = tmp.read(path)
    assert.is_nil(text:find("hunter2hunter2", 1, true))
    local joined = {}
    for _, line in ipairs(texts(path)) do joined[#joined + 1] = not line:match "^err" and line or nil end
    text = table.concat(joined)
    assert.equal(15, select(2, text:gsub("x%*%*%*y", "")))
    assert.is_nil(text:find("hunter", 1, true))
  end)

  it("shows what would steer a terminal, and what is no UTF-8, by its number", function()
    local path = fresh()
    local lines = assert(run_log.open(path))
    for _, text in ipairs { "\27[31mred\7", "tab\there\r", "ä€\u{1F600}", "\xE4 ä \xC3", "a\0b", "\u{9b}2J", "\xED\xA0\x80", "10%\r20%" } do
      lines:write("out", text)
    end
    lines:close()
    assert.same({ "\\x1B[31mred\\x07", "tab\there", "ä€\u{1F600}", "\\xE4 ä \\xC3", "a\\x00b", "\\x9B2J", "\\xED\\xA0\\x80", "10%\\x0D20%" },
      texts(path))
    assert.is_truthy(utf8.len(tmp.read(path)))
  end)

  it("keeps beginning and end of a long one, and counts what is left out", function()
    local path = fresh()
    local lines = assert(run_log.open(path, SMALL))
    local n, largest = 20000, 0
    for i = 1, n do
      lines:write("out", ("line %06d %s"):format(i, ("x"):rep(40)))
      if i % 500 == 0 then largest = math.max(largest, lfs.attributes(path, "size")) end
    end
    lines:close()
    assert.is_true(largest <= SMALL.max_bytes and largest > SMALL.max_bytes // 2)
    local shown, gaps, before, expected = texts(path), 0, 0, 1
    for _, text in ipairs(shown) do
      local left_out = text:match "^note … (%d+) lines %(%d+ bytes%) were left out here$"
      if left_out then
        gaps, before, expected = gaps + 1, expected - 1, expected + tonumber(left_out)
      else
        assert.equal(expected, tonumber(text:match "^line (%d+)"))
        expected = expected + 1
      end
    end
    assert.same({ 1, n + 1 }, { gaps, expected })
    assert.is_true(before > 500 and #shown - before > 500)
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    for name in lfs.dir((path:match "^(.*)/")) do assert.is_true(name:match "^%.+$" ~= nil or name == "41.log", name) end
  end)

  it("says where its file can't be made, and what a full disk has cost", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/logs", "a file")
    local lines, problem = run_log.open(dir .. "/logs/1.log")
    assert.is_nil(lines)
    assert.equal("state", problem.code)

    local path = fresh()
    lines = assert(run_log.open(path))
    local whole = lines.out
    lines.out = assert(require("sluice.file").append("/dev/full", { durable = false }))
    lines:write("out", "lost")
    lines:write("out", "lost too")
    lines:flush()
    assert.matches("No space left", lines.problem.message)
    lines.out = whole
    lines:write("out", "kept")
    lines:close()
    local shown = texts(path)
    assert.matches("^note … 2 lines could not be written: .*No space left on device", shown[1])
    assert.equal("kept", shown[2])
    assert.is_nil(lines.problem)
  end)
end)

describe("a reader of a log", function()
  local function written(path, first, last, options)
    local lines = assert(run_log.open(path, options))
    for i = first, last do lines:write("out", tostring(i)) end
    lines:close()
  end

  it("gives lines from an offset on", function()
    local path = fresh()
    written(path, 1, 3)
    local reader = log_reader.open(path)
    local lines = read_all(reader)
    assert.same({ "1", "2", "3" }, { lines[1].text, lines[2].text, lines[3].text })
    assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d+Z$", lines[1].at)
    assert.equal("out", lines[1].stream)
    assert.same({ lfs.attributes(path, "size"), false }, { reader.offset, reader.cut })
    written(path, 4, 4)
    assert.equal("4", reader:lines()[1].text)
    local other = log_reader.open(path, reader.offset)
    assert.same({}, other:lines())
    written(path, 5, 5)
    assert.equal("5", other:lines()[1].text)
    reader:close()
    other:close()
  end)

  it("begins so many bytes before the end, with a whole line", function()
    local path = fresh()
    written(path, 1, 100)
    local reader = log_reader.open(path, -70)
    local lines = read_all(reader)
    assert.same({ "99", "100", true }, { lines[1].text, lines[2].text, reader.cut })
    assert.equal(lfs.attributes(path, "size"), reader.offset)
    local all = log_reader.open(path, -1000000)
    assert.equal(100, #read_all(all))
    assert.is_false(all.cut)
  end)

  it("waits for the end of a line, and for the file", function()
    local path = fresh()
    local reader = log_reader.open(path)
    assert.same({}, reader:lines())
    assert(require("sluice.file").append(path)):close()
    local function add(text)
      local out <close> = assert(io.open(path, "a"))
      out:write(text)
    end
    assert.same({}, reader:lines())
    add "2026-11-28T10:00:00.123Z out ha"
    assert.same({}, reader:lines())
    add "lf\nfree text\n2026-11-28T10:00:00.124Z out \n"
    local got = reader:lines()
    assert.same({ at = "2026-11-28T10:00:00.123Z", stream = "out", text = "half" }, got[1])
    assert.same({ stream = "note", text = "free text" }, got[2])
    assert.same({ at = "2026-11-28T10:00:00.124Z", stream = "out", text = "" }, got[3])
    reader:close()
  end)

  it("gives each line once while the file is shortened under it, and an offset holds", function()
    local path = fresh()
    local lines = assert(run_log.open(path, SMALL))
    local reader, expected, skips, offset = log_reader.open(path), 1, 0, 0
    local n = 30000
    for i = 1, n do
      lines:write("out", ("%06d %s"):format(i, ("x"):rep(30)))
      if i % 700 == 0 or i == n then
        if i == n then lines:close() end
        for _, line in ipairs(read_all(reader)) do
          if line.stream == "out" then
            assert.equal(expected, tonumber(line.text:match "^%d+"))
            expected = expected + 1
          else
            skips = skips + 1
          end
        end
        assert.is_true(reader.offset > offset)
        offset = reader.offset
        if i % 2100 == 0 then -- as a page that comes back with an offset
          reader:close()
          reader = log_reader.open(path, offset)
        end
      end
    end
    assert.same({ n + 1, 0 }, { expected, skips })
    assert.is_true(offset > 3 * lfs.attributes(path, "size"))
    reader:close()
  end)

  it("says to one that comes late what it has missed", function()
    local path = fresh()
    local lines = assert(run_log.open(path, SMALL))
    for i = 1, 2000 do lines:write("out", ("%06d %s"):format(i, ("x"):rep(30))) end
    lines:flush()
    local reader = log_reader.open(path)
    read_all(reader)
    local offset = reader.offset
    for i = 2001, 30000 do lines:write("out", ("%06d %s"):format(i, ("x"):rep(30))) end
    lines:close()
    local late = read_all(log_reader.open(path, offset))
    assert.equal("note", late[1].stream)
    assert.matches("lines %(%d+ bytes%) were left out here", late[1].text)
    for i = 2, #late do assert.equal(30000 - #late + i, tonumber(late[i].text:match "^%d+")) end
    assert.is_true(#late > 500)
  end)

  it("follows a log until its run is over, and holds little of it", function()
    local path, over, n = fresh(), false, 0
    local lines = assert(run_log.open(path))
    local writer = task.spawn(function()
      for i = 1, 20000 do
        lines:write("out", tostring(i))
        if i % 1000 == 0 then task.yield() end
      end
      lines:close()
      over = true
    end)
    for line in log_reader.follow(path, { over = function() return over end, poll = 0.001 }) do
      n = n + 1
      assert.equal(tostring(n), line.text)
    end
    writer:wait()
    assert.equal(20000, n)
    assert.is_nil(log_reader.follow("/no/such/log", { over = function() return true end })())
  end)
end)

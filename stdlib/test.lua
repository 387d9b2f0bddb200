--- `sluice test`: busted inside the runtime, so that whatever waits works inside `it`.
local test = {
  about = "Run busted specs inside the runtime",
  usage = [[
usage: sluice test [busted options] [FILE | FOLDER …]

  sluice test                         all specs under tests/
  sluice test tests/bindings          those of one folder
  sluice test --filter "gzip" tests   those whose names match

Specs have busted's functions and these: sandbox(options), the four APIs on localhost, and replay(file), answers from a recording.
]],
}

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function run_busted(argv)
  local exit, code = os.exit, nil
  -- busted ends the process; the runtime wants to end itself, in order
  os.exit = function(status) -- luacheck: ignore
    code = status == true and 0 or status or 1
    error(test, 0)
  end
  _G.arg = { [0] = "busted", table.unpack(argv) }
  local ok, problem = pcall(function() require "busted.runner" { standalone = false } end)
  os.exit = exit -- luacheck: ignore
  if not ok and problem ~= test then error(problem, 0) end
  return code or 0
end

function test.command(argv)
  local words = { "--pattern=_spec", "--output=utfTerminal", "-e", "require('sluice.test_helpers').install()" }
  if exists "tests/support/helper.lua" then
    package.path = "tests/?.lua;" .. package.path
    words[#words + 1] = "--helper=tests/support/helper.lua"
  end
  table.move(argv, 1, #argv, #words + 1, words)
  if #argv == 0 then words[#words + 1] = "tests" end
  return run_busted(words)
end

return test

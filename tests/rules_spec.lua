-- The direction of the layers, one place for each thing, no banned functions: tests/support/rules.sh, in every test run.
local tmp = require "support.tmp"

describe("the house rules", function()
  it("hold", function()
    local pipe = assert(io.popen "sh tests/support/rules.sh 2>&1")
    local said = pipe:read "a"
    assert.equal("", said)
    assert.is_true(pipe:close())
  end)

  it("are broken by a file that points left", function()
    local dir = tmp.dir()
    assert(os.execute(("mkdir -p '%s/runtime/data' '%s/runtime/base' '%s/bindings'"):format(dir, dir, dir)))
    tmp.write(dir .. "/runtime/data/x.c", '#include "io/loop.h"\n#include <lua.h>\nvoid f(void) { sprintf(0, 0); }\n')
    tmp.write(dir .. "/runtime/base/x.h", "/* x */\n")
    for _, name in ipairs { "x.c", "x.h", "vm.c" } do tmp.write(dir .. "/bindings/" .. name, "/* x */\n") end
    local root = io.popen("pwd"):read "l"
    local pipe = assert(io.popen(("cd '%s' && sh %s/tests/support/rules.sh 2>&1"):format(dir, root)))
    local said = pipe:read "a"
    assert.is_nil(pipe:close())
    assert.matches("data/ points left", said)
    assert.matches("runtime/ must not know Lua", said)
    assert.matches("banned functions", said)
  end)
end)

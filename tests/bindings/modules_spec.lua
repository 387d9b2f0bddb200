-- The modules in the binary are compiled when it is built.
describe("an embedded module", function()
  it("knows its file and its lines", function()
    local info = debug.getinfo(require("sluice.text").near, "SL")
    assert.equal("@stdlib/text.lua", info.source)
    local at, line = 0, nil
    for text in io.lines "stdlib/text.lua" do
      at = at + 1
      if at == info.linedefined then line = text end
    end
    assert.matches("function text%.near%(", line)
    assert.is_table(info.activelines)
    assert.equal("@argparse.lua", debug.getinfo(getmetatable(require "argparse").__call, "S").source)
  end)

  it("is named by an error that comes out of it", function()
    local ok, trace = xpcall(require("sluice.text").near, debug.traceback, nil, nil)
    assert.is_false(ok)
    assert.matches("stdlib/text%.lua:%d+: ", trace)
  end)

  it("is taken from a folder instead where SLUICE_STDLIB names one", function()
    local process, tmp = require "sluice.process", require "support.tmp"
    local dir = tmp.dir()
    tmp.write(dir .. "/version.lua", "return { about = '', command = function() print 'from the folder' return 0 end }")
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local here = require("lfs").currentdir()
    for name in require("lfs").dir "stdlib" do
      if name ~= "version.lua" and not name:find "^%." then require("lfs").link(here .. "/stdlib/" .. name, dir .. "/" .. name, true) end
    end
    local done = assert(process.run { argv = { "env", "SLUICE_STDLIB=" .. dir, sluice, "version" } })
    assert.same({ 0, "from the folder\n", "" }, { done.status, done.stdout, done.stderr })
  end)
end)

local system = require "sluice.system"
local tmp = require "support.tmp"

describe("sluice.system", function()
  it("gives the versions of what is at work", function()
    local versions = system.versions()
    for _, name in ipairs { "lua", "libcurl", "openssl", "sqlite", "libyaml", "libmicrohttpd", "zlib", "libdeflate" } do
      assert.matches("^%d+%.%d+", versions[name], name)
    end
    assert.matches("^5%.4%.%d+$", versions.lua)
    assert.matches("^OpenSSL/", versions.tls)
    assert.equal(require("sluice.version").text, versions.sluice)
  end)

  it("gives the room of a disk", function()
    local room = assert(system.disk "/tmp")
    assert.is_true(room.free >= 0 and room.free <= room.total)
    local none, problem = system.disk "/nowhere/at/all"
    assert.is_nil(none)
    assert.equal("state", problem.code)
    assert.matches("/nowhere/at/all: No such file", problem.message)
  end)

  it("counts file descriptors", function()
    local before = system.files()
    local file = assert(io.open "/dev/null")
    assert.equal(before.open + 1, system.files().open)
    file:close()
    assert.equal(before.open, system.files().open)
    assert.is_true(before.limit == nil or before.limit >= before.open)
  end)

  it("says where this user may write", function()
    assert.is_true(system.writable(tmp.dir()))
    assert.is_false(system.writable "/nowhere/at/all")
  end)
end)

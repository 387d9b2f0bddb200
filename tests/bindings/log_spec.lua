local log = require "sluice.log"
local crypto = require "sluice.crypto"

local function url_encoded(s)
  return (s:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

describe("log", function()
  local secrets = { "s3cr3t/+ key\"\\", "abcdefgh", "abcdefghijkl", "efghmnop", "pass:word?&=", "tökén-ß-1234" }

  setup(function()
    for _, secret in ipairs(secrets) do assert.is_true(log.secret(secret)) end
  end)

  it("masks a secret raw, URL-encoded and JSON-escaped", function()
    for _, secret in ipairs(secrets) do
      assert.equal("token=***&x=1", log.mask("token=" .. secret .. "&x=1"))
      assert.equal("token=***&x=1", log.mask("token=" .. url_encoded(secret) .. "&x=1"))
      local lower = url_encoded(secret):gsub("%%%x%x", string.lower)
      assert.equal("token=***&x=1", log.mask("token=" .. lower .. "&x=1"))
      assert.equal("token=***&x=1", log.mask("token=" .. url_encoded(secret):gsub("%%20", "+") .. "&x=1"))
    end
    assert.equal([[{"k":"***"}]], log.mask([[{"k":"s3cr3t/+ key\"\\"}]]))
    assert.equal([[{"k":"***"}]], log.mask([[{"k":"s3cr3t\/+ key\"\\"}]]))
  end)

  it("masks it in base64, alone and behind a user name of any length", function()
    for _, secret in ipairs(secrets) do
      for _, user in ipairs { "", "u:", "us:", "user:", "barry@example.com:" } do
        local text = crypto.base64(user .. secret .. "")
        local masked = log.mask("Basic " .. text)
        assert.matches("%*%*%*", masked)
        -- what is left can't be put together to the secret again
        local rest = masked:gsub("^Basic ", ""):gsub("%*%*%*.*", "")
        assert.is_nil((crypto.unbase64((rest:gsub("=*$", ""):sub(1, #rest // 4 * 4))) or ""):find(secret, 1, true))
      end
    end
  end)

  it("leaves nothing of secrets that overlap or are prefixes of each other", function()
    assert.equal("x***y", log.mask "xabcdefghijkly")
    assert.equal("x***y", log.mask "xabcdefghmnopy")
    assert.equal("***", log.mask "abcdefghabcdefgh")
  end)

  it("refuses to mask what is too short to be a secret", function()
    assert.is_false(log.secret "abc")
    assert.equal("abc abc", log.mask "abc abc")
  end)

  it("leaves other text alone", function()
    local text = ("The quick brown fox. "):rep(1000)
    assert.equal(text, log.mask(text))
    assert.equal("", log.mask "")
  end)

  it("writes lines of JSON whatever the names of areas are", function()
    local tmp = require "support.tmp"
    local script = tmp.write(tmp.dir() .. "/s.lua", [[require("sluice.log").error('a "b"\\', "x")]])
    local line = io.popen(("%s/sluice run %s --log-format json 2>&1"):format(os.getenv "SLUICE_BUILD" or "build", script)):read "l"
    local entry = assert(require("sluice.json").decode(line))
    assert.equal('a "b"\\', entry.area)
    assert.equal("x", entry.message)
  end)
end)

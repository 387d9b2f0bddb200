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

  it("masks it however JSON is written: slashes, all but ASCII and < > & escaped, once or once more", function()
    assert.is_true(log.secret 'K\u{f6}ln/<\u{1f600}>&"x"')
    for _, text in ipairs {
      [[K\u{f6}ln\/<\u{1f600}>&\"x\"]], [[K\u00f6ln/<\ud83d\ude00>&\"x\"]], [[K\u00f6ln\/<\ud83d\ude00>&\"x\"]],
    } do
      text = text:gsub("\\u{(%x+)}", function(code) return utf8.char(tonumber(code, 16)) end)
      assert.equal('{"k":"***"}', log.mask('{"k":"' .. text .. '"}'))
      assert.equal('{"k":"***"}', log.mask('{"k":"' .. text:gsub('[\\"]', "\\%0") .. '"}'))
    end
    assert.equal("***", log.mask('K\u{f6}ln/\\u003c\u{1f600}\\u003e\\u0026\\"x\\"'))
    local code = crypto.base64 "u:??>>??>>secret" -- with / and +
    log.secret "??>>??>>secret"
    assert.matches("^dTo%*%*%*", log.mask((code:gsub("/", "\\/"))))
    assert.matches("^dTo%*%*%*", log.mask(url_encoded(code)))
  end)

  it("leaves nothing of secrets that overlap or are prefixes of each other", function()
    assert.equal("x***y", log.mask "xabcdefghijkly")
    assert.equal("x***y", log.mask "xabcdefghmnopy")
    assert.equal("***", log.mask "abcdefghabcdefgh")
  end)

  it("leaves no half of a secret where a body is cut", function()
    local secret = "cut-me-into-two-halves"
    log.secret(secret)
    for before = 90, 100 do
      assert.equal(("x"):rep(before) .. ("*"):rep(math.min(3, 100 - before)), log.body(("x"):rep(before) .. secret, 100))
    end
    assert.equal(("x"):rep(100), log.body(("x"):rep(100) .. secret, 100))
    assert.equal("", log.body(secret, 0))
    assert.equal("***", log.body(secret))
    assert.error_matches(function() log.body("x", -1) end, "bytes")
  end)

  it("says so when there are too many secrets, and goes on masking those it has", function()
    local tmp = require "support.tmp"
    local script = tmp.write(tmp.dir() .. "/s.lua", [[
      local log = require "sluice.log"
      local registered = 0
      for i = 1, 9000 do if log.secret("secret-number-" .. i) then registered = registered + 1 end end
      print(registered, log.mask "secret-number-1 secret-number-8192", log.mask "secret-number-9000")]])
    local done = require("sluice.process").run { argv = { (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", script } }
    assert.equal("8192\t*** ***\t***0\n", done.stdout) -- 900 is a secret of its own
    local _, times = done.stderr:gsub("more than 8192 secrets", "")
    assert.equal(1, times)
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

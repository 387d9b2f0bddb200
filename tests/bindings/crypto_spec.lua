local crypto = require "sluice.crypto"

describe("crypto", function()
  it("gives the digests of the RFCs' examples", function()
    assert.equal("900150983cd24fb0d6963f7d28e17f72", crypto.md5 "abc")
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", crypto.sha1 "abc")
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", crypto.sha256 "abc")
    -- RFC 4231, test case 2
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      crypto.hmac("sha256", "Jefe", "what do ya want for nothing?"))
    assert.has_error(function() crypto.hmac("crc32", "k", "t") end)
  end)

  it("codes base64 both ways (RFC 4648, section 10)", function()
    for plain, coded in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" } do
      assert.equal(coded, crypto.base64(plain))
      assert.equal(plain, crypto.unbase64(coded))
    end
    assert.equal("\xfb\xff", crypto.unbase64 "-_8")
    local bytes = crypto.random(4096)
    assert.equal(bytes, crypto.unbase64(crypto.base64(bytes)))
    for _, bad in ipairs { "A", "AB=C", "A===", "Zm9v\n", "Zm 9v" } do
      local plain, problem = crypto.unbase64(bad)
      assert.is_nil(plain, bad)
      assert.equal("invalid", problem.code)
    end
  end)

  it("gives as many random bytes as asked for", function()
    assert.equal(16, #crypto.random(16))
    assert.not_equal(crypto.random(16), crypto.random(16))
    assert.has_error(function() crypto.random(0) end)
  end)

  it("gives bytes that follow from a seed, as long as there is one", function()
    crypto.seed "k"
    local first, second = crypto.random(40), crypto.random(8)
    assert.equal(crypto.hmac("sha256", "k", ("\0"):rep(8)), (first:sub(1, 32):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    crypto.seed "k"
    assert.same({ first, second }, { crypto.random(40), crypto.random(8) })
    crypto.seed()
    assert.not_equal(first, crypto.random(40))
    assert.has_error(function() crypto.seed(("x"):rep(257)) end)
  end)
end)

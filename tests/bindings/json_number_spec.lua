-- Numbers: exact both ways, in the fewest digits, of the kind they had.
local json = require "sluice.json"

local function decode(text) return assert(json.decode(text)) end
local function again(text) return assert(json.encode(decode(text))) end

-- A small generator with a seed of its own, so that a failure can be repeated.
local function generator(state)
  return function()
    state = state ~ (state >> 12)
    state = state ~ (state << 25)
    state = state ~ (state >> 27)
    return state * 0x2545F4914F6CDD1D
  end
end

local function double(bits) return (string.unpack("d", string.pack("i8", bits))) end
local function bits(number) return (string.unpack("i8", string.pack("d", number))) end
local function finite(number) return number == number and number ~= math.huge and number ~= -math.huge end

-- Significant digits of a printed number.
local function digits(text)
  local mantissa = text:gsub("[eE].*", ""):gsub("[-.]", ""):gsub("^0+", "")
  return #(mantissa:gsub("0+$", ""))
end

describe("json numbers", function()
  it("stay integers within 64 bits", function()
    for _, text in ipairs { "0", "1", "-1", "9007199254740993", "123456789012345678", "9223372036854775807", "-9223372036854775808" } do
      assert.equal("integer", math.type(decode(text)))
      assert.equal(text, again(text))
    end
    assert.equal(math.mininteger, decode "-9223372036854775808")
  end)

  it("keep their digits beyond that", function()
    for _, text in ipairs { "9223372036854775808", "-9223372036854775809", "12345678901234567890", ("1"):rep(400), "1e400", "-1E+400", "1e-400",
      "0.1e-999999999999999999999" } do
      local number = decode(text)
      assert.equal("userdata", type(number))
      assert.equal(text, tostring(number))
      assert.equal(text, again(text))
      assert.equal(number, decode(text))
      assert.equal("id " .. text, "id " .. number)
    end
    assert.not_equal(decode "9223372036854775808", decode "9223372036854775809")
    assert.equal('{"id":12345678901234567890,"z":[1e400]}', json.encode(decode '{"id":12345678901234567890,"z":[1e400]}', { sort = true }))
  end)

  it("keep the kind that their text had", function()
    local texts = { ["100.0"] = "100.0", ["1e2"] = "100.0", ["0.0"] = "0.0", ["-0.0"] = "-0.0", ["-0"] = "-0.0", ["1E0"] = "1.0",
      ["957.0"] = "957.0", ["19.90"] = "19.9", ["1e15"] = "1000000000000000.0", ["1e16"] = "1e16", ["123456789012345680000"] = nil,
      ["1e23"] = "1e23", ["0.0001"] = "0.0001", ["0.00001"] = "1e-5", ["1.5e-7"] = "1.5e-7", ["5e-324"] = "5e-324",
      ["1.7976931348623157e308"] = "1.7976931348623157e308", ["2.2250738585072014e-308"] = "2.2250738585072014e-308",
      ["9007199254740993.0"] = "9007199254740992.0", ["0e999999999999999999999"] = "0.0", ["0.000e-99999"] = "0.0" }
    for text, want in pairs(texts) do
      assert.equal("float", math.type(decode(text)), text)
      assert.equal(want, again(text))
    end
  end)

  -- What has bytes behind it may be read at once, what ends with the text can't be: both ways must agree.
  it("read the same whatever stands behind them", function()
    local random = generator(20261128)
    local behind = { ",1234567890]", "]         ", " ]         ", "\n,[],[],[]]", ".,1234567]", "e,1234567]", "-,1234567]", "x,1234567]" }
    local pieces = { "-", ".", "e", "0", "00", "1", "7", "12", "90", "999", "1234", "+", "E2" }
    for _ = 1, 20000 do
      local text = ""
      for _ = 1, 1 + (random() >> 33) % 4 do text = text .. pieces[1 + (random() >> 33) % #pieces] end
      local alone, tail = json.decode(text), behind[1 + (random() >> 33) % #behind]
      local list = json.decode("[" .. text .. tail)
      if alone and not tail:find "^[.e%-x]" then
        assert.equal(math.type(alone), math.type(list[1]), text)
        if math.type(alone) then assert.equal(bits(alone + 0.0), bits(list[1] + 0.0), text) end
        assert.equal(tostring(alone), tostring(list[1]), text)
      elseif not alone then
        assert.is_nil(json.decode("[" .. text .. ",1234567890]"), text)
      end
      if tail:find "^[x%-]" then assert.is_nil(list, text .. tail) end
    end
  end)

  it("print prices and counts as they are written", function()
    for _, text in ipairs { "0.1", "0.001", "0.0001", "0.5", "0.12345678901234", "1.5", "9.9", "10.01", "99999999.5", "100000000.5",
      "99999999.99999999", "12345678.9", "123456789.12345678", "1.00000001", "1.000000001", "1.0000000000000002", "135.79500000000002",
      "-0.25", "-19.99", "-99999999.25", "0", "7", "10", "99999999", "100000000", "-1", "-99999999", "-100000000" } do
      assert.equal(text, again(text))
    end
    local random = generator(7)
    for _ = 1, 20000 do
      local whole, places = (random() >> 24) % 10 ^ ((random() >> 33) % 10) // 1 | 0, 1 + (random() >> 33) % 6
      local text = ("%d.%0" .. places .. "d"):format(whole, (random() >> 33) % 10 ^ places // 1 | 0):gsub("0+$", "")
      if text:find "%.$" then text = text .. "0" end
      if tonumber(text) >= 0.0001 then assert.equal(text, again(text)) end
    end
  end)

  it("print short, read back the same, for random bit patterns", function()
    local random = generator(20261123)
    local function check(number)
      local text = assert(json.encode(number))
      assert.equal(bits(number), bits(decode(text)), text)
      assert.equal(bits(number), bits(tonumber(text)), text) -- as the C library reads it
      local want = 17
      for n = 1, 17 do
        if tonumber(("%." .. n - 1 .. "e"):format(number)) == number then want = n break end
      end
      assert.is_true(digits(text) <= want, text)
    end
    for _ = 1, 3000 do
      local number = double(random())
      if finite(number) then check(number) end
      check((random() >> 40) / 100)
      check((random() >> 40) / 100 * 1.1)
    end
    for exponent = -1074, 1023 do check(2.0 ^ exponent) end
  end)

  it("read as the C library reads them, for random texts", function()
    local random = generator(7)
    local function check(text)
      local want, got = tonumber(text), decode(text)
      if type(got) == "userdata" then return assert.is_true(want == 0 or not finite(want), text) end
      assert.equal(bits(want + 0.0), bits(got + 0.0), text)
    end
    for _ = 1, 5000 do
      check(("%d.%de%d"):format((random() >> 1) >> (random() & 31), random() >> 1, random() % 640 - 320))
      check(("0.%0" .. random() % 20 + 1 .. "d"):format(random() >> 30))
      check(("%d.%d"):format(random() >> 44, random() >> 1))
      -- the middle between two doubles, a hair below and a hair above it
      local number = double(random() >> 2 & ~(0x200 << 52) | 0x100 << 52)
      if finite(number) then
        local middle = ("%.60f"):format(number)
        check(middle)
        check(middle .. "1")
      end
    end
    check "9007199254740993e0"
    check "9007199254740993.00000000000000000000000000000000000000000000000000000000000000000000001"
    check("1" .. ("0"):rep(400) .. "e-400")
    check("0." .. ("0"):rep(400) .. "1e401")
    check("2.4703282292062327208299191395e-324")
  end)

  it("can be given digit by digit", function()
    assert.equal('[19.90]', json.encode { json.number "19.90" })
    assert.equal(json.number "19.90", json.number "19.90")
    assert.not_equal(json.number "19.90", json.number "19.9")
    for _, text in ipairs { "", "x", "1.", "01", "1 ", "+1", "0x1", "NaN", "1e" } do
      local number, problem = json.number(text)
      assert.is_nil(number, text)
      assert.equal("invalid", problem.code)
    end
    assert.has_error(function() json.number {} end)
  end)
end)

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

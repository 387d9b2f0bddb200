-- Random documents: lua-cjson is the second opinion where it is exact and strict; records' scanner is the third.
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local cjson = require("cjson").new()
local fuzz = require "fuzz.json"

cjson.decode_max_depth(1000)
cjson.decode_invalid_numbers(false)

local ROUNDS = tonumber(os.getenv "SLUICE_FUZZ_ROUNDS") or 3000

-- Equal in value; cjson has floats where we have integers.
local function equal(a, b)
  if type(a) ~= "table" then return a == b end
  if type(b) ~= "table" then return false end
  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

-- lua-cjson takes bad UTF-8, and control characters and halves of surrogate pairs within strings.
local function cjson_is_strict(text)
  return utf8.len(text) and not text:find("[\0-\31\127]") and not text:find("\\u[dD][89a-fA-F]")
end

describe("json, random documents", function()
  it("come out as lua-cjson has them", function()
    local random = fuzz.generator(1)
    for round = 1, ROUNDS do
      local document = fuzz.document(random)
      local mine, problem = json.decode(document)
      assert.is_nil(problem, document)
      assert(equal(mine, cjson.decode(document)), round .. ": " .. document)
    end
  end)

  it("read back the same after they were written", function()
    local random = fuzz.generator(2)
    for _ = 1, ROUNDS do
      local value = json.decode(fuzz.document(random))
      for _, options in ipairs { {}, { sort = true }, { pretty = true } } do
        local text = assert(json.encode(value, options))
        local again, problem = json.decode(text)
        assert.is_nil(problem, text)
        assert(equal(value, again), text)
        assert.equal(json.encode(value, { sort = true }), json.encode(again, { sort = true }))
      end
    end
  end)

  it("are accepted or refused as lua-cjson and records do when they are damaged", function()
    local random, refused = fuzz.generator(3), 0
    for round = 1, ROUNDS do
      local document = fuzz.document(random)
      local text = fuzz.damaged(random, document)
      local value, problem = json.decode(text)
      if problem then
        refused = refused + 1
        assert(problem.code == "invalid", text)
      end
      local record = ndjson.record(text)
      if type(value) == "table" then assert(record, text) end
      if problem then assert(not record, text) end
      if cjson_is_strict(text) then
        local ok, other = pcall(cjson.decode, text)
        if problem and ok then
          -- lua-cjson leaves numbers to strtod, which takes "1.", "1.e5" and "-.5" as well
          assert(problem.message:find("expected a digit", 1, true), round .. ": " .. text .. tostring(problem))
        elseif not problem then
          assert(ok, round .. ": " .. text .. " " .. tostring(other))
        end
      end
    end
    assert.is_true(refused > ROUNDS // 2)
  end)
end)

-- The short form of `make fuzz`: what judges JSON agrees on damaged records, whatever the machine's vectors.
local process = require "sluice.process"
local tmp = require "support.tmp"

local build = os.getenv "SLUICE_BUILD" or "build"
local seed = os.getenv "SLUICE_FUZZ_SEED" or "1"

local script = [[
local ndjson = require "sluice.ndjson"
for rec in ndjson.records((...).file) do
  if ndjson.bad(rec) then print(rec.line .. ": " .. rec.reason)
  elseif #rec > 0 then print(#rec, rec[2])
  else print(table.concat(ndjson.keys(rec), " "), rec.price) end
end
]]

local lines = {
  '{"id":1,"price":5.50}', '{"id":2,"price":5.}', '{"id":3,"title":"open', '{"id":4,"title":"\xc3"}',
  '{"id":5,"p\\u00e9":"\\ud83d\\ude00"}',
  '{"id":6,"title":"\\ud83d"}', ' { "id" : 7 , "price" : -1e3 }\r', '{"id":8}}',
  '{"id":9,"tags":["a",]}', '["id",10]', '{"id":11,"title":"\1"}',
  '{"title":"' .. ("ö"):rep(200) .. '","price":12}', "13", ("["):rep(513) .. ("]"):rep(513), '{"id":15,"price":1}',
}

describe("validation by blocks", function()
  it("agrees with the scanner, the table decoder and lua-cjson on damaged records", function()
    local done = assert(process.run { argv = { build .. "/tests/fuzz_validate", "60", seed, "20000" } })
    assert.equal(0, done.status, done.stdout .. done.stderr)
    assert.matches("no finding", done.stdout)
    local executions, valid = done.stdout:match "(%d+) executions.-([%d.]+) %% of them JSON"
    assert.is_true(tonumber(executions) >= 20000 and tonumber(valid) > 10 and tonumber(valid) < 90, done.stdout)
  end)

  it("says the same of each line whatever variant SLUICE_SIMD names", function()
    local dir = tmp.dir()
    local file = tmp.write(dir .. "/lines.ndjson", table.concat(lines, "\n"))
    local program = tmp.write(dir .. "/lines.lua", script)
    local said
    for _, variant in ipairs { "scalar", "sse42", "avx2", "avx512", "neon" } do
      local argv = { "env", "SLUICE_SIMD=" .. variant, build .. "/sluice", "run", program, "file=" .. file }
      local done = assert(process.run { argv = argv })
      assert.equal(0, done.status, done.stderr)
      said = said or done.stdout
      assert.equal(said, done.stdout, variant)
    end
    assert.equal(#lines, select(2, said:gsub("\n", "")))
    assert.matches("\n2: column 19: expected a digit after the decimal point\n", said)
    assert.matches("\n4: column 18: invalid UTF%-8\n", said)
    assert.matches("\nid price\t%-1000%.0\n", said)
  end)
end)

-- The short form of `make fuzz`: records and tables agree after the same random edits.
local edits = require "fuzz.edits"

describe("records and tables", function()
  it("agree after the same random edits", function()
    for seed = 1, tonumber(os.getenv "SLUICE_FUZZ_ROUNDS") or 400 do edits.run(seed) end
  end)
end)

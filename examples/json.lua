-- JSON without loss: long ids, 100.0, empty arrays and null come back as they were.
--   sluice run examples/json.lua
local json = require "sluice.json"

local value = assert(json.decode '{"id":123456789012345678,"price":100.0,"tags":[],"extra":{},"big":12345678901234567890,"none":null}')
print(math.type(value.id), value.id)                    -- integer: 18 digits stay
print(json.encode(value, { sort = true }))
print(value.none == json.null, value.missing == nil)    -- null is a value, nil is no field
print(json.encode { empty = json.array {}, object = {} })

local nothing, problem = json.decode '{"a": 01}'
print(nothing, problem.code, problem.message)

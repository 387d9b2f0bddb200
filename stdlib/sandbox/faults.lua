-- Faults to order: which request goes wrong, and how.
--
--   faults:add{ kind = "status", status = 503, path = "/streams/*/products", nth = 2 }
--   faults:add{ kind = "reset_after", method = "POST", probability = 0.05 }
--
-- A fault names requests by `method` and `path` (`*` stands for anything), and of these the `nth`, `every` so many, or
-- each with a `probability` (the same ones for the same seed). Without any of the three it is the next one; `times` says
-- how often it happens at most.
--
-- Kinds, and what else they take:
--   status        status (503), body, retry_after, headers, done (true: the request is carried out all the same), says (words
--                 of the Platform API as the body: too_many, in_queue, lock, job_server, busy)
--   delay         seconds (1), then all goes well
--   reset_before  a TCP reset; the request is not carried out
--   reset_after   the request is carried out, then a TCP reset instead of the answer
--   cut           a TCP reset after so many bytes (`after`, 0) of the request's body; nothing is carried out
--   truncate      the answer ends after so many bytes (`after`, half) of its body
--   stall         the answer stops after so many bytes (`after`, half) for `seconds` (60), then ends
--   malformed     the answer's body is broken in the middle
--   garbage       what comes back is no HTTP
local products = require "sluice.sandbox.products"

local Faults = {}
Faults.__index = Faults

local FIELDS = { kind = "string", method = "string", path = "string", nth = "number", every = "number", probability = "number",
  times = "number", status = "number", body = "string", says = "string", retry_after = "number", headers = "table", done = "boolean",
  seconds = "number", after = "number" }

Faults.kinds = { status = true, delay = true, reset_before = true, reset_after = true, cut = true, truncate = true,
  stall = true, malformed = true, garbage = true }

function Faults.new(seed) return setmetatable({ list = {}, seed = seed, rolls = 0 }, Faults) end

local function usage(text, ...) error({ sandbox_usage = text:format(...) }, 0) end

local function pattern_of(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

---Orders a fault. Gives it, with the count of its requests in `seen` and of itself in `fired`.
function Faults:add(spec)
  local fault = { seen = 0, fired = 0 }
  for name, value in pairs(spec) do
    if not FIELDS[name] then usage("a fault has no %s", tostring(name)) end
    if type(value) ~= FIELDS[name] then usage("a fault's %s is a %s", name, FIELDS[name]) end
    fault[name] = value
  end
  if not Faults.kinds[fault.kind] then usage("there is no fault of the kind %s", tostring(fault.kind)) end
  fault.pattern = pattern_of(fault.path or "*")
  local picky = fault.nth or fault.every or fault.probability
  fault.left = fault.times or (fault.nth and 1) or (not picky and 1) or math.huge
  self.list[#self.list + 1] = fault
  return fault
end

local WORD_TYPES = { number = tonumber, boolean = function(word) return word == "true" end, string = tostring }

---Orders a fault in words: "status status=503 path=/v1/* nth=2".
function Faults:add_words(text)
  local spec = {}
  for word in text:gmatch "[^%s,]+" do
    local name, value = word:match "^([%w_]+)=(.*)$"
    local convert = name and WORD_TYPES[FIELDS[name]]
    if not name then spec.kind = word
    elseif not convert then usage("a fault has no %s", name)
    else
      spec[name] = convert(value)
      if spec[name] == nil then usage("a fault's %s is a %s", name, FIELDS[name]) end
    end
  end
  return self:add(spec)
end

function Faults:clear() self.list = {} end

local function roll(self)
  self.rolls = self.rolls + 1
  return (products.mix(self.seed * 1000003 + self.rolls) >> 11) / (1 << 53)
end

local function is_due(self, fault)
  fault.seen = fault.seen + 1
  if fault.left <= 0 then return false end
  if fault.nth then return fault.seen >= fault.nth end
  if fault.every then return fault.seen % fault.every == 0 end
  if fault.probability then return roll(self) < fault.probability end
  return true
end

---The fault that a request gets, or nil. Cuts happen in the server itself.
function Faults:match(method, path)
  local chosen
  for _, fault in ipairs(self.list) do
    if fault.kind ~= "cut" and (not fault.method or fault.method == method) and path:find(fault.pattern)
      and is_due(self, fault) and not chosen then
      chosen = fault
      fault.left, fault.fired = fault.left - 1, fault.fired + 1
    end
  end
  return chosen
end

return Faults

-- A session of the prompt as `sluice repl` makes it, without a terminal.
--
--   local s = require("support.typing").new(project, { answers = { "y", "n" } })
--   s:eval "feed:upload_products { … }"     s.asked, s.shown
--   s:type("x = 1", "x + 1")                 -- several chunks, whatever becomes of them
--   s:leave()
local log = require "sluice.log"
local run = require "sluice.run"
local sessions = require "sluice.repl.session"

local typing = {}

--- `answers`: what a person says, one after the other (the last again and again); without them there is nobody to ask. `options`: of the
--- command (`yes`, `dry-run`). `project`: nil for a session without a config.
function typing.new(project, o)
  o = o or {}
  local options = { config = project and project.dir .. "/sluice.yaml" }
  for name, value in pairs(o.options or {}) do options[name] = value end
  local self
  local function ask(question)
    self.asked[#self.asked + 1] = question
    local said = o.answers[math.min(#self.asked, #o.answers)]
    if type(said) == "function" then return said() end
    return said
  end
  self = sessions.new { run = run.set { name = "repl", options = options, silent = true }, columns = 80, rows = 40, yes = options.yes,
    ask = o.answers and ask or nil, commands = require("sluice.repl.dots").rows, json = o.json,
    write = function(text) self.written[#self.written + 1] = text end }
  self.asked, self.shown, self.written = {}, {}, {}
  local print_out = log.print
  log.print = function(text) self.shown[#self.shown + 1] = text end
  function self.type(_, ...)
    for _, text in ipairs { ... } do self:eval(text) end
  end
  function self.leave()
    log.print = print_out
    self:close()
    run.set(nil)
  end
  return self
end

return typing

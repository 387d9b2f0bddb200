--- `sluice run`: runs a recipe or a plain script.
local run = { about = "Run a recipe once" }

function run.command(argv)
  local path = argv[1] or require("sluice.err").raise { code = "usage", message = "sluice run: which recipe?", hint = "sluice run RECIPE [key=value …]" }
  local chunk, problem = loadfile(path, "t", require("sluice.strict").env())
  if not chunk then require("sluice.err").raise { code = "usage", message = problem } end
  chunk()
  return 0
end

return run

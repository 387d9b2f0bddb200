--- Whether this daemon does its work: for probes (GET /healthz).
local health = {}

local SLOW, WRITE = 30, 3600 -- seconds without a round of the daemon; between two writes of a probe

-- Each probe asks for the right to write; a write at each would wake every daemon of the store.
local function check_store(ctx)
  local ok, problem = pcall(ctx.store.chore_due, ctx.store, "page health", WRITE)
  if not ok then return ("the store can't be written: %s"):format(problem.message or tostring(problem)) end
end

-- Whether the clock stands before what is recorded: then nothing is decided until it has caught up.
local function check_clock(ctx, now)
  local newest = ctx.store:occurrences({ kind = "timed", newest = true, most = 1 })[1]
  local seen = newest and (newest["until"] or newest.due)
  if seen and seen > now + 1 then return ("the clock is %.0f s before the newest due time that is recorded"):format(seen - now) end
end

-- When the daemon has made its last round.
local function check_loop(ctx, mono)
  local last = ctx.daemon and ctx.daemon.last_round and ctx.daemon.last_round()
  if last and mono - last > SLOW then return ("the scheduler has not made a round for %.0f s"):format(mono - last) end
end

---@param ctx sluice.page.Context
---@param mono number
---@return { status: "ok"|"failing", reasons: string[] }
function health.look(ctx, mono)
  local reasons = require("sluice.json").array {}
  reasons[#reasons + 1] = check_store(ctx)
  local read, clock = pcall(check_clock, ctx, ctx.now())
  reasons[#reasons + 1] = read and clock or not read and #reasons == 0 and "the store can't be read" or nil
  reasons[#reasons + 1] = check_loop(ctx, mono)
  return { status = #reasons == 0 and "ok" or "failing", reasons = reasons }
end

return health

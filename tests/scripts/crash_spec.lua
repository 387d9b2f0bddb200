-- kill -9 of delta_feed from another process, at every named step and at seeded times; each time a further run leaves the
-- stream equal to the shop, product by product, in value. `make crash` (SLUICE_CRASH_LONG=1) makes many more of them.
local model = require "support.shop_model"
local project = require "support.project"

local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773 batch:=150"
local STEPS = { "page", "send", "answer", "before_commit", "after_commit" }

describe("delta_feed, killed", function()
  local p
  before_each(function() p = project.new { products = 600, crowd = 180 } end)
  after_each(function() p:stop() end)

  local function recovers(what)
    local done = p:run(FEED)
    assert(done.status == 0, ("after %s: exit %d: %s"):format(what, done.status, done.stderr))
    local difference = p:difference()
    assert(not difference, ("after %s: %s"):format(what, tostring(difference)))
  end

  local function kill_at(step, n)
    local done = p:crash("KILL", step, n, FEED)
    assert(done.hit, ("the step '%s' was not reached %d times: %s"):format(step, n, done.stderr))
    assert.equal(137, done.status)
    recovers(("%s %d"):format(step, n))
  end

  for _, step in ipairs(STEPS) do
    it("at the step " .. step, function()
      kill_at(step, 1)
      p.sandbox:touch(5)
      p.sandbox:add(1)
      kill_at(step, 1)
    end)
  end

  it("in a long first run: what was committed at a checkpoint is not sent again", function()
    local words = "scripts/delta_feed.lua from=shop to=feed stream=124773 batch:=50 checkpoint:=200"
    local done = p:crash("KILL", "after_commit", 2, words) -- 400 of 600 are committed
    assert(done.hit, done.stderr)
    local again = p:run(words)
    assert.equal(0, again.status, again.stderr)
    assert.equal(200, again.sums.sent)
    assert.is_nil(p:difference())
  end)

  it("at later pages, sends and answers", function()
    for _, step in ipairs { "page", "send", "answer" } do
      p:run(FEED .. " --full")
      p.sandbox:touch(300)
      kill_at(step, 2)
    end
  end)

  it("at seeded times, again and again, while products change", function()
    local rounds = tonumber(os.getenv "SLUICE_CRASHES") or os.getenv "SLUICE_CRASH_LONG" and 300 or 6
    local random = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1)
    local hits = 0
    for _ = 1, rounds do
      for _ = 1, random(1, 3) do
        p.sandbox:touch(random(0, 400))
        p.sandbox:add(random(0, 2))
        if random(1, 2) == 1 then
          hits = hits + (p:crash("KILL", "after", random(5, 250) / 1000, FEED).hit and 1 or 0)
        else
          hits = hits + (p:crash("KILL", STEPS[random(1, #STEPS)], random(1, 4), FEED).hit and 1 or 0)
        end
      end
      recovers "several deaths"
    end
    assert.is_true(hits > 0)
  end)
end)

local command = require "sluice.manual.command"

local module = {
  about = "Show things",
  usage = [[
usage: sluice things [list] [-n N]   all of them
       sluice things show ID         one
       sluice things drop ID [--now]

  sluice things show 12              the twelfth,
                                     whatever it is
  sluice things list -n 5

NOTE   a column
that goes on
]],
  options = {
    { "-n, --most N", "so many", only = "list" }, { "--now", "at once", hidden = true },
    { "--how WORD", "the way", words = { "a", "b" }, many = true },
  },
}

describe("sluice.manual.command", function()
  it("reads a usage", function()
    local about = command.read("things", module)
    assert.same({ "sluice things [list] [-n N]", "all of them" }, { about.synopsis[1].words, about.synopsis[1].about })
    assert.same({ { words = "sluice things show ID", about = "one", verb = "show" }, { words = "sluice things drop ID [--now]", verb = "drop" } },
      { about.synopsis[2], about.synopsis[3] })
    assert.same({ { words = "sluice things show 12", about = "the twelfth, whatever it is" }, { words = "sluice things list -n 5" } },
      about.examples)
    assert.same({ "NOTE   a column\nthat goes on" }, about.notes)
    assert.same({ "-n, --most N", "--how WORD" }, { about.options[1][1], about.options[2][1] })
  end)

  it("puts the options behind the examples", function()
    assert.equal("sluice things: Show things\n\n" .. module.usage:match "^(.-)\nNOTE"
      .. "\n  -n, --most N  list: so many\n  --how WORD    the way; one of a, b; may be given often\n\nNOTE   a column\nthat goes on\n",
      command.text("things", module))
  end)

  it("wraps what is long, and puts it below long names", function()
    local text = command.option_lines { { "--a", ("word "):rep(40) }, { ("x"):rep(50), "what" } }
    for line in text:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 118, line) end
    assert.matches("\n" .. (" "):rep(7) .. "what\n$", text)
  end)

  it("takes a command without usage or options", function()
    assert.equal("sluice bare: Does little\n", command.text("bare", { about = "Does little" }))
    assert.same("sluice bare", command.read("bare", { about = "Does little" }).synopsis[1].words)
  end)
end)

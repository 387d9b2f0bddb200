local options = require "sluice.options"

local SPEC = {
  command = "sluice things", verb = "show", short = { n = "limit", f = "follow" },
  options = { all = true, follow = true, limit = options.whole(1), reason = options.text, rate = options.number,
    kind = options.one_of("high", 7), fault = { options.text, many = true } },
}

local function refused(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("usage", problem.code)
  return problem.message, problem.hint
end

describe("sluice.options", function()
  it("takes options before, between and behind words, with = or without", function()
    local words, given = options.parse({ "--all", "12", "--limit=5", "x", "--reason", "too large", "--rate=1.5" }, SPEC)
    assert.same({ "12", "x" }, words)
    assert.same({ all = true, limit = 5, reason = "too large", rate = 1.5 }, given)
  end)

  it("knows short ones, lists, choices, and an empty value", function()
    local words, given = options.parse({ "-n", "3", "-f", "--fault", "a", "--fault=b=c", "--kind", "7", "--reason=" }, SPEC)
    assert.same({}, words)
    assert.same({ limit = 3, follow = true, fault = { "a", "b=c" }, kind = 7, reason = "" }, given)
  end)

  it("takes -, negative numbers and all behind -- as words", function()
    local words = options.parse({ "-", "-5", "--", "--all", "-x", "--" }, SPEC)
    assert.same({ "-", "-5", "--all", "-x", "--" }, words)
  end)

  it("names what is wrong, the nearest option and where help is", function()
    for said, argv in pairs {
      ["unknown option '--limt' (did you mean '--limit'?)"] = { "--limt", "3" },
      ["unknown option '--limt' (did you mean '--limit'?) "] = { "--limt=3" },
      ["unknown option '-x'"] = { "-x" },
      ["unknown option '---all' (did you mean '--all'?)"] = { "---all" },
      ["--limit needs a value"] = { "--limit" },
      ["-n needs a value"] = { "-n" },
      ["--limit needs a whole number from 1, not '0'"] = { "--limit", "0" },
      ["--limit needs a whole number from 1, not '99999999999999999999'"] = { "--limit", "99999999999999999999" },
      ["--rate needs a number, not '-1'"] = { "--rate=-1" },
      ["--rate needs a number, not 'inf'"] = { "--rate=inf" },
      ["--kind needs one of high, 7 (did you mean 'high'?), not 'hihg'"] = { "--kind", "hihg" },
      ["--all takes no value"] = { "--all=yes" },
    } do
      local message, hint = refused(options.parse, argv, SPEC)
      assert.equal("sluice things: show: " .. said:gsub(" $", ""), message)
      assert.equal("sluice help things", hint)
    end
  end)

  it("counts words where a command says how many", function()
    local one = { command = "sluice things", verb = "get", one = "thing", ask = "which thing?", hint = "sluice things list" }
    assert.same({ "a" }, (options.parse({ "a" }, one)))
    assert.same({ "sluice things: get: which thing?", "sluice things list" }, { refused(options.parse, {}, one) })
    assert.equal("sluice things: get: one thing, not 'b' as well", (refused(options.parse, { "a", "b" }, one)))
    assert.equal("sluice things: list takes no words, not 'x'",
      (refused(options.parse, { "x" }, { command = "sluice things", verb = "list", none = true })))
  end)

  it("finds the subcommand", function()
    local spec = { command = "sluice things", verbs = { list = function(argv, globals) return #argv + globals.n end, get = error } }
    assert.equal(12, options.dispatch({ "list", "a", "b" }, { n = 10 }, spec))
    assert.equal("sluice things: there is no 'gte' (did you mean 'get'?)", (refused(options.dispatch, { "gte" }, {}, spec)))
    assert.equal("sluice things: what about it? one of get, list", (refused(options.dispatch, {}, {}, spec)))
    assert.equal("sluice things: unknown option '--get'", (refused(options.dispatch, { "--get" }, {}, spec)))
    spec.default = "list"
    assert.equal(1, options.dispatch({}, { n = 1 }, spec))
    assert.equal(4, options.dispatch({ "-n", "5", "--all" }, { n = 1 }, spec))
  end)

  describe("rows", function()
    local rows = {
      { "-n, --limit N", "so many", read = options.whole(1), only = "show list" }, { "-f", "goes on" }, { "--dry-run", "shows", only = "send" },
      { "--state WORD", "in this state", words = { "open", 7 }, many = true }, { "--note TEXT", "why" }, { "--own", "for itself", hidden = true },
    }
    local function parse(verb, ...) return select(2, options.parse({ ... }, { command = "sluice things", verb = verb, rows = rows })) end

    it("say what a parser takes", function()
      assert.same({ limit = 5, f = true, state = { "open", 7 }, note = "a b" },
        parse("show", "-n", "5", "-f", "--state", "open", "--state=7", "--note", "a b"))
      assert.same({ own = true, limit = 2 }, parse(nil, "--own", "--limit=2"))
    end)

    it("are those of the subcommand", function()
      assert.same({ ["dry-run"] = true }, parse("send", "--dry-run"))
      assert.equal("sluice things: show: unknown option '--dry-run'", (refused(parse, "show", "--dry-run")))
      assert.equal("sluice things: send: unknown option '-n'", (refused(parse, "send", "-n", "5")))
    end)

    it("read their values", function()
      assert.equal("sluice things: show: --state needs one of open, 7 (did you mean 'open'?), not 'opne'",
        (refused(parse, "show", "--state", "opne")))
      assert.equal("sluice things: show: -n needs a whole number from 1, not 'x'", (refused(parse, "show", "-n", "x")))
      assert.same({ "n", "limit", "N" }, { options.spelt(rows[1]) })
      assert.same({ "f", "f" }, { options.spelt(rows[2]) })
      assert.same({ n = 2, nil, "dry-run" }, { n = 2, options.spelt(rows[3]) })
      assert.same({ "ID:SECRET" }, { select(3, options.spelt { "--token ID:SECRET" }) })
    end)
  end)
end)

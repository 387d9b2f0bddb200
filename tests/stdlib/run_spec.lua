-- `sluice run` as a user meets it: a child process, its output and its exit code.
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- Runs the command; gives exit code, standard output, standard error.
local function run(dir, words, stdin)
  local root = io.popen("pwd"):read "l"
  local command = ("cd '%s' && %s%s/%s %s >out 2>err"):format(dir, stdin and "printf '" .. stdin .. "' | " or "", root, sluice, words)
  local _, how, code = os.execute(command)
  return how == "signal" and 128 + code or code, tmp.read(dir .. "/out"), tmp.read(dir .. "/err")
end

describe("sluice run", function()
  local dir
  before_each(function() dir = tmp.dir() end)
  local function script(text, name) return tmp.write(dir .. "/" .. (name or "r.lua"), text) end

  it("runs a plain script without a config and leaves nothing behind", function()
    script 'print("hello", (...).name) io.write("raw\\n")'
    local code, out, problems = run(dir, "run r.lua name=Bob")
    assert.same({ 0, "hello\tBob\nraw\n", "" }, { code, out, problems })
    local names = io.popen(("ls -A '%s'"):format(dir)):read "a"
    assert.equal("err\nout\nr.lua\n", names)
  end)

  it("gives text, typed and standard-input arguments to a recipe", function()
    script [[
      local sluice = require "sluice"
      return sluice.recipe {
        about = "test", args = { a = "text", n = "number", body = "input", opt = { "x", optional = true }, def = { "y", default = "d" } },
        run = function(args) print(args.a, args.n + 1, args.body, args.opt, args.def) end,
      }]]
    local code, out = run(dir, "run r.lua a=1 n:=41 body=-", "from stdin")
    assert.equal(0, code)
    assert.equal("1\t42\tfrom stdin\tnil\td\n", out)
  end)

  it("leaves standard input to a recipe that takes a path, and reads it when a script looks at it", function()
    script [[
      local sluice = require "sluice"
      return sluice.recipe {
        about = "test", args = { file = { "input", type = "path" } },
        run = function(args) for record in sluice.ndjson.records(args.file) do print(args.file, record.id) end end,
      }]]
    local code, out = run(dir, "run r.lua file=-", '{"id":1}\n{"id":2}\n')
    assert.same({ 0, "-\t1\n-\t2\n" }, { code, out })
    script 'local args = ... io.write(args.none or "none", args.body, args.body)'
    code, out = run(dir, "run r.lua body=-", "x")
    assert.same({ 0, "nonexx" }, { code, out })
    script 'for name, value in pairs(...) do io.write(name, "=", value, ";") end'
    code, out = run(dir, "run r.lua body=-", "x")
    assert.same({ 0, "body=x;" }, { code, out })
    script "os.exit(5)" -- not read where nobody looks
    assert.equal(5, (run(dir, "run r.lua body=-", "x")))
    local problems
    code, out, problems = run(dir, "run r.lua a=- b=-", "x")
    assert.same({ 2, "" }, { code, out })
    assert.matches("'a' and 'b' are both %-", problems)
  end)

  it("names a connection that is not there before anything else is done", function()
    script [[
      return require("sluice").recipe { about = "t", args = { to = { "where", type = "connection", file = true } },
        run = function(args) print("ran", args.to) end }]]
    tmp.write(dir .. "/sluice.yaml", "version: 1\nconnections:\n  feed: { api: productsup_stream, token: x }\n")
    local code, out, problems = run(dir, "run r.lua to=fed")
    assert.same({ 2, "" }, { code, out })
    assert.matches("argument 'to': there is no connection 'fed' %(did you mean 'feed'%?%)", problems)
    assert.matches("known: feed", problems)
    assert.equal("ran\tfeed\n", select(2, run(dir, "run r.lua to=feed")))
    os.remove(dir .. "/sluice.yaml")
    assert.equal("ran\tfile:x\n", select(2, run(dir, "run r.lua to=file:x"))) -- a file needs no config
    assert.equal(2, (run(dir, "run r.lua to=feed")))
  end)

  it("refuses missing, unknown and malformed arguments with exit 2 and a word on the cure", function()
    script 'return require("sluice").recipe { about = "t", args = { stream = "stream id" }, run = function() end }'
    for words, message in pairs {
      ["run r.lua"] = "argument 'stream' is missing: stream id",
      ["run r.lua strem=1"] = "unknown argument 'strem' %(did you mean 'stream'%?%)",
      ["run r.lua stream"] = "'stream' is not an argument: write key=value",
      ["run r.lua stream=1 stream=2"] = "given twice",
      ["run r.lua stream:={"] = "is not JSON",
      ["run r.lua --ful stream=1"] = "unknown option .%-%-ful",
      ["run"] = "which recipe",
      ["run nowhere.lua"] = "nowhere.lua: No such file",
      ["rum r.lua"] = "there is no command 'rum' %(did you mean 'run'%?%)",
    } do
      local code, out, problems = run(dir, words)
      assert.equal(2, code, words)
      assert.equal("", out)
      assert.matches(message, problems)
      assert.not_matches("traceback", problems)
    end
  end)

  it("refuses a retry that is no function", function()
    script 'return require("sluice").recipe { about = "t", retry = "again", run = function() end }'
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(2, code)
    assert.matches("'retry' must be a function, not a string", problems)
  end)

  it("says file and line of a syntax error, without a traceback", function()
    script "local x =\n= 3"
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(2, code)
    assert.matches("^sluice: r%.lua:2: unexpected symbol", problems)
    assert.not_matches("traceback", problems)
  end)

  it("names file and line of a mistake in the script, with a traceback of the script's own frames", function()
    script "local function f()\n  local t = nil\n  return t.x\nend\nf()"
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.matches("r%.lua:3: attempt to index a nil value", problems)
    assert.matches("r%.lua:5: in main chunk", problems)
    assert.not_matches("stdlib/", problems)
  end)

  it("raises for globals that were never declared", function()
    script "prnt('x')"
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.matches("r%.lua:1: reading the undeclared global 'prnt' %(did you mean 'print'%?%)", problems)
    script "function f() x = 1 end f()"
    code, _, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.matches("setting the undeclared %(write 'local'%) global 'f'", problems)
  end)

  it("gives each kind of error its exit code", function()
    for kind, want in pairs { usage = 2, config = 2, invalid = 1, auth = 4, forbidden = 4, limit = 5, unavailable = 5, network = 5,
      stalled = 6, ambiguous = 7, locked = 8, state = 1 } do
      script(('require("sluice.err").raise { code = "%s", message = "m", hint = "do this" }'):format(kind))
      local code, _, problems = run(dir, "run r.lua")
      assert.equal(want, code, kind)
      assert.matches("^sluice: m\n  hint: do this\n  at: r.lua:1\n$", problems)
    end
  end)

  it("does not end green when a task that nobody waits for fails", function()
    script 'local task = require "sluice.task" task.spawn(function() error "lost" end) task.sleep(0.01) print "end"'
    local code, out, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.equal("end\n", out)
    assert.matches("lost", problems)
  end)

  it("says so when every task waits for another", function()
    script 'require("sluice.task").channel():get()'
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.matches("every task waits for another one", problems)
  end)

  it("ends a waiting script at SIGINT with 130, at SIGTERM with 143, when the terminal goes with 129", function()
    script 'io.open("up", "w"):close() require("sluice.task").sleep(60)'
    local root = io.popen("pwd"):read "l"
    for signal, want in pairs { INT = 130, TERM = 143, HUP = 129 } do
      os.remove(dir .. "/up")
      local _, _, code = os.execute(([[cd '%s' && sh -c '
        %s/%s run r.lua 2>err & pid=$!
        until [ -e up ]; do :; done
        kill -%s $pid; wait $pid']]):format(dir, root, sluice, signal))
      assert.equal(want, code)
    end
  end)

  it("sends what the script prints to standard error with --json, and the summary to standard output", function()
    script 'return require("sluice").recipe { about = "t", run = function(_, run) print "noise" run:count("read", 2) run:skip "a" run:skip "a" end }'
    local code, out, problems = run(dir, "run r.lua --json")
    assert.equal(0, code)
    assert.equal("noise\n", problems)
    local summary = assert(require("sluice.json").decode(out))
    assert.equal(2, summary.read)
    assert.same({ a = 2 }, summary.skipped_by_reason)
  end)

  it("shows no table with -q, but where it alone says why the exit code is not 0", function()
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:s.db\n")
    script [[return require("sluice").recipe { about = "t", args = { bad = "json" }, run = function(args, run)
      run:count "read"
      if args.bad then run:reject("{}", "why") else run:count "sent" end
    end }]]
    assert.same({ 0, "", "" }, { run(dir, "run -q r.lua bad:=false") })
    local code, _, problems = run(dir, "run -q r.lua bad:=true")
    assert.equal(3, code)
    assert.matches("^r: exit 3\n.*rejected   1, kept in .*dlq/r%-1%.ndjson", problems)
  end)

  it("is not green where a record that was read has no fate, committed or not", function()
    script 'return require("sluice").recipe { about = "t", run = function(_, run) run:count("read", 2) run:count "sent" end }'
    local code, _, problems = run(dir, "run r.lua")
    assert.equal(1, code)
    assert.matches("2 records were read or made, but 1 were sent, unchanged, skipped or rejected", problems, 1, true)
  end)

  it("means the same cursor however the recipe's path is typed", function()
    assert(os.execute(("mkdir -p '%s/jobs' '%s/else'"):format(dir, dir)))
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:s.db\n")
    script([[
      return require("sluice").recipe { about = "t", run = function(_, run)
        local cursor = run:cursor("c"):open "account"
        print(cursor:get())
        cursor:advance "here"
        run:commit()
      end }]], "jobs/r.lua")
    local seen = {}
    for i, words in ipairs { "run jobs/r.lua", "run ./jobs/r.lua", "run else/../jobs/r.lua", "run '" .. dir .. "/jobs/r.lua'" } do
      local code, out, problems = run(dir, words)
      assert.equal(0, code, problems)
      seen[i] = out
    end
    seen[5] = select(2, run(dir .. "/else", "run ../jobs/r.lua"))
    seen[6] = select(2, run(dir .. "/else", "run -c ../sluice.yaml ../jobs/r.lua"))
    assert.same({ "nil\n", "here\n", "here\n", "here\n", "here\n", "here\n" }, seen)
  end)

  it("shows no argument that is a secret by its name, in the ledger neither", function()
    tmp.write(dir .. "/sluice.yaml", "version: 1\n")
    script [[
      return require("sluice").recipe { about = "t", args = { api_token = "token" },
        run = function(args, run) run:store() error("no " .. args.api_token) end }]]
    local code, out, problems = run(dir, "run r.lua api_token=t0k3n-of-mine --json")
    assert.equal(1, code)
    assert.matches("no %*%*%*", out)
    assert.matches("no %*%*%*", problems)
    local store = require("sluice.state").open(dir .. "/.sluice/state.db")
    local row = store:runs(1)[1]
    store:close()
    assert.equal('{"api_token":"***"}', row.args)
    assert.is_nil((out .. problems .. row.error):find("t0k3n", 1, true))
  end)
end)

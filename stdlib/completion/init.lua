--- `sluice completion`: scripts for shells, and the words that they ask for.
local words = require "sluice.completion.words"

local completion = {
  about = "Print the completion for a shell",
  usage = [[
usage: sluice completion bash      for bash 4.4 or later
       sluice completion zsh       for zsh
       sluice completion fish      for fish

  source <(sluice completion bash)                      this session
  sluice completion bash > ~/.local/share/bash-completion/completions/sluice
  sluice completion zsh > ~/.zfunc/_sluice              in a folder of $fpath
  sluice completion fish > ~/.config/fish/completions/sluice.fish

TAB offers commands, subcommands, options and their values, connections and schedules of sluice.yaml, operations and their
arguments, recipes and the arguments that they declare. Each TAB starts sluice once; it reads the config without its secrets, runs no
recipe and sends nothing. `make install` puts the scripts where the shells look for them.
]],
}

local shells = { bash = true, zsh = true, fish = true }

-- A shell's line up to the cursor as words: quotes and backslashes are taken out, as the shell would.
local function split(line)
  local list, word, i, quote = {}, nil, 1, nil
  while i <= #line do
    local char = line:sub(i, i)
    if char == "\\" and quote ~= "'" then
      i = i + 1
      word = (word or "") .. line:sub(i, i)
    elseif quote and char == quote then quote = nil
    elseif not quote and char:find "[\"']" then quote, word = char, word or ""
    elseif not quote and char:find "%s" then list[#list + 1], word = word, nil
    else word = (word or "") .. char end
    i = i + 1
  end
  list[#list + 1] = word or ""
  return list
end

-- One line a word: the word, TAB, what it is. Files: a line that begins with TAB, the pattern, TAB, what stands before the name.
local function print_words(list)
  for _, one in ipairs(list) do
    io.write(one[1], "\t", ((one[2] or ""):gsub("%c", " ")), "\n")
  end
  if list.files then io.write("\t", list.files, "\t", list.before or "", "\n") end
  return 0
end

function completion.command(argv)
  local shell = argv[1]
  if shell == "words" then return print_words(words.candidates(table.move(argv, 3, #argv, 1, {}))) end
  if shell == "line" then return print_words(words.candidates(table.move(split(argv[3] or ""), 2, 10000, 1, {}))) end
  if not shells[shell] or argv[2] then
    require("sluice.err").raise { code = "usage", message = ("sluice completion: for which shell?%s"):format(
      shell and shell ~= "" and require("sluice.text").near(shell, { "bash", "zsh", "fish" }) or ""), hint = "bash, zsh or fish" }
  end
  io.write((assert(require("sluice.core").file("completion/sluice." .. shell), "the script is not built in")))
  return 0
end

return completion

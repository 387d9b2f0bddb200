--- `sluice version`
local version = {
  about = "Print the version",
  usage = [[
usage: sluice version

  sluice version --json      { version, lua }
]],
}

version.text = "0.1.0"
version.date = "2026-11-28" -- of the manual pages

function version.command(_, globals)
  if globals.json then print(('{"version":"%s","lua":"%s"}'):format(version.text, _VERSION))
  else print("sluice " .. version.text .. " (" .. _VERSION .. ")") end
  return 0
end

return version

-- A plain script: no recipe, no config. `...` is the table of the arguments on the command line.
--   sluice run examples/hello.lua name=Ada times:=2          (key=value is text, key:=json is typed)
local args = ...

for i = 1, args.times or 1 do
  print(("%d. Hello, %s!"):format(i, args.name or "world"))
end

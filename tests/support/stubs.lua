package.loaded["sluice.serve.run_log"] = { path=function(_,i) return "x"..i end, open=function() return {write=function() end, close=function() end} end }

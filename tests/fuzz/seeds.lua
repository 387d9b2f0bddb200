-- What the validation fuzzer starts from: records as APIs send them, and the corners of the grammar.
package.path = "tests/bench/?.lua;" .. package.path
local data = require "data"

local seeds = {}
for i = 1, 12 do seeds[i] = (i <= 6 and data.flat or data.nested)(i):sub(1, -2) end

local function add(text) seeds[#seeds + 1] = text end

add [[{"sku":"A-1","title":"Größe 42 \u00e9\ud83d\ude00 😀 €","price":-0.0,"qty":18446744073709551616,"x":1.5e-300}]]
add [[ { "a" : [ 1 , 2.50 , -3e+7 , [ ] , { } ] , "b\"c\\" : { "" : null , "\u0000" : true } , "a" : false } ]]
add [[{"html":"<p class=\"x\">a\/b\\<\/p>\n\t\r\b\f","path":"C:\\\\dir\\","q":"\"\"\\\"","end":"\\"}]]
add [[[{"id":1},{"id":2,"tags":["a","b"]},"text",true,null,0.1,1e5,123456789012345678901234567890]]
add [[{"k":"日本語テキスト、한국어 텍스트, Ελληνικά, кириллица, עברית","n":[0,-1,10,0.5,1E9,9007199254740993]}]]
add('{"tabs":\t[1,\r2]\t,"deep":' .. ("["):rep(60) .. ("]"):rep(60) .. "}")
add(("["):rep(511) .. "{}" .. ("]"):rep(511)) -- as deep as it may be
add(("["):rep(512) .. "{}" .. ("]"):rep(512)) -- one too deep
add('{"long":"' .. ("0123456789abcdef"):rep(300) .. 'é","after":1}')
add('{"wide":[' .. ("1,"):rep(700) .. '2],"objects":[' .. ('{"a":"b"},'):rep(150) .. "{}]}")
add "{}"
add "[]"

return seeds

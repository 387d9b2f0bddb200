-- What a browser gets is built from values: text is text, whatever is in it.
local html = require "sluice.page.html"
local router = require "sluice.page.router"

local el = html.el

describe("sluice.page.html", function()
  it("builds elements, with sorted attributes and children that may have gaps", function()
    assert.equal('<p class="a" id="b">x1<b>2</b></p>', html.render(el.p { id = "b", class = "a", "x", nil, 1, false, { el.b { 2 } } }))
    assert.equal('<input disabled name="n">', html.render(el.input { name = "n", disabled = true, value = false }))
    assert.equal('<svg><rect x="1"/></svg>', html.render(el.svg { el.rect { x = 1 } }))
  end)

  it("escapes text and attributes", function()
    local nasty = [[<script>alert("1")</script>&amp;']]
    local safe = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;"
    assert.equal(("<i title=\"%s\">%s</i>"):format(safe, safe), html.render(el.i { title = nasty, nasty }))
    assert.equal(safe, html.render(nasty))
  end)

  it("leaves no control characters and no broken UTF-8", function()
    assert.equal("a\u{FFFD}b\n\tc", html.escape "a\0b\n\tc")
    assert.equal("\u{FFFD}\u{FFFD}x", html.escape "\xff\xfex")
    assert.equal("é漢", html.escape "é漢")
    assert.equal("a\u{FFFD}b\u{FFFD}c\u{FFFD}d", html.escape "a\u{202E}b\u{2067}c\u{9B}d")
    assert.equal("naïve – \u{201C}x\u{201D} \u{200F}", html.escape "naïve – \u{201C}x\u{201D} \u{200F}")
  end)

  it("takes no markup as text: only elements are elements", function()
    assert.equal("&lt;b&gt;", html.render { "<b>" })
    assert.equal("&lt;b&gt;", html.render { { "<b>" } }) -- a table from elsewhere is a list of texts
  end)

  it("refuses addresses that lead elsewhere, handlers and styles", function()
    for _, bad in ipairs { "javascript:alert(1)", "//evil.example/", "https://evil.example/", "/\\evil.example", "data:text/html,x" } do
      assert.has_error(function() el.a { href = bad, "x" } end)
      assert.has_error(function() el.form { action = bad } end)
    end
    for _, name in ipairs { "onclick", "style", "a b", 'x"' } do assert.has_error(function() el.a { [name] = "1" } end) end
    assert.equal('<a href="/x?y#z"></a>', html.render(el.a { href = "/x?y#z" }))
  end)

  it("puts names into addresses", function()
    assert.equal("a%2Fb%20%3C%C3%A9.-_~", html.url "a/b <é.-_~")
  end)
end)

describe("sluice.page.router", function()
  local routes = router.new()
  routes:add("GET", "/", "root")
  routes:add("GET", "/runs/:id", "run")
  routes:add("POST", "/runs/:id/cancel", "cancel", { open = true })

  it("finds a handler and its parameters", function()
    assert.equal("root", routes:find("GET", "/").handler)
    local row, params = routes:find("GET", "/runs/a%2Fb")
    assert.same({ "run", { id = "a/b" } }, { row.handler, params })
    assert.equal("run", routes:find("HEAD", "/runs/1").handler)
    assert.is_true(routes:find("POST", "/runs/1/cancel").options.open)
  end)

  it("says which methods an address takes, none where there is no such address", function()
    local row, methods = routes:find("GET", "/runs/1/cancel")
    assert.is_nil(row)
    assert.same({ "POST" }, methods)
    assert.same({}, select(2, routes:find("GET", "/nothing/here/at/all")))
  end)
end)

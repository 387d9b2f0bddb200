-- Stock2Shop: an ERP's products, stock and orders, and the sales channels they go to.
--
-- The whole API is in the rows below; nothing else in sluice knows it. How rows are read and what each field means
-- is in stdlib/definition.lua. Documents: reference "stock2shop-api" (the newer one; it wins over 2021's).
--
--   local shop = sluice.connect "shop"
--   local page = shop:search_products { query = { match_all = {} }, size = 50 }

return {
  name = "stock2shop",
  doc = "Stock2Shop: products and orders between an ERP and its sales channels",

  hosts = {
    { name = "base", key = "base_url", url = "https://app.stock2shop.com", doc = "the v1 API" },
    { name = "queue", key = "queue_url", url = "https://api.stock2shop.com", doc = "the v2-queue API" },
  },

  connection = {
    { name = "username", type = "text", required = true,
      doc = "the user; give sluice one of its own, because each login of that user ends the former" },
    { name = "password", type = "secret", required = true, doc = "its password" },
    { name = "client_id", type = "id", doc = "the client that the user belongs to (orders need it)" },
    { name = "channel_id", type = "id", doc = "the channel, for roles that see only one" },
    { name = "index_lag", type = "seconds", default = 120, doc = "how long the search may lag behind the shop (the vendor says 60 s)" },
  },

  -- Each login ends the token before it, so all processes of this user share one.
  credential = {
    kind = "login", operation = "authenticate", token = "system_user.token", query = "token",
    account = "username", password = "password",
  },

  classes = {
    api = { rate = "3/s", doc = "everything that needs a token" },
    login = { rate = "1/s", doc = "authenticate and valid_token" },
  },
  health = { "valid_token", "sources" },
  learn = { limit = "x-s2s-ratelimit" }, -- a limit per second; neither what is left nor when it comes back

  headers = { ["Content-Type"] = "application/json" },
  errors = {
    message = { "message", "error", "error.message", "error.reason", "errors.1.message" }, -- undocumented: the usual places
    [403] = { hint = "the role of this user may not do that; `role_description` of valid_token names it" },
  },

  operations = {
    {
      name = "authenticate",
      doc = "Log in: ends every earlier token of this user and gives a new one, which the connection then uses",
      method = "POST", path = "/v1/users/authenticate", query = "format=json",
      body = [[{"system_user_auth":{"username":{username},"password":{password}}}]],
      args = {
        { name = "username", type = "text", required = true, from = "connection", doc = "the user" },
        { name = "password", type = "secret", required = true, from = "connection", doc = "the password" },
      },
      anonymous = true, class = "login", resend = "unsafe", result = "system_user",
      example = [[shop:authenticate().role_description]],
      source = "Users, POST /v1/users/authenticate",
    },
    {
      name = "valid_token",
      doc = "The user whose token this connection uses; an auth error when the token is no longer valid",
      method = "GET", path = "/v1/users/valid_token/{token}", query = "format=json",
      renew = false, -- it asks about this token, so a new one would be no answer
      class = "login", resend = "safe", result = "system_user",
      example = [[shop:valid_token().username]],
      source = "Users, GET /v1/users/valid_token",
    },
    {
      name = "sources",
      doc = "All sources (ERPs). One with a source_id is linked: it only updates",
      method = "GET", path = "/v1/sources", query = "format=json",
      class = "api", resend = "safe", result = "system_sources",
      example = [[for _, source in ipairs(shop:sources()) do print(source.id, source.type) end]],
      source = "Sources, GET /v1/sources",
    },
    {
      name = "channels",
      doc = "All sales channels",
      method = "GET", path = "/v1/channels", query = "format=json",
      class = "api", resend = "safe", result = "system_channels",
      example = [[for _, channel in ipairs(shop:channels()) do print(channel.id, channel.type) end]],
      source = "Channels, GET /v1/channels",
    },
    {
      name = "search_products",
      doc = "Active products by an Elasticsearch query: hits in the index, system_products as they are now",
      method = "POST", path = "/v1/products/elastic_search",
      body = [[{"query":{query},"size":{size?},"from":{from?},"sort":{sort?}}]],
      args = {
        { name = "query", type = "object", required = true, doc = "Elasticsearch query" },
        { name = "size", type = "integer", min = 0, max = 10000, doc = "products a page" },
        { name = "from", type = "integer", min = 0, max = 10000, doc = "how many to step over; from + size must stay within 10,000" },
        { name = "sort", type = "object", doc = "Elasticsearch sort" },
        { name = "channel_id", type = "id", query = "channel_id", from = "connection", doc = "the channel; some roles see nothing without it" },
      },
      class = "api", resend = "safe", expect = "system_products",
      example = [[shop:search_products {
  query = { bool = { filter = { { range = { modified = { gt = "2021-08-27 08:23:04" } } } } } },
  size = 50, from = 0, sort = { modified = { order = "asc" } },
}]],
      source = "Products, POST /v1/products/elastic_search",
    },
  },

  helpers = {
    changed_products = { module = "sluice.feed", doc = "iterator over the products that changed: {since=, cursor=, page_size=, channel_id=}" },
  },
}

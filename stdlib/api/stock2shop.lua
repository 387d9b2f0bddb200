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
    whois = { "valid_token", "authenticate" }, -- the former's printed answer has no role, the latter's has
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
    [403] = { ask = { role = "role_description" }, hint = "the role of this user is '{role}' (none: an admin), and may not do that" },
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
      writes = false, -- a dry run reads, and reading needs a token
      example = [[shop:authenticate().role_description]],
      source = "Users, POST /v1/users/authenticate",
    },
    {
      name = "valid_token",
      doc = "The user whose token this connection uses; an auth error when the token is no longer valid",
      method = "GET", path = "/v1/users/valid_token/{token}", query = "format=json",
      renew = false, -- it asks about this token, so a new one would be no answer
      errors = { [403] = { code = "auth", hint = "the token is not valid (no document says which status that has)" } },
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
      class = "api", resend = "safe", writes = false, expect = "system_products",
      example = [[shop:search_products {
  query = { bool = { filter = { { range = { modified = { gt = "2021-08-27 08:23:04" } } } } } },
  size = 50, from = 0, sort = { modified = { order = "asc" } },
}]],
      source = "Products, POST /v1/products/elastic_search",
    },
    {
      name = "queue_products",
      doc = "Queue products of a source; the answer's sync_product says how many were queued. Applied later, in order",
      method = "POST", path = "/v1/products/queue",
      body = [[{"system_products":{products}}]],
      args = {
        { name = "source_id", type = "id", required = true, query = "source_id", doc = "the source that they come from" },
        { name = "products", type = "list", required = true, doc = "list of { source, product }, each product with one variant" },
      },
      class = "api", resend = "safe", counted = true, expect = "system_products", result = "system_products",
      answer = { system_products = { sync_product = "{n}" } },
      example = [[shop:queue_products { source_id = 123, products = { {
  source = { source_id = "123", product_active = "true", source_product_code = "ABC", sync_token = "0", fetch_token = "0" },
  product = { title = "Example", variants = { source_variant_code = "ABC", sku = "ABC" } },
} } }]],
      source = "Products, POST /v1/products/queue",
    },
    {
      name = "queue_images",
      doc = "Queue images of products, base64; the answer's sync_image says how many were queued. After their products",
      method = "POST", path = "/v1/images/queue",
      body = [[{"system_images":{images}}]],
      args = { { name = "images", type = "list", required = true, doc = "list of { source, image }" } },
      class = "api", resend = "safe", counted = true, expect = "system_images", result = "system_images",
      answer = { system_images = { sync_image = "{n}" } },
      example = [[shop:queue_images { images = { {
  source = { source_id = 57, source_product_code = "keyboard", source_variant_code = "4191161" },
  image = { image_id = "a", action = "I", image = "iVBORw0KGgo…" },
} } }]],
      source = "Images, POST /v1/images/queue",
    },
    {
      name = "search_orders",
      doc = "Orders by an Elasticsearch query: hits in the index, system_orders as they are now",
      method = "POST", path = "/v1/orders/elastic_search",
      body = [[{"query":{query},"from":{from?},"size":{size?},"sort":{sort?}}]],
      args = {
        { name = "query", type = "object", required = true, doc = "Elasticsearch query" },
        { name = "from", type = "integer", min = 0, max = 10000, doc = "how many to step over; from + size must stay within 10,000" },
        { name = "size", type = "integer", min = 0, max = 10000, json = [["{size}"]], doc = "orders a page" }, -- text, as printed
        { name = "sort", type = "object", doc = "Elasticsearch sort" },
      },
      class = "api", resend = "safe", writes = false, expect = "system_orders",
      example = [[shop:search_orders { query = { term = { channel_order_code = "0027795" } }, size = 10 }.system_orders]],
      source = "Orders, POST /v1/orders/elastic_search",
    },
    {
      name = "queue_summary",
      doc = "What the queue still has to process. No document shows the answer: it is given as it comes",
      method = "GET", path = "/v1/queue/summary", query = "format=json", -- as the documents' other GETs
      class = "api", resend = "safe",
      answer = {}, follows = { "queue_products", "queue_images" }, -- nothing is queued
      example = [[print(sluice.json.encode(shop:queue_summary()))]],
      source = "Push products, step 4, GET /queue/summary",
    },
    {
      name = "post_order",
      doc = "Queue an order of a channel, in the channel's own format. Each post makes a new order",
      method = "POST", host = "queue", path = "/v2-queue/order",
      encoding = "json",
      args = {
        { name = "client_id", type = "id", required = true, from = "connection", query = "client_id", doc = "the client; valid_token names it" },
        { name = "channel_id", type = "id", required = true, from = "connection", query = "channel_id", doc = "the sales channel" },
        { name = "order", type = "any", required = true, into = "body", doc = "what the channel would send: a table, a record or JSON text" },
      },
      class = "api", resend = "unsafe", expect = "queue_messages",
      answer = { message = "order received", queue_messages = { { key = "{#text}", message_id = "{#text}" } } },
      settle = {
        -- `match` finds it whether the index has the code whole or as words; which one is right is looked up in the entries
        operation = "search_orders", list = "system_orders", match = "channel_order_code", also = { channel_id = "channel_id" }, most = 100,
        whole = "hits.hits", drained = { operation = "queue_summary" }, -- a hit whose order is not shown may be the one
        args = { query = { match = { channel_order_code = { query = "{key}", operator = "and" } } }, size = 100 },
      },
      example = [[shop:post_order { channel_id = 47, order = { channel_order_code = "A-1", line_items = { { sku = "CD003", qty = 1 } } } }]],
      source = "Orders, POST /v2-queue/order",
    },
  },

  helpers = {
    changed_products = { module = "sluice.feed", doc = "iterator over the products that changed: {since=, cursor=, page_size=, channel_id=}" },
    changed_orders = { module = "sluice.changed_orders", doc = "iterator over the orders that changed: {since=, cursor=, page_size=, channel_id=}" },
    push_products = { module = "sluice.push_products", doc = "products of an iterator into the queue of a source: (iter, {source_id=})" },
    push_images = { module = "sluice.push_images", doc = "images of an iterator into the queue, after their products: (iter, {source_id=})" },
    wait_queue = { module = "sluice.wait_queue", doc = "waits until the queue is empty: {deadline=, stall_after=}" },
  },
}

-- Veeqo: stock, products and orders of a warehouse.
--
-- The whole API is in the rows below; nothing else in sluice knows it. How rows are read and what each field means
-- is in stdlib/definition.lua. Documents: reference "veeqo-create-product"; what stands beyond it was seen in the vendor's
-- other pages and in answers of the real server (reference "facts", section 4).
--
--   local depot = sluice.connect "depot"
--   local product = depot:create_product { title = "Dog", product_variants_attributes = { { title = "Big", price = 15, sku_code = "dog-1" } } }
--   depot:sellable(product, "dog-1").id

-- A list is read whole, a page at a time. Every page is asked for with all filters: the ones without would be of another list.
local paging = { kind = "page", page = "page", limit = "page_size", by = "page_size", size = 100, pages = "x-total-pages-count" }
local page_size = { name = "page_size", type = "integer", query = "page_size", min = 1, max = 100, default = 100, doc = "entries a page" }
local created_at_min = { name = "created_at_min", type = "time", format = "sql", query = "created_at_min", doc = "made since then" }
local updated_at_min = { name = "updated_at_min", type = "time", format = "sql", query = "updated_at_min", doc = "changed since then" }
local since_id = { name = "since_id", type = "id", query = "since_id", doc = "ids above this one" }

local product_id = { name = "product_id", type = "id", required = true, doc = "the product's id" }
local order_id = { name = "order_id", type = "id", required = true, doc = "the order's id (its `number` is something else)" }
local sellable_id = { name = "sellable_id", type = "id", required = true, doc = "the variant's id: `id` of one of a product's sellables" }
local warehouse_id = { name = "warehouse_id", type = "id", required = true, doc = "the warehouse's id" }

-- Members of a variant and of an image as POST takes them. The document's table and its example name them between them.
local function variant(new)
  return {
    { name = "title", type = "text", required = new, doc = "Name of this product variant" },
    { name = "price", type = "number", required = new, doc = "Price of this product variant" },
    { name = "sku_code", type = "text", required = new, doc = "SKU code of this product variant" },
    { name = "cost_price", type = "number", null = true, doc = "what it costs" },
    { name = "weight_grams", type = "number", null = true, doc = "Weight in grams, whatever weight_unit says" },
    { name = "weight_unit", type = "text", null = true, doc = "how the weight is shown; comes back as \"g\"" },
    { name = "upc_code", type = "text", null = true, doc = "UPC code" },
    { name = "model_number", type = "text", null = true, doc = "model number" },
    { name = "min_reorder_level", type = "number", null = true, doc = "low on stock below this amount" },
    { name = "quantity_to_reorder", type = "number", null = true, doc = "The number of units to reorder when the stock level is low" },
    { name = "tax_rate", type = "number", null = true, doc = "Tax rate of the product variant" },
  }
end

local image = {
  { name = "src", type = "text", doc = "URL to the image of the product" },
  { name = "display_position", type = "number", doc = "The position in which to display this product image" },
}

local function with(first, rest)
  return { first, table.unpack(rest) }
end

-- Without its id a nested row is a new one, so that sending an update twice would add two.
local function known(what)
  return { name = "id", type = "integer", required = true, doc = ("id of the %s; without it Veeqo adds one"):format(what) }
end

-- The arguments of a product's own fields, and of those behind them.
local function product_args(title_required, variants, images)
  return {
    { name = "title", type = "text", required = title_required, min = 1, doc = "Name of the product" },
    { name = "description", type = "text", null = true, doc = "Customer-facing description of the product" },
    { name = "estimated_delivery", type = "text", null = true, doc = "Number of days this product will take to ship, as text" },
    { name = "notes", type = "text", null = true, doc = "Internal notes about this product" },
    { name = "product_brand_id", type = "id", null = true, doc = "ID of the product brand it belongs to" },
    { name = "product_variants_attributes", type = "list", items = variants, each = "variant", doc = "the product's variants" },
    { name = "images_attributes", type = "list", items = images, each = "image", doc = "images of this product" },
  }
end

local PRODUCT = [[{"product":{"title":{title?},"description":{description?},"estimated_delivery":{estimated_delivery?},"notes":{notes?},]]
  .. [["product_brand_id":{product_brand_id?},"product_variants_attributes":{product_variants_attributes?},]]
  .. [["images_attributes":{images_attributes?}}}]]

local function text(name, doc, required) return { name = name, type = "text", required = required, null = not required, doc = doc } end

local address = {
  text("first_name", "first name"), text("last_name", "last name"), text("company", "company"), text("address1", "first line"),
  text("address2", "second line"), text("city", "city"), text("state", "state or county"), text("zip", "post code"),
  text("country", "country, two letters (ISO)"), text("phone", "phone"), text("email", "email"),
}

local customer = {
  text("email", "email"), text("phone", "phone"), text("mobile", "mobile phone"),
  { name = "billing_address_attributes", type = "object", fields = address, doc = "where the bill goes" },
}

local line_item = {
  { name = "sellable_id", type = "integer", required = true, doc = "the variant's id" },
  { name = "price_per_unit", type = "number", required = true, doc = "price of one" },
  { name = "quantity", type = "integer", required = true, min = 1, doc = "how many" },
  { name = "tax_rate", type = "number", doc = "tax rate" },
  { name = "taxless_discount_per_unit", type = "number", doc = "discount of one, without tax" },
  text("additional_options", "what the buyer chose"),
}

local payment = {
  { name = "payment_type", type = "text", required = true, doc = "how it was paid",
    one_of = { "none", "cash", "credit_card", "bank_transfer", "paypal", "paypal_express", "sagepay", "checkmo", "online_finance" } },
  text("reference_number", "reference of the payment"),
}

return {
  name = "veeqo",
  doc = "Veeqo: stock, products and orders of a warehouse",

  hosts = { { name = "base", key = "base_url", url = "https://api.veeqo.com", doc = "the API" } },

  connection = {
    { name = "api_key", type = "secret", required = true, doc = "an API key of a user in Veeqo" },
    { name = "index_lag", type = "seconds", default = 30, doc = "how long a search may lag behind (no document says; 30 s is a guess)" },
  },
  credential = { kind = "header", header = "x-api-key", secret = "api_key" },

  -- The server's bucket is said to hold 100; a test on the real one saw about 56 pass. Nothing in the answers tells.
  classes = { api = { rate = "5/s burst 50", doc = "everything; one bucket for each key" } },
  health = { "warehouses" },

  headers = { Accept = "application/json" },
  errors = {
    -- {"error_messages": text or list}, {"status": "404" or 404, "error": text}
    message = { "error_messages", "error" },
    [401] = { hint = "check `api_key` of the connection; Veeqo also answers 401 where the account has bills to pay" },
    [403] = { hint = "the account's plan or the key's user does not include this; trying again does not help" },
    [404] = { hint = "is the id right? products, their sellables (variants) and warehouses have ids of their own" },
  },

  operations = {
    {
      name = "create_product",
      doc = "Make a product with its variants. Sent twice it is there twice. Find the variants of the answer with `sellable`",
      method = "POST", path = "/products", body = PRODUCT,
      args = product_args(true, variant(true), image),
      success = { 201 }, expect = "id", class = "api", resend = "unsafe",
      answer = { id = "{#}", title = "{title}", sellables = { each = "product_variants_attributes",
        item = { id = "{#}", title = "{title}", sku_code = "{sku_code}", price = "{price}" } } },
      settle = { -- the search is fuzzy, so the SKU is looked up in what it finds
        operation = "products", args = { query = "{key}" }, by = "product_variants_attributes.1.sku_code", match = "sellables[*].sku_code",
      },
      example = [[depot:create_product {
  title = "Golden Retriever Dog", product_variants_attributes = { { title = "Puppy", price = 150, sku_code = "g-dog-2" } },
}.id]],
      source = "Create a New Product",
    },
    {
      name = "products",
      doc = "All products, page by page as they are asked for",
      method = "GET", path = "/products", paging = paging,
      args = {
        since_id, { name = "warehouse_id", type = "id", query = "warehouse_id", doc = "in this warehouse" }, created_at_min, updated_at_min,
        { name = "query", type = "text", query = "query", doc = "words to look for" }, page_size,
      },
      class = "api", resend = "safe",
      example = [[for product in depot:products { updated_at_min = "2018-01-19 18:11:06" } do print(product.id, product.title) end]],
      source = "List products (vendor's pages)",
    },
    {
      name = "product",
      doc = "One product",
      method = "GET", path = "/products/{product_id}", args = { product_id },
      expect = "id", class = "api", resend = "safe",
      example = [[depot:product { product_id = 8636420 }.sellables]],
      source = "View a product (vendor's pages)",
    },
    {
      name = "update_product",
      doc = "Change a product. Variants and images need their ids, because Veeqo adds those without",
      method = "PUT", path = "/products/{product_id}", body = PRODUCT,
      args = with(product_id, product_args(false, with(known "variant", variant(false)), with(known "image", image))),
      success = { 200, 204 }, class = "api", resend = "safe",
      outcomes = { { status = 500, outcome = "rejected", code = "invalid" } }, -- an attribute that Veeqo does not take
      errors = { [500] = { hint = "Veeqo answers 500 to attributes and values that it does not take; trying again does not help" } },
      example = [[depot:update_product { product_id = 8636420, product_variants_attributes = { { id = 14144703, price = "149.90" } } }]],
      source = "Update a product (vendor's pages)",
    },
    {
      name = "delete_product",
      doc = "Delete a product with its variants, for good",
      method = "DELETE", path = "/products/{product_id}", args = { product_id },
      success = { 200, 204 }, class = "api", resend = "never_automatic",
      example = [[depot:delete_product { product_id = 8636420 }]],
      source = "Delete a product (vendor's pages)",
    },
    {
      name = "orders",
      doc = "Orders, newest first, page by page; cancelled ones only with status = \"cancelled\". `query` is fuzzy: compare `number` yourself",
      method = "GET", path = "/orders", paging = paging,
      args = {
        since_id, created_at_min, updated_at_min,
        { name = "query", type = "text", query = "query",
          doc = "words in number, email and more: other orders come too, so compare `number` of what comes" },
        { name = "status", type = "text", query = "status",
          doc = "awaiting_payment, awaiting_stock, awaiting_fulfillment, shipped, on_hold, cancelled, refunded; a wrong one finds nothing" },
        { name = "tags", type = "text", query = "tags", doc = "orders with this tag" },
        { name = "allocated_at", type = "id", query = "allocated_at", doc = "id of the warehouse that they are allocated at (no time)" },
        page_size,
      },
      class = "api", resend = "safe",
      example = [[for order in depot:orders { query = "WEB-1001" } do
  if order.number == "WEB-1001" then print(order.id, order.status) end
end]],
      source = "List orders (vendor's pages)",
    },
    {
      name = "order",
      doc = "One order",
      method = "GET", path = "/orders/{order_id}", args = { order_id },
      expect = "id", class = "api", resend = "safe",
      example = [[depot:order { order_id = 39106500 }.status]],
      source = "View an order (vendor's pages)",
    },
    {
      name = "create_order",
      doc = "Make an order. Sent twice it is there twice: give each a `number` of yours, and look for that before sending it again",
      method = "POST", path = "/orders",
      body = [[{"order":{"channel_id":{channel_id},"customer_id":{customer_id?},"customer_attributes":{customer_attributes?},]]
        .. [["deliver_to_id":{deliver_to_id?},"deliver_to_attributes":{deliver_to_attributes?},"delivery_method_id":{delivery_method_id},]]
        .. [["line_items_attributes":{line_items_attributes},"number":{number?},"due_date":{due_date?},]]
        .. [["send_notification_email":{send_notification_email},"total_discounts":{total_discounts?},]]
        .. [["additional_order_level_taxless_discount":{additional_order_level_taxless_discount?},"delivery_cost":{delivery_cost?},]]
        .. [["total_tax":{total_tax?},"payment_attributes":{payment_attributes?},"customer_note_attributes":{customer_note_attributes?},]]
        .. [["employee_notes_attributes":{employee_notes_attributes?}}}]],
      args = {
        { name = "channel_id", type = "integer", required = true, doc = "the store, one of `channels`" },
        { name = "customer_id", type = "integer", doc = "a customer that is there" },
        { name = "customer_attributes", type = "object", fields = customer, doc = "or a new one" },
        { name = "deliver_to_id", type = "integer", doc = "an address that is there" },
        { name = "deliver_to_attributes", type = "object", fields = address, doc = "or a new one" },
        { name = "delivery_method_id", type = "integer", required = true, doc = "how it is sent" },
        { name = "line_items_attributes", type = "list", required = true, min = 1, items = line_item, each = "line", doc = "what was bought" },
        { name = "number", type = "text", min = 1,
          doc = "your number of the order: the only thing by which it can be found again after a failure" },
        { name = "due_date", type = "time", format = "day", doc = "a day" },
        { name = "send_notification_email", type = "boolean", default = false, doc = "true: the customer gets an email" },
        { name = "total_discounts", type = "number", doc = "discounts in all" },
        { name = "additional_order_level_taxless_discount", type = "number", doc = "a discount on the whole, without tax" },
        { name = "delivery_cost", type = "number", doc = "what the delivery costs" },
        { name = "total_tax", type = "number", doc = "tax in all" },
        { name = "payment_attributes", type = "object", fields = payment, doc = "the payment" },
        { name = "customer_note_attributes", type = "object", fields = { text("text", "the note", true) }, doc = "a note of the customer's" },
        { name = "employee_notes_attributes", type = "list", items = { text("text", "the note", true) }, each = "note", doc = "notes of your own" },
      },
      either = { { "customer_id", "customer_attributes" }, { "deliver_to_id", "deliver_to_attributes" } },
      success = { 201 }, expect = "id", class = "api", resend = "unsafe",
      settle = { operation = "orders", args = { query = "{key}" }, again = { status = "cancelled" }, by = "number", match = "number" },
      example = [[depot:create_order {
  channel_id = 41001, customer_id = 5001, deliver_to_id = 6001, delivery_method_id = 701, number = "WEB-1001", due_date = "2018-01-31",
  line_items_attributes = { { sellable_id = 14144703, price_per_unit = "149.90", quantity = 1 } },
}.id]],
      source = "Create an order (vendor's pages)",
    },
    {
      name = "stock_entry",
      doc = "How many of a variant are in a warehouse: physical, allocated (promised to orders) and available",
      method = "GET", path = "/sellables/{sellable_id}/warehouses/{warehouse_id}/stock_entry", args = { sellable_id, warehouse_id },
      expect = "physical_stock_level", class = "api", resend = "safe",
      example = [[depot:stock_entry { sellable_id = 14144703, warehouse_id = 22668 }.available_stock_level]],
      source = "Show a stock entry (vendor's pages)",
    },
    {
      name = "set_stock_entry",
      doc = "Set how many there are: the number itself, not a difference. What Veeqo sold since you counted is lost with it",
      method = "PUT", path = "/sellables/{sellable_id}/warehouses/{warehouse_id}/stock_entry",
      body = [[{"stock_entry":{"physical_stock_level":{physical_stock_level},"infinite":{infinite},"location":{location?}}}]],
      args = {
        sellable_id, warehouse_id,
        { name = "physical_stock_level", type = "integer", required = true, doc = "how many are there, allocated ones included" },
        { name = "infinite", type = "boolean", required = true, doc = "true: it never runs out" },
        { name = "location", type = "text", null = true, doc = "where it lies: \"Shelf 2B\"" },
      },
      success = { 200, 204 }, class = "api", resend = "safe",
      example = [[depot:set_stock_entry { sellable_id = 14144703, warehouse_id = 22668, physical_stock_level = 200, infinite = false }]],
      source = "Update a stock entry (vendor's pages)",
    },
    {
      name = "warehouses",
      doc = "All warehouses",
      method = "GET", path = "/warehouses", paging = paging, args = { page_size },
      class = "api", resend = "safe",
      example = [[for warehouse in depot:warehouses() do print(warehouse.id, warehouse.name) end]],
      source = "List warehouses (vendor's pages)",
    },
    {
      name = "channels",
      doc = "All channels (Veeqo calls them stores)",
      method = "GET", path = "/channels", paging = paging,
      args = { { name = "type_code", type = "text", query = "type_code", doc = "of this type: direct, retail, …" }, page_size },
      class = "api", resend = "safe",
      example = [[for channel in depot:channels() do print(channel.id, channel.name) end]],
      source = "List stores (vendor's pages)",
    },
    {
      name = "current_user",
      doc = "The user of the key: the cheapest call that shows whether the key works",
      method = "GET", path = "/current_user",
      class = "api", resend = "safe",
      example = [[depot:current_user().email]],
      source = "Current user (vendor's pages)",
    },
  },

  helpers = {
    changed_orders = { module = "sluice.veeqo_orders", doc = "iterator over the orders that changed: {since=, cursor=, overlap=, page_size=}" },
    find_product = { module = "sluice.veeqo", doc = "(sku_code): the product that has it, or nil" },
    find_warehouse = { module = "sluice.veeqo", doc = "(id or name): that warehouse; the first, where none is asked for" },
    sellable = { module = "sluice.veeqo", doc = "(product, sku_code): the product's variant with that SKU" },
  },
}

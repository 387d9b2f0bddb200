-- A definition: data that says what an API is like. In a project it is apis/tickets.lua beside sluice.yaml, and a
-- connection names it: desk: { api: tickets, key: "${TICKETS_KEY}" }. All fields: stdlib/definition.lua.
return {
  name = "tickets",
  doc = "A help desk",
  hosts = { { name = "base", key = "base_url", url = "https://tickets.example" } },
  connection = { { name = "key", type = "secret", required = true, doc = "API key" } },
  credential = { kind = "header", header = "X-Api-Key", secret = "key" },
  classes = { all = { rate = "2/s", doc = "everything" } },
  errors = { message = { "error" }, [404] = { hint = "list the tickets with `tickets`" } },
  operations = {
    {
      name = "tickets", doc = "All tickets", method = "GET", path = "/tickets",
      args = { { name = "state", type = "text", one_of = { "open", "closed" }, query = "state", doc = "only these" } },
      paging = { kind = "offset", offset = "offset", limit = "limit", size = 50 },
      result = "tickets", class = "all", resend = "safe",
    },
    {
      name = "open_ticket", doc = "Open a ticket", method = "POST", path = "/tickets",
      body = [[{"code":{code},"title":{title}}]],
      args = {
        { name = "code", type = "text", required = true, doc = "what it is known by" },
        { name = "title", type = "text", required = true, doc = "what is wrong" },
      },
      success = { 201 }, class = "all", resend = "unsafe",
      settle = { operation = "tickets", match = "code" }, -- how to find out whether it was done: look through the tickets
    },
    {
      name = "close_ticket", doc = "Close a ticket", method = "PATCH", path = "/tickets/{ticket}",
      body = [[{"state":"closed"}]],
      args = { { name = "ticket", type = "id", required = true, doc = "its id" } },
      class = "all", resend = "safe",
    },
  },
}

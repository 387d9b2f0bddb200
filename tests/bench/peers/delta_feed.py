"""What a good script does: search pages in, NDJSON chunks out; keep-alive, gte + sort asc, ids as text."""
import http.client, json, sys, urllib.parse

base, stream, page = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = http.client.HTTPConnection(base.hostname, base.port)


def post(path, body, headers, status):
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == status, text
    return json.loads(text)


plain = {"Content-Type": "application/json"}
login = json.dumps({"system_user_auth": {"username": "sandbox", "password": "sandbox"}})
token = post("/v1/users/authenticate?format=json", login, plain, 200)["system_user"]["token"]
auth = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/x-ndjson", "Accept": "application/vnd.api+json"}
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
since, seen, lines, sent = "1970-01-01 00:00:00", set(), [], 0


def flush():
    global lines, sent
    if not lines:
        return
    body = ("\n".join(lines) + "\n").encode()
    sent += post(f"/streams/{stream}/products", body, auth, 202)["data"]["attributes"]["stages"]["upload"]["successCount"]
    lines = []


offset, size = 0, 0
while True:
    query = {"query": {"bool": {"filter": [{"range": {"modified": {"gte": since}}}]}}, "size": page, "from": offset,
             "sort": {"modified": {"order": "asc"}}}
    products = post(f"/v1/products/elastic_search?token={token}", json.dumps(query), plain, 200)["system_products"]
    if not products:
        break
    last = products[-1]["modified"]
    for p in products:
        key = (p["id"], p["modified"])
        if key in seen:
            continue
        seen.add(key)
        p["id"] = str(p["id"])
        line = encode(p)
        size += len(line) + 1
        lines.append(line)
        if len(lines) == 10000 or size > 3000000:
            flush()
            size = 0
    if len(products) < page:
        break
    if last == since:
        offset += page
    else:
        seen = {k for k in seen if k[1] >= last}
        since, offset = last, 0
flush()
print(sent)

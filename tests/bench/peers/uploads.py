# uploads.py TASK IN URL: what uploads_sluice.lua does, in the fastest idiom that we know for Python: json, http.client
import http.client, json, sys
from urllib.parse import urlsplit

task, path, url = sys.argv[1:4]
decode = json.JSONDecoder().decode
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
connection = http.client.HTTPConnection(urlsplit(url).netloc)


def flat(t):
    t["price"] *= 1.1


def nested(t):
    for v in t["variants"]:
        v["price"] *= 1.1


def send(lines):
    body = ("\n".join(lines) + "\n").encode()
    connection.request("POST", "/streams/1/products", body, {"Content-Type": "application/x-ndjson"})
    res = connection.getresponse()
    text = res.read()
    if res.status != 202 or json.loads(text)["data"]["attributes"]["stages"]["upload"]["successCount"] != len(lines):
        sys.exit(f"{res.status}: {text}")


patch = globals()[task]
batch = []
with open(path, encoding="utf-8") as f:
    for line in f:
        t = decode(line)
        patch(t)
        batch.append(encode(t))
        if len(batch) == 10000:
            send(batch)
            batch.clear()
    if batch:
        send(batch)

"""A client that shares nothing with sluice: Python's http.client and json do a small job with an API of the sandbox and
compare what comes back with the vendors' documents (fixtures/). Prints a line per step; the first that differs ends it.

    /usr/bin/python3 independent.py http://127.0.0.1:8085 stock2shop|productsup_stream|productsup_platform|veeqo

The clock of the sandbox stands still, so that a second is over when tick() says so.
"""
import gzip
import http.client
import json
import os
import re
import sys
import urllib.parse

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")


class Difference(Exception):
    """What the answer is and what the documents say."""


def equal(what, have, want):
    if have != want:
        raise Difference(f"{what} is {have!r}, should be {want!r}")


def matches(what, have, pattern):
    if not isinstance(have, str) or not re.fullmatch(pattern, have):
        raise Difference(f"{what} is {have!r}, should be like {pattern}")


def fixture(name):
    with open(os.path.join(FIXTURES, name), encoding="utf-8") as file:
        return file.read()


def strict(text):
    """JSON as the standard has it: no NaN, no name twice in an object."""

    def refuse(word):
        raise Difference(f"{word} is no JSON")

    def once(pairs):
        value = dict(pairs)
        equal("number of an object's names", len(value), len(pairs))
        return value

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def like(what, have, printed, free=()):
    """The same names and types as printed; each entry of a list like the one printed in its place, or the first."""
    if what.rsplit(".", 1)[-1] in free:
        return
    equal("type of " + what, kind(have), kind(printed))
    if isinstance(printed, dict):
        equal("names of " + what, sorted(have), sorted(printed))
        for name, value in printed.items():
            like(f"{what}.{name}", have[name], value, free)
    elif isinstance(printed, list) and printed:
        for i, one in enumerate(have):
            like(f"{what}[{i}]", one, printed[i] if i < len(printed) else printed[0], free)


def same(what, have, printed, free=()):
    """The same values as printed, but for members whose names are in `free`."""
    if what.rsplit(".", 1)[-1] in free:
        return
    if isinstance(printed, dict):
        equal("names of " + what, sorted(have), sorted(printed))
        for name, value in printed.items():
            same(f"{what}.{name}", have[name], value, free)
    elif isinstance(printed, list):
        equal("length of " + what, len(have), len(printed))
        for i, value in enumerate(printed):
            same(f"{what}[{i}]", have[i], value, free)
    else:
        equal(what, (kind(have), have), (kind(printed), printed))


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        equal("HTTP version", response.version, 11)

    def header(self, name):
        return self.headers.get(name)

    @property
    def json(self):
        return strict(self.body.decode("utf-8"))


class Api:
    """One connection that is kept open; `headers` go with every request."""

    def __init__(self, url, headers):
        self.host, self.headers = urllib.parse.urlsplit(url).netloc, headers
        self.connection = http.client.HTTPConnection(self.host, timeout=20)

    def call(self, method, path, status, body=None, headers=None):
        parts = body if isinstance(body, list) else None
        if isinstance(body, (dict, tuple)):
            body = json.dumps(body)
        body = body.encode("utf-8") if isinstance(body, str) else body
        chunked = {"Transfer-Encoding": "chunked"} if parts else {}
        everything = {**self.headers, **(headers or {}), **chunked}
        self.connection.request(method, path, body=iter(parts) if parts else body, headers=everything, encode_chunked=bool(parts))
        answer = Answer(self.connection.getresponse())
        if answer.status != status:
            raise Difference(f"{method} {path} answered {answer.status} {answer.body[:200]!r}, should be {status}")
        return answer

    def tick(self, seconds=1):
        return self.call("POST", "/sandbox/clock", 200, {"add": seconds}).json["now"]

    def until_limited(self, passes, method, path, body=None, status=200, headers=None):
        """The limit lets so many requests through, and refuses the next, whose answer this gives."""
        for _ in range(passes):
            self.call(method, path, status, body, headers)
        return self.call(method, path, 429, body, headers)


def step(name):
    print(name, flush=True)


# ---- Stock2Shop ----


def stock2shop(url):
    api = Api(url, {"Content-Type": "application/json"})
    login = {"system_user_auth": {"username": "sandbox", "password": "sandbox"}}
    answer = api.call("POST", "/v1/users/authenticate?format=json", 200, login)
    equal("x-S2S-RateLimit", answer.header("x-s2s-ratelimit"), "1")
    matches("content-type", answer.header("content-type"), "application/json.*")
    like("login", answer.json, strict(fixture("stock2shop/authenticate.json")))
    equal("role", answer.json["system_user"]["role_description"], "product_meta_editor")
    first = answer.json["system_user"]["token"]
    step("login")

    answer = api.call("POST", "/v1/users/authenticate?format=json", 429, login)
    equal("x-S2S-RateLimit", answer.header("x-s2s-ratelimit"), "1")
    api.tick()
    token = api.call("POST", "/v1/users/authenticate?format=json", 200, login).json["system_user"]["token"]
    api.call("GET", "/v1/sources?format=json&token=" + first, 401)
    step("one login a second; it ends the token before")

    api.tick()
    answer = api.call("GET", "/v1/sources?format=json&token=" + token, 200)
    equal("x-S2S-RateLimit", answer.header("x-s2s-ratelimit"), "3")
    like("sources", answer.json, strict(fixture("stock2shop/sources.json")))
    step("sources")

    api.tick()
    query = {"query": {"bool": {"filter": [{"range": {"modified": {"gt": "2018-07-16 08:23:04"}}}]}}, "size": 2, "from": 0,
             "sort": {"modified": {"order": "desc"}}}
    search = "/v1/products/elastic_search?token=" + token
    found = api.call("POST", search, 200, query).json
    printed = strict(fixture("stock2shop/search_products.json"))
    like("search", found, printed, ("_source", "system_products", "request", "max_score"))
    same("request", found["request"], printed["request"], ("url",))
    for i, product in enumerate(found["system_products"]):
        like(f"system_products[{i}]", product, printed["system_products"][0], ("meta", "images", "variants", "source_image_code"))
    equal("products and hits", len(found["system_products"]), len(found["hits"]["hits"]))
    equal("size", len(found["hits"]["hits"]), 2)
    step("search")

    refused = api.until_limited(2, "POST", search, query)
    equal("x-S2S-RateLimit", refused.header("x-s2s-ratelimit"), "3")
    api.tick()
    api.call("POST", search, 200, query)
    step("three requests a second")


# ---- Productsup, Stream API ----

JSON_API = "application/vnd.api+json"
NDJSON = {"Content-Type": "application/x-ndjson"}


def stream_limit(answer, limit, observed, remaining, resets):
    names = ("ratelimit-limit", "ratelimit-observed", "ratelimit-remaining", "ratelimit-reset")
    equal("rate headers", [answer.header(name) for name in names], [str(n) for n in (limit, observed, remaining, resets)])


def stream_refusal(answer, limit, resets):
    stream_limit(answer, limit, limit, 0, resets)
    equal("429", answer.body, fixture("stream/rate_exceeded.txt").split("\n\n")[1].strip().encode())


def stream_upload(api, stream, now):
    text = fixture("stream/chapter3_upload.sh").split("<<EOF\n")[1].split("EOF")[0]
    products = f"/streams/{stream}/products"
    answer = api.call("POST", products, 202, text, NDJSON)
    stream_limit(answer, 30, 1, 29, now + 1)
    printed = strict(fixture("stream/chapter3_upload.json"))
    same("upload", answer.json["data"]["attributes"], printed["data"]["attributes"], ("completedAt",))
    like("upload", answer.json, printed)
    batch = answer.json["data"]["id"]
    step("upload with a line that is no JSON")

    lines = [b'{"id":"a","name":"\xc3\xa4"}\n', b'{"id":"b"}\n{"id":', b'"c"}\n']
    good = api.call("POST", products, 202, lines, NDJSON).json["data"]["attributes"]["stages"]["upload"]
    equal("in chunks", (good["status"], good["successCount"], good["errorCount"]), ("success", 3, 0))
    packed = api.call("POST", products, 202, gzip.compress(b"".join(lines)), {**NDJSON, "Content-Encoding": "gzip"})
    equal("gzip", packed.json["data"]["attributes"]["stages"]["upload"]["successCount"], 3)
    step("upload in chunks, and compressed")
    return products, batch


def stream_batch(api, stream, batch):
    path = f"/streams/{stream}/batches/{batch}"
    waiting = api.call("GET", path, 200).json["data"]["attributes"]
    equal("batch", (waiting["status"], waiting["stages"]["processing"]), ("uploaded", None))
    api.call("POST", "/sandbox/import", 200, {"stream": stream}, {"Content-Type": "application/json"})
    done, printed = api.call("GET", path, 200).json, strict(fixture("stream/chapter6_batch.json"))
    like("batch", done, printed)
    same("batch", done["data"]["attributes"], printed["data"]["attributes"], ("completedAt",))
    step("batch")
    return path


def productsup_stream(url):
    api = Api(url, {"Authorization": "Bearer sandbox-token", "Content-Type": JSON_API, "Accept": JSON_API})
    now = int(api.tick(1))
    body = re.search(r"--data-raw '(.*)'", fixture("stream/chapter1_create.sh"), re.S).group(1)
    answer = api.call("POST", "/streams", 201, body)
    equal("content-type", answer.header("content-type"), JSON_API)
    stream_limit(answer, 5, 1, 4, now + 1)
    like("stream", answer.json, strict(fixture("stream/chapter1_create.json")))
    stream = answer.json["data"]["id"]
    step("create a stream")

    products, batch = stream_upload(api, stream, now)
    path = stream_batch(api, stream, batch)

    stream_refusal(api.until_limited(5, "GET", "/streams/" + stream), 5, now + 1)
    stream_refusal(api.until_limited(27, "POST", products, '{"id":"a"}\n', 202, NDJSON), 30, now + 1)
    stream_refusal(api.until_limited(98, "GET", path), 100, now + 1)
    now = int(api.tick())
    stream_limit(api.call("GET", "/streams/" + stream, 200), 5, 1, 4, now + 1)
    step("5, 30 and 100 requests a second")

    equal("401", api.call("GET", "/streams/" + stream, 401, headers={"Authorization": "Bearer x"}).json["errors"][0]["status"], "401")
    equal("404", api.call("GET", "/streams/999", 404).json["errors"][0]["status"], "404")
    equal("nothing", api.call("DELETE", "/streams/" + stream, 204).body, b"")
    step("errors, and the end of the stream")


# ---- Productsup, Platform API ----


def platform_limit(answer, limit, remaining, resets):
    names = ("X-RateLimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Retry-After")
    equal("rate headers", [answer.header(name) for name in names], [str(n) for n in (limit, remaining, resets)])


def platform_refusal(answer, limit, resets):
    platform_limit(answer, limit, 1, resets)  # 1 as printed, though none is left
    equal("429", answer.body, fixture("platform/rate_exceeded.txt").split("\n\n")[1].strip().encode())


def platform_process(api, now):
    path, body = "/platform/v2/process/123", {"action": "import"}
    answer = api.call("POST", path, 200, body)
    platform_limit(answer, 1, 0, now + 300)
    equal("success", answer.json["success"], True)
    pid = answer.json["process_id"]
    matches("process_id", pid, "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    status = f"/platform/v2/sites/123/status/{pid}"
    seen = api.call("GET", status, 200).json
    equal("status", (seen["status"], [list(link) for link in seen["links"]]), ("queued", [["self"]]))
    matches("self", seen["links"][0]["self"], ".*" + status)
    step("process, queued")

    platform_refusal(api.call("POST", path, 429, body), 1, now + 300)
    step("one process in five minutes")

    api.tick(300)
    equal("status", api.call("GET", status, 200).json["status"], "running")
    api.call("POST", path, 200, body)
    now = int(api.tick(300))
    queued = api.call("POST", path, 429, body)
    platform_limit(queued, 1, 0, now + 300)
    equal("429", queued.json, {"success": False,
                               "message": "Cannot trigger a new process, a process is already in the current queue."})
    step("running; another is queued, and no third")

    now = int(api.tick(1000))
    equal("status", api.call("GET", status, 200).json["status"], "success")
    step("success")
    return now


def productsup_platform(url):
    api = Api(url, {"X-Auth-Token": "1234:sandbox", "Content-Type": "application/json", "Accept": "application/json"})
    now = int(api.tick(1))
    answer = api.call("GET", "/platform/v2/sites", 200)
    platform_limit(answer, 5, 4, now + 1)
    site = answer.json["Sites"][0]
    equal("site", (answer.json["success"], site["id"], site["title"]), (True, "123", "site 1"))
    matches("created_at", site["created_at"], r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
    matches("project_id", str(site["project_id"]), r"\d+")
    equal("links", kind(site["links"]), "list")
    platform_refusal(api.until_limited(4, "GET", "/platform/v2/sites"), 5, now + 1)
    step("sites, five times a second")

    now = platform_process(api, now)

    batch = "0123456789abcdef" * 2
    upload = f"/platform/v2/sites/123/products/{batch}/upload"
    platform_refusal(api.until_limited(15, "POST", upload, ({"id": 123, "title": "test title"},)), 15, now + 1)
    step("fifteen uploads a second")
    read = "/product/v2/site/123/stage/import/0?limit=1"
    platform_refusal(api.until_limited(60, "GET", read), 60, now + 60)
    step("sixty reads a minute")

    api.tick(60)
    equal("401", api.call("GET", "/platform/v2/sites", 401, headers={"X-Auth-Token": "x"}).json["success"], False)
    equal("404", api.call("GET", "/platform/v2/sites/999", 404).json["success"], False)
    step("errors")


# ---- Veeqo ----


def veeqo(url):
    api = Api(url, {"x-api-key": "sandbox-key", "Content-Type": "application/json"})
    body = fixture("veeqo/create_product.body.json")
    answer = api.call("POST", "/products", 201, body)
    made, printed = answer.json, strict(fixture("veeqo/create_product.json"))
    like("product", made, printed, ("updated_by_id",))
    same("product", made, printed, ("created_at", "updated_at", "measurement_attributes", "updated_by_id"))
    equal("variants", [one["sku_code"] for one in made["sellables"]], ["g-dog-2", "g-dog-1"])
    step("create a product")

    for _ in range(24):
        api.tick()
        api.call("POST", "/products", 201, body)
    api.tick(10)
    seen, pages = [], 3
    for page in range(1, pages + 1):
        answer = api.call("GET", f"/products?page={page}&page_size=10", 200)
        names = ("X-Total-Count", "X-Total-Pages-Count", "X-Page-Index", "X-Per-Page")
        equal("page headers", [answer.header(name) for name in names], ["25", str(pages), str(page), "10"])
        seen += [product["id"] for product in answer.json]
    equal("products", (len(seen), len(set(seen)), made["id"] in seen), (25, 25, True))
    equal("behind the last page", api.call("GET", "/products?page=4&page_size=10", 200).json, [])
    step("pages of products")

    refused = api.until_limited(6, "GET", "/current_user")  # the bucket holds ten, four went before
    equal("429", refused.body, b"")
    equal("headers", [refused.header(name) for name in ("Content-Length", "Content-Type", "Retry-After")], ["0", None, None])
    equal("rate headers", [name for name in refused.headers if "rate" in name.lower()], [])
    api.tick()
    equal("429", api.until_limited(5, "GET", "/current_user").body, b"")
    step("a bucket of ten that five a second run out of")

    api.tick(10)
    equal("401", api.call("GET", "/products", 401, headers={"x-api-key": "x"}).json, {"error_messages": "You're not authorized"})
    equal("404", api.call("GET", "/products/1", 404).json, {"status": "404", "error": "Not Found"})
    equal("404", api.call("GET", "/orders/1", 404).json, {"error_messages": "Not found"})
    step("errors")


def main():
    jobs = {job.__name__: job for job in (stock2shop, productsup_stream, productsup_platform, veeqo)}
    try:
        jobs[sys.argv[2]](sys.argv[1])
    except (Difference, ValueError, KeyError, IndexError, OSError, http.client.HTTPException) as problem:
        sys.exit(f"{sys.argv[2]}: {type(problem).__name__}: {problem}")


main()

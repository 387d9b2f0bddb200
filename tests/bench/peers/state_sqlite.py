# state_sqlite.py DIR CHUNKS SIZE: the same rows by sqlite3's executemany, synchronous = FULL, the same transactions.
# state_sqlite.py same DIR: whether both have the same rows, in value.
import glob, json, sqlite3, sys, time

SCHEMA = """
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT,
  host TEXT NOT NULL, account TEXT NOT NULL, operation TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL,
  state TEXT NOT NULL, body TEXT, digest TEXT NOT NULL, answer TEXT, note TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL,
  intended_ms INTEGER NOT NULL, sent_ms INTEGER, sent_up_ms INTEGER, sent_boot TEXT, settled_ms INTEGER, looked_ms INTEGER,
  negatives INTEGER NOT NULL DEFAULT 0,
  UNIQUE (host, account, operation, scope, key));
CREATE INDEX outbox_key ON outbox (key);
CREATE INDEX outbox_open ON outbox (state) WHERE state <> 'confirmed';
CREATE TABLE letters (id INTEGER PRIMARY KEY, line TEXT);
"""
PLAN = "INSERT INTO outbox (host, account, operation, scope, key, state, body, digest, run, intended_ms) VALUES (?,?,?,?,?,?,?,?,?,?)"
SEND = "UPDATE outbox SET state = 'sent', sent_ms = ?, sent_up_ms = ?, sent_boot = ?, attempts = attempts + 1 WHERE id = ?"
SETTLE = "UPDATE outbox SET state = 'confirmed', settled_ms = ?, answer = 'ok' WHERE id = ?"
LETTER = "INSERT INTO letters (line) VALUES (?)"
COLUMNS = "SELECT id, host, account, operation, scope, key, state, body, digest, answer, note, attempts, run FROM outbox ORDER BY id"


# What a letter is for us too: the record is looked at, whether it is JSON, and goes with its reason into a line.
def letter(body):
    return (json.dumps({"time": "2026-11-28T18:00:00Z", "recipe": "bench", "run": 1, "reason": "too large", "record": json.loads(body)}),)


def work(folder, chunks, size):
    db = sqlite3.connect(folder + "/peer.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA)
    spent = {"plan": 0, "send": 0, "settle": 0, "letters": 0}

    def chunk(what, sql, rows):
        start = time.monotonic()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(sql, rows)
        db.execute("COMMIT")
        spent[what] += time.monotonic() - start

    now, boot = int(time.time() * 1000), "0b7db0ce-5a4a-4a3c-9c5a-0b7db0ce5a4a"
    for c in range(chunks):
        numbers = range(c * size + 1, (c + 1) * size + 1)
        bodies = ['{"id":"A-%08d","price":1%08d.5,"text":"%s"}' % (n, n, "y" * 153) for n in numbers]
        rows = [("https://x", "bob", "post", "", "A-%08d" % n, "intended", b, "%064d" % n, 3, now) for n, b in zip(numbers, bodies)]
        chunk("plan", PLAN, rows)
        chunk("send", SEND, [(now, 1000, boot, n) for n in numbers])
        chunk("settle", SETTLE, [(now, n) for n in numbers])
        start = time.monotonic()
        lines = [letter(b) for b in bodies]
        spent["letters"] += time.monotonic() - start
        chunk("letters", LETTER, lines)
    print(json.dumps(spent))


def same(folder):
    ours, peer = sqlite3.connect(folder + "/ours.db"), sqlite3.connect(folder + "/peer.db")
    a, b = ours.execute(COLUMNS).fetchall(), peer.execute(COLUMNS).fetchall()
    if a != b or not a:
        sys.exit("the outbox has other rows than the peer's: %d and %d" % (len(a), len(b)))
    lines = [json.loads(line) for line in open(glob.glob(folder + "/dlq/*.ndjson")[0])]
    a = [(x["recipe"], x["run"], x["reason"], x["record"]) for x in lines]
    lines = [json.loads(row[0]) for row in peer.execute("SELECT line FROM letters ORDER BY id")]
    b = [(x["recipe"], x["run"], x["reason"], x["record"]) for x in lines]
    if a != b:
        sys.exit("the dead letters are other ones than the peer's: %d and %d" % (len(a), len(b)))


if sys.argv[1] == "same":
    same(sys.argv[2])
else:
    work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

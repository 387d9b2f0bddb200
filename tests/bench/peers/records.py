# records.py TASK IN OUT: what records_sluice.lua does, in the fastest idiom that we know for Python's json
import json, sys

task, path, outpath = sys.argv[1:4]
decode = json.JSONDecoder().decode
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def flat(t):
    t["price"] *= 1.1
    return True


def nested(t):
    for v in t["variants"]:
        v["price"] *= 1.1
    return True


def flat_filter(t):
    if t["qty"] <= 50:
        return False
    t["title"] = t.pop("name")
    return True


def nested_filter(t):
    if t["variants"][0]["qty"] <= 50:
        return False
    t["name"] = t.pop("title")
    return True


keep = globals()[task]
batch = []
with open(path, encoding="utf-8") as f, open(outpath, "w", encoding="utf-8") as out:
    for line in f:
        t = decode(line)
        if keep(t):
            batch.append(encode(t))
        if len(batch) == 1000:
            out.write("\n".join(batch) + "\n")
            batch.clear()
    if batch:
        out.write("\n".join(batch) + "\n")

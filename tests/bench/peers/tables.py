import json, sys
kind, path, outpath = sys.argv[1:4]
decode = json.JSONDecoder().decode
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
batch = []
with open(path, encoding="utf-8") as f, open(outpath, "w", encoding="utf-8") as out:
    for line in f:
        t = decode(line)
        if kind == "flat":
            t["price"] *= 1.1
        else:
            for v in t["variants"]:
                v["price"] *= 1.1
        batch.append(encode(t))
        if len(batch) == 1000:
            out.write("\n".join(batch) + "\n")
            batch.clear()
    if batch:
        out.write("\n".join(batch) + "\n")

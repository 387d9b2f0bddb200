const fs = require("fs");
const [kind, path, outpath] = process.argv.slice(2);
const fd = fs.openSync(path, "r"), out = fs.openSync(outpath, "w");
const buf = Buffer.allocUnsafe(1 << 20);
let rest = Buffer.alloc(0);
for (let n; (n = fs.readSync(fd, buf, 0, buf.length, null)) > 0; ) {
  const block = Buffer.concat([rest, buf.subarray(0, n)]);
  const end = block.lastIndexOf(10) + 1;
  rest = Buffer.from(block.subarray(end));
  const lines = block.toString("utf8", 0, end).split("\n");
  const res = [];
  for (const line of lines) {
    if (!line) continue;
    const t = JSON.parse(line);
    if (kind === "flat") t.price *= 1.1;
    else for (const v of t.variants) v.price *= 1.1;
    res.push(JSON.stringify(t));
  }
  fs.writeSync(out, res.join("\n") + "\n");
}

// records.js TASK IN OUT: what records_sluice.lua does, in the fastest idiom that we know for node
const fs = require("fs");
const [task, path, outpath] = process.argv.slice(2);
const tasks = {
  flat: (t) => ((t.price *= 1.1), true),
  nested: (t) => {
    for (const v of t.variants) v.price *= 1.1;
    return true;
  },
  flat_filter: (t) => t.qty > 50 && ((t.title = t.name), delete t.name, true),
  nested_filter: (t) => t.variants[0].qty > 50 && ((t.name = t.title), delete t.title, true),
};
const keep = tasks[task];
const fd = fs.openSync(path, "r"), out = fs.openSync(outpath, "w");
const buf = Buffer.allocUnsafe(1 << 20);
let rest = Buffer.alloc(0);
for (let n; (n = fs.readSync(fd, buf, 0, buf.length, null)) > 0; ) {
  const block = Buffer.concat([rest, buf.subarray(0, n)]);
  const end = block.lastIndexOf(10) + 1;
  rest = Buffer.from(block.subarray(end));
  const res = [];
  for (const line of block.toString("utf8", 0, end).split("\n")) {
    if (!line) continue;
    const t = JSON.parse(line);
    if (keep(t)) res.push(JSON.stringify(t));
  }
  if (res.length > 0) fs.writeSync(out, res.join("\n") + "\n");
}
